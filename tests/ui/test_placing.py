"""Where a new docker goes in a window: it makes the window no higher, and the Layers docker stays in sight."""

from __future__ import annotations

from typing import Any

import pytest

from krita_colorize.krita_port import placing
from krita_colorize.qt import QtCore, QtWidgets

RIGHT = QtCore.Qt.DockWidgetArea.RightDockWidgetArea


@pytest.fixture
def main(qtbot: Any) -> QtWidgets.QMainWindow:
    """A window like Krita's: a colour selector and tool options behind tabs, layers and brushes below them."""
    main = QtWidgets.QMainWindow()
    qtbot.addWidget(main)
    for name in ("Colours", "Options", placing.LAYERS, "Brushes"):
        add(main, name)
    main.tabifyDockWidget(dock(main, "Colours"), dock(main, "Options"))
    main.resize(800, 700)
    main.show()
    return main


def add(main: QtWidgets.QMainWindow, name: str) -> QtWidgets.QDockWidget:
    made = QtWidgets.QDockWidget(name)
    made.setObjectName(name)
    content = QtWidgets.QWidget()
    content.setMinimumSize(100, 90)
    made.setWidget(content)
    main.addDockWidget(RIGHT, made)
    made.show()
    return made


def dock(main: QtWidgets.QMainWindow, name: str) -> QtWidgets.QDockWidget:
    return next(one for one in main.findChildren(QtWidgets.QDockWidget) if one.objectName() == name)


def names(docks: list[QtWidgets.QDockWidget]) -> set[str]:
    return {one.objectName() for one in docks}


def test_a_new_docker_makes_the_window_no_higher(main: QtWidgets.QMainWindow, qtbot: Any) -> None:
    before = main.minimumSizeHint().height()
    ours = add(main, "ours")
    assert main.minimumSizeHint().height() > before
    placing.share_place(ours)
    qtbot.wait(20)
    assert main.minimumSizeHint().height() == before
    assert names(main.tabifiedDockWidgets(ours)) == {"Colours", "Options"}
    assert not ours.visibleRegion().isEmpty()  # it is the one in front
    assert ours.height() > dock(main, "Brushes").height()


def test_without_tabs_it_lies_before_another_docker_but_not_the_layers(
    main: QtWidgets.QMainWindow,
) -> None:
    for name in ("Colours", "Options"):
        dock(main, name).hide()
    ours = add(main, "ours")
    placing.share_place(ours)
    assert names(main.tabifiedDockWidgets(ours)) == {"Brushes"}


@pytest.mark.parametrize("state", ["alone", "floating", "hidden", "tabbed"])
def test_otherwise_it_stays_where_it_is(main: QtWidgets.QMainWindow, state: str) -> None:
    ours = add(main, "ours")
    if state == "alone":
        for name in ("Colours", "Options", "Brushes"):
            dock(main, name).hide()
    elif state == "tabbed":
        main.tabifyDockWidget(dock(main, "Brushes"), ours)
    else:
        ours.setFloating(state == "floating")
        ours.setVisible(state != "hidden")
    before = names(main.tabifiedDockWidgets(ours))
    placing.share_place(ours)
    assert names(main.tabifiedDockWidgets(ours)) == before

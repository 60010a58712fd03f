"""The whole docker without a mouse: Tab reaches everything from top to bottom, all has a name and shows its focus."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from docker_stage import wait

from krita_colorize.app.document import DocumentModel
from krita_colorize.app.session import Session
from krita_colorize.core.edits import Binding
from krita_colorize.qt import QtCore, QtWidgets
from krita_colorize.ui import keyboard
from krita_colorize.ui.docker import DockerWidget

CONTROLS = (
    QtWidgets.QAbstractButton,
    QtWidgets.QComboBox,
    QtWidgets.QAbstractSpinBox,
    QtWidgets.QAbstractItemView,
    QtWidgets.QPlainTextEdit,
)


ROW_PX = 40
"""Controls in a row, and those beside a list, end at different heights."""


@pytest.fixture
def docker(ready: Session, model: DocumentModel, qtbot: Any) -> DockerWidget:
    """With a result and every fold open."""
    model.change(model="masked", bindings=(Binding(10, 12, model.settings.references[0].source.key, 9, 9),))
    docker = DockerWidget(ready)
    qtbot.addWidget(docker)
    docker.resize(300, 2400)
    docker.show()
    for fold in docker.findChildren(QtWidgets.QToolButton):
        if fold.isCheckable() and fold.arrowType() != QtCore.Qt.ArrowType.NoArrow:
            fold.setChecked(True)
    ready.colorize()
    wait(qtbot, lambda: model.results)
    ready.bindings.look_at(model, model.settings.references[0].source)
    wait(qtbot, lambda: ready.bindings.view is not None)
    docker.activateWindow()
    qtbot.wait(20)
    return docker


def controls(docker: DockerWidget) -> list[QtWidgets.QWidget]:
    """What can be worked with, without the parts that Qt makes controls of."""
    found = [w for w in docker.findChildren(QtWidgets.QWidget) if isinstance(w, CONTROLS)]
    return [w for w in found if w.isVisible() and w.isEnabled() and not isinstance(w.parent(), CONTROLS)]


def named(widget: QtWidgets.QWidget) -> str:
    """What a screen reader says."""
    labels = [
        label.text() for label in widget.window().findChildren(QtWidgets.QLabel) if label.buddy() is widget
    ]
    return widget.accessibleName() or getattr(widget, "text", str)() or "".join(labels)


def test_tab_reaches_every_control(docker: DockerWidget) -> None:
    missed = [widget.objectName() for widget in controls(docker) if widget not in keyboard.stops(docker)]
    assert missed == []


def test_tab_goes_from_top_to_bottom(docker: DockerWidget) -> None:
    tops = [widget.mapTo(docker, QtCore.QPoint(0, widget.height())).y() for widget in keyboard.stops(docker)]
    low = [(above, below) for above, below in itertools.pairwise(tops) if below < above - ROW_PX]
    assert low == []


def test_every_stop_has_a_name(docker: DockerWidget) -> None:
    assert [widget.objectName() for widget in keyboard.stops(docker) if not named(widget)] == []


def test_tab_goes_round_both_ways(docker: DockerWidget, qtbot: Any) -> None:
    stops = keyboard.stops(docker)
    stops[0].setFocus()
    there = []
    for _ in stops:
        qtbot.keyClick(QtWidgets.QApplication.focusWidget(), QtCore.Qt.Key.Key_Tab)
        there.append(QtWidgets.QApplication.focusWidget())
    assert there == [*stops[1:], stops[0]]
    shift = QtCore.Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(QtWidgets.QApplication.focusWidget(), QtCore.Qt.Key.Key_Tab, shift)
    assert QtWidgets.QApplication.focusWidget() is stops[-1]


def test_focus_can_be_seen(docker: DockerWidget, qapp: QtWidgets.QApplication, qtbot: Any) -> None:
    qapp.setStyle("Fusion")  # Krita's own
    stops, unseen = keyboard.stops(docker), []
    stops[-1].setFocus()
    for widget in stops:
        before = widget.grab().toImage()
        qtbot.keyClick(QtWidgets.QApplication.focusWidget(), QtCore.Qt.Key.Key_Tab)
        if widget.grab().toImage() == before:
            unseen.append(widget.objectName())
    assert unseen == []


def test_a_key_leads_in_and_out(docker: DockerWidget, qtbot: Any) -> None:
    window = QtWidgets.QWidget()
    qtbot.addWidget(window)
    canvas = QtWidgets.QLineEdit(window)
    docker.setParent(window)
    docker.show()
    window.show()
    window.activateWindow()
    canvas.setFocus()
    wait(qtbot, canvas.hasFocus)
    docker.run_action("focus")
    assert docker.focusWidget().objectName() == "colorize_button"
    docker.run_action("focus")
    assert canvas.hasFocus()
    docker.setParent(None)

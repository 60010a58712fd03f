"""The docker's small widgets by themselves."""

from __future__ import annotations

from typing import Any

import pytest

from krita_colorize.qt import QtCore, QtGui, QtWidgets
from krita_colorize.ui.widgets import Choice

LONG = "The line art of the third panel, cleaned up and inked again"


@pytest.fixture
def narrow(qtbot: Any) -> Choice:
    """A combo that is too narrow for its text."""
    choice = Choice("", "Sketch", "")
    qtbot.addWidget(choice)
    choice.show_choice([(LONG, "a")], "a")
    choice.resize(120, 26)
    choice.show()
    return choice


def test_a_long_name_ends_in_an_ellipsis(narrow: Choice) -> None:
    shown, found = narrow.grab().toImage(), False
    shorter = [LONG[:count] + "…" for count in range(len(LONG))]
    for text in shorter:
        narrow.setItemText(0, text)
        fits = narrow.fontMetrics().horizontalAdvance(text) < 100
        found |= fits and narrow.grab().toImage() == shown
    assert found


def test_the_whole_name_is_under_the_mouse(qtbot: Any) -> None:
    box = Choice("sketch_combo", "Sketch", "The layer to colour.")
    qtbot.addWidget(box)
    box.show_choice([("Background of the second page", "1")], "1")
    box.resize(90, 24)
    box.show()
    place = QtCore.QPoint(5, 5)
    help_event = QtGui.QHelpEvent(QtCore.QEvent.Type.ToolTip, place, box.mapToGlobal(place))
    QtWidgets.QApplication.sendEvent(box, help_event)
    assert QtWidgets.QToolTip.text().startswith("Background of the second page\n\nThe layer")

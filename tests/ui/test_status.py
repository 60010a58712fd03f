"""The docker's head: the backend's button and what it stands for."""

from __future__ import annotations

from typing import Any

import pytest
from docker_stage import wait

from krita_colorize.app import job as jobs
from krita_colorize.app.backend import BackendState
from krita_colorize.app.document import DocumentModel
from krita_colorize.app.session import Session
from krita_colorize.qt import QtCore, QtWidgets
from krita_colorize.ui.errors import ErrorBox
from krita_colorize.ui.status import StatusBar
from krita_colorize.ui.widgets import column


@pytest.fixture
def bar(session: Session, qtbot: Any) -> QtWidgets.QWidget:
    """The head with the box of errors below it, 248 px wide."""
    bar, status = QtWidgets.QWidget(), StatusBar(session)
    bar.setLayout(column(status, ErrorBox(session, status.make_failure_help_page)))
    qtbot.addWidget(bar)
    bar.resize(248, 300)
    bar.show()
    return bar


def find(bar: QtWidgets.QWidget, name: str) -> Any:
    return bar.findChild(QtWidgets.QWidget, name)


def test_backend_button_follows_the_backend(bar: QtWidgets.QWidget, session: Session, qtbot: Any) -> None:
    button = find(bar, "backend_button")
    if session.backend.state is not BackendState.STOPPED:
        button.click()
    assert button.text() == "Start"
    button.click()
    wait(qtbot, lambda: session.backend.state is BackendState.READY)
    assert button.text() == "Stop"
    session.backend.local.report("The colour engine ended.")
    assert button.text() == "Restart"
    assert find(bar, "error_label").text() == "The colour engine ended."
    assert not find(bar, "dismiss_error_button").isVisible()
    button.click()
    wait(qtbot, lambda: session.backend.state is BackendState.READY)
    assert find(bar, "error_label").text() == ""


def test_a_hung_backend_can_be_restarted_by_its_button(
    bar: QtWidgets.QWidget, ready: Session, model: DocumentModel, qtbot: Any
) -> None:
    model.change(model="slow")
    ready.colorize()
    wait(qtbot, lambda: "Painting" in find(bar, "status_label").text())
    ready.job._silences = jobs.HUNG_AFTER
    ready.state_changed.emit()
    assert find(bar, "status_label").text() == jobs.HUNG
    assert find(bar, "backend_button").text() == "Restart"
    wait(qtbot, lambda: find(bar, "backend_button").text() == "Stop")  # with the next sign of life


def test_a_long_error_without_spaces_can_be_read_and_copied(
    bar: QtWidgets.QWidget, session: Session, qtbot: Any
) -> None:
    long = "/a/very/long/path" * 240
    session.report(long)
    text, bars = find(bar, "error_label"), QtCore.Qt.ScrollBarPolicy
    wait(qtbot, lambda: text.height() > 4 * text.fontMetrics().lineSpacing())
    assert bar.minimumSizeHint().width() <= 248
    assert text.height() < 6 * text.fontMetrics().lineSpacing()
    assert text.horizontalScrollBarPolicy() == bars.ScrollBarAlwaysOff
    assert text.document().size().width() <= text.viewport().width()
    assert text.verticalScrollBar().maximum() > 0  # all of it can be scrolled to
    text.selectAll()
    text.copy()
    assert QtWidgets.QApplication.clipboard().text() == text.text() == long


def test_a_short_error_takes_no_more_height_than_it_needs(
    bar: QtWidgets.QWidget, session: Session, qtbot: Any
) -> None:
    session.report("Add a reference.")
    text = find(bar, "error_label")
    wait(qtbot, lambda: text.height() < 2 * text.fontMetrics().lineSpacing())
    assert text.verticalScrollBar().maximum() == 0


def test_a_long_status_ends_in_an_ellipsis(bar: QtWidgets.QWidget, session: Session) -> None:
    label = find(bar, "status_label")
    assert label.fontMetrics().horizontalAdvance(label.text()) > label.width()
    assert label.text() in label.toolTip()
    assert label.height() < 2 * label.fontMetrics().lineSpacing()

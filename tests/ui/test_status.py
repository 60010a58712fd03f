"""The docker's head: the backend's button and what it stands for."""

from __future__ import annotations

from typing import Any

import pytest
from docker_stage import wait

from krita_colorize.app import job as jobs
from krita_colorize.app.backend import BackendState
from krita_colorize.app.document import DocumentModel
from krita_colorize.app.session import Session
from krita_colorize.qt import QtWidgets
from krita_colorize.ui.status import StatusBar


@pytest.fixture
def bar(session: Session, qtbot: Any) -> StatusBar:
    bar = StatusBar(session)
    qtbot.addWidget(bar)
    bar.show()
    return bar


def find(bar: StatusBar, name: str) -> Any:
    return bar.findChild(QtWidgets.QWidget, name)


def test_backend_button_follows_the_backend(bar: StatusBar, session: Session, qtbot: Any) -> None:
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
    bar: StatusBar, ready: Session, model: DocumentModel, qtbot: Any
) -> None:
    model.change(model="slow")
    ready.colorize()
    wait(qtbot, lambda: "Painting" in find(bar, "status_label").text())
    ready.job._silences = jobs.HUNG_AFTER
    ready.state_changed.emit()
    assert find(bar, "status_label").text() == jobs.HUNG
    assert find(bar, "backend_button").text() == "Restart"
    wait(qtbot, lambda: find(bar, "backend_button").text() == "Stop")  # with the next sign of life

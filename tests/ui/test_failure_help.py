"""The page about what broke: real backends that are killed, don't start, or lose a job; never in the artist's way."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker_stage import SERVER, open_page, wait, write_launch_file
from fake_port import FakePort

from krita_colorize.app.backend import BackendState
from krita_colorize.app.session import Session
from krita_colorize.core import failure_help
from krita_colorize.core.failure_help import Cause
from krita_colorize.qt import QtCore, QtWidgets
from krita_colorize.ui.docker import DockerWidget

SCRIPTED = (sys.executable, str(SERVER), "{}")


@pytest.fixture
def session(port: FakePort, tmp_path: Path, qtbot: Any) -> Iterator[Session]:
    """With an engine of its own that may be killed."""
    write_launch_file(tmp_path, *SCRIPTED)
    session = Session(port, home=tmp_path)
    page = open_page(port)
    wait(qtbot, lambda: session.document is not None and session.document.sketch is not None)
    session.document.change(engine="scripted", model="slow")
    session.references.add_layer(session.document, page.sheet)
    yield session
    session.close()
    session.deleteLater()


@pytest.fixture
def docker(session: Session, qtbot: Any) -> DockerWidget:
    docker = DockerWidget(session)
    qtbot.addWidget(docker)
    docker.show()
    return docker


def find(docker: DockerWidget, name: str) -> Any:
    return docker.findChild(QtWidgets.QWidget, name)


def open_trouble(docker: DockerWidget, qtbot: Any) -> Any:
    wait(qtbot, lambda: find(docker, "failure_button").isVisible())
    find(docker, "failure_button").click()
    return find(docker, "failure_page")


def log_of(page: QtWidgets.QWidget) -> str:
    return page.findChild(QtWidgets.QPlainTextEdit, "failure_log_edit").toPlainText()


def text(page: QtWidgets.QWidget, name: str) -> str:
    return page.findChild(QtWidgets.QLabel, f"failure_{name}_label").text()


def test_a_killed_engine_is_explained_and_restarted(
    docker: DockerWidget, session: Session, qtbot: Any
) -> None:
    session.colorize()
    wait(qtbot, lambda: "slowly" in session.status)
    os.kill(session.backend.local._process.processId(), signal.SIGKILL)
    page = open_trouble(docker, qtbot)
    assert page.isVisible()
    assert not page.isModal()
    assert text(page, "title") == "The system ended the colour engine"
    assert "Close other programs" in text(page, "advice")
    assert "all settings are unchanged" in text(page, "kept")
    assert "job queued" in log_of(page)
    assert '{"' not in log_of(page)  # told, not dumped
    page.findChild(QtWidgets.QPushButton, "failure_restart_button").click()
    wait(qtbot, lambda: session.backend.state is BackendState.READY)
    assert not find(docker, "failure_button").isVisible()
    assert page.isVisible()  # it can still be read


def test_an_engine_that_ends_at_start_shows_its_last_words(
    docker: DockerWidget, session: Session, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = f"import sys; sys.exit('no library in {Path.home()}/lib, token=abc123')"
    write_launch_file(tmp_path, sys.executable, "-c", words)
    session.colorize()
    page = open_trouble(docker, qtbot)
    assert text(page, "title") == "The colour engine doesn't start"
    assert "no library in ~/lib, token=…" in log_of(page)
    assert not page.findChild(QtWidgets.QPlainTextEdit).isVisible()  # folded
    page.findChild(QtWidgets.QPushButton, "failure_setup_button").click()
    assert find(docker, "setup_page").isVisible()
    saved = tmp_path / "saved.txt"
    monkeypatch.setattr(QtWidgets.QFileDialog, "getSaveFileName", lambda *_: (str(saved), ""))
    page.findChild(QtWidgets.QPushButton, "failure_save_button").click()
    wait(qtbot, lambda: text(page, "note") == "Saved as saved.txt.")
    assert "happened: not started: The colour engine ended by itself (code 1)" in saved.read_text("utf-8")


@pytest.mark.parametrize(("script", "cause"), [("crash", Cause.WORKER), ("bug", Cause.FAULT)])
def test_a_lost_job_is_explained(
    docker: DockerWidget, session: Session, qtbot: Any, script: str, cause: Cause
) -> None:
    session.document.change(model=script)
    session.colorize()
    page = open_trouble(docker, qtbot)
    assert text(page, "title") == failure_help.TITLES[cause]
    assert text(page, "sentence") == find(docker, "error_label").text()
    assert page.findChild(QtWidgets.QPushButton, "failure_restart_button").isHidden()
    find(docker, "dismiss_error_button").click()
    assert not find(docker, "failure_button").isVisible()


def test_what_the_artist_can_cure_is_no_trouble(docker: DockerWidget, session: Session, qtbot: Any) -> None:
    session.document.remove_reference(0)
    session.colorize()
    assert find(docker, "error_label").isVisible()
    assert not find(docker, "failure_button").isVisible()


def test_a_fault_of_the_docker_is_trouble_too(
    docker: DockerWidget, session: Session, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    monkeypatch.setattr(session.job_requests, "colorize", lambda *_: 1 / 0)
    session.colorize()
    page = open_trouble(docker, qtbot)
    assert text(page, "title") == "Something is wrong in Krita Colorize"
    assert "ZeroDivisionError" in log_of(page)
    qtbot.keyClick(page, QtCore.Qt.Key.Key_Escape)
    assert not page.isVisible()


def test_every_cause_has_words() -> None:
    assert set(failure_help.TITLES) == set(failure_help.ADVICE) == set(Cause)

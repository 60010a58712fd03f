"""The Models page with a real backend and a small catalogue: licence first, progress, stop, go on, verify, remove."""

import json
import sys
from pathlib import Path

import file_host
import published_files
import pytest
from docker_stage import PATIENCE_MS, open_page, write_launch_file

from krita_colorize.app.session import Session
from krita_colorize.core import catalogue
from krita_colorize.core.catalogue import ModelState
from krita_colorize.qt import QtCore, QtWidgets
from krita_colorize.ui.docker import DockerWidget
from krita_colorize.ui.models import ModelsPage, _model_file

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return published_files.anime_checkpoint(tmp_path_factory.mktemp("published") / "trained.pth")


@pytest.fixture(scope="module")
def host(checkpoint):
    host, server = file_host.serve()
    host.content = checkpoint.read_bytes()
    yield host
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def home(host, tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("COLORIZE_TEST_HOST", json.dumps([host.url, len(host.content)]))
    patch.delenv("COLORIZE_OFFLINE", raising=False)
    home = tmp_path_factory.mktemp("home")
    write_launch_file(home, sys.executable, str(TESTS / "server" / "serve_with_small_catalogue.py"))
    yield home
    patch.undo()


@pytest.fixture
def session(port, home, qtbot):
    session = Session(port, home=home)
    open_page(port)
    yield session
    session.close()
    session.deleteLater()


@pytest.fixture
def page(session, qtbot):
    page = ModelsPage(session.catalogue)
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: bool(session.catalogue.models), timeout=PATIENCE_MS)
    return page


@pytest.fixture
def until(qtbot, session):
    def wait(condition):
        qtbot.waitUntil(lambda: bool(condition(session.catalogue)), timeout=PATIENCE_MS)

    return wait


def find(page, name, card="faces"):
    inside = page.findChild(QtWidgets.QWidget, f"card_{card}") if card else page
    return inside.findChild(QtWidgets.QWidget, name)


def state(now, name="faces"):
    return next((model.state for model in now.models if model.name == name), None)


def test_a_model_comes_and_goes(page, session, host, until, qtbot, monkeypatch):
    assert not find(page, "download_model_button").isEnabled()
    assert "Do what you like." in "".join(label.text() for label in page.findChildren(QtWidgets.QLabel))
    find(page, "accept_licence_check").click()
    host.tricks = ["cut", *["stall"] * 20]
    find(page, "download_model_button").click()
    until(lambda now: now.task and now.task.running and now.task.done)
    assert not find(page, "stop_model_button").isHidden()
    find(page, "stop_model_button").click()
    until(lambda now: state(now) is ModelState.PARTIAL and not now.busy)
    assert find(page, "download_model_button").text() == "Go on"
    host.tricks = []
    find(page, "download_model_button").click()
    until(lambda now: state(now) is ModelState.INSTALLED)
    qtbot.waitUntil(
        lambda: any(engine.name == "anime_diffusion" and not engine.missing for engine in session.engines),
        timeout=PATIENCE_MS,
    )
    find(page, "verify_model_button").click()
    until(lambda now: now.task and now.task.kind == "verify" and not now.task.running)
    assert session.catalogue.problem == ""
    yes = QtWidgets.QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QtWidgets.QMessageBox, "question", lambda *_: yes)
    find(page, "remove_model_button").click()
    until(lambda now: state(now) is ModelState.ABSENT)


def test_a_dropped_file_becomes_a_model(page, session, checkpoint, until):
    data = QtCore.QMimeData()
    data.setUrls([QtCore.QUrl.fromLocalFile(str(checkpoint))])
    session.catalogue.bring(_model_file(data))
    until(lambda now: state(now, "trained") is ModelState.INSTALLED)
    session.catalogue.remove(session.catalogue.models[-1])
    until(lambda now: state(now, "trained") is None)


def test_a_broken_file_is_told_on_the_page(page, session, tmp_path, until):
    (tmp_path / "broken.safetensors").write_bytes(b"no model")
    session.catalogue.bring(tmp_path / "broken.safetensors")
    until(lambda now: now.problem and not now.busy)
    label = find(page, "models_problem_label", card="")
    assert "can't be read as a model" in label.text()
    assert not label.isHidden()


def test_other_files_are_not_taken(page, session, tmp_path):
    session.catalogue.bring(tmp_path / "picture.png")
    assert "isn't a model file" in session.catalogue.problem
    data = QtCore.QMimeData()
    data.setUrls([QtCore.QUrl("https://example.org/a.safetensors")])
    assert _model_file(data) is None


def test_a_file_that_went_away_is_told(session, page, tmp_path, until):
    session.catalogue.bring(tmp_path / "missing.pth")
    until(lambda now: "There is no such file" in now.problem)


def test_what_a_file_predicts_is_asked(page, session, tmp_path):
    now = session.catalogue
    now._brought = tmp_path / "mine.safetensors"
    failed = {"kind": "convert", "model": "m", "state": "failed", "stage": "", "done": 0, "total": 0}
    sentence = "Say which: noise (epsilon) or velocity."
    now._on_status({**failed, "result": None, "error": {"code": "x", "message": sentence}})
    now.changed.emit()
    assert not find(page, "prediction_epsilon_button", card="").isHidden()
    assert now.asks_prediction == tmp_path / "mine.safetensors"


def test_the_docker_opens_the_page(session, qtbot):
    docker = DockerWidget(session)
    qtbot.addWidget(docker)
    button = docker.findChild(QtWidgets.QWidget, "models_button")
    qtbot.waitUntil(button.isEnabled)
    button.click()
    page = docker.findChild(QtWidgets.QDialog, "models_page")
    assert page.isVisible()
    qtbot.waitUntil(lambda: bool(page.findChildren(QtWidgets.QCheckBox)), timeout=PATIENCE_MS)
    page.close()


def test_sizes_are_said_as_people_say_them():
    assert [catalogue.size_words(size) for size in (1, 5_000_000, 6_820_000_000)] == [
        "1 MB",
        "5 MB",
        "6.8 GB",
    ]

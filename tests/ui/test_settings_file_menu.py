"""The settings menu saves a sketch's settings to a file and loads them again, and tells of files that don't work."""

import pytest
from docker_stage import wait

from krita_colorize.qt import QtWidgets
from krita_colorize.ui.same_settings import SameSettingsButton


@pytest.fixture
def button(session, model, qtbot):
    button = SameSettingsButton(session)
    qtbot.addWidget(button)
    return button


def choose(button, text):
    button.menu().aboutToShow.emit()
    next(action for action in button.menu().actions() if action.text() == text).trigger()


def test_settings_are_saved_and_loaded(button, model, tmp_path, qtbot, monkeypatch):
    path = tmp_path / "mine.colorize.json"
    monkeypatch.setattr(QtWidgets.QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    monkeypatch.setattr(QtWidgets.QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    references = model.settings.references
    model.change(seed=41)
    choose(button, "Save settings…")
    model.change(seed=1)
    choose(button, "Load settings…")
    wait(qtbot, lambda: model.settings.seed == 41)
    assert model.settings.references == references


def test_file_that_is_no_settings_is_told(button, session, tmp_path, monkeypatch):
    (tmp_path / "x.json").write_text("{}")
    for name, words in (("x.json", "contains no settings"), ("nowhere.json", "can't be used (No such file")):
        monkeypatch.setattr(
            QtWidgets.QFileDialog, "getOpenFileName", lambda *_, name=name: (str(tmp_path / name), "")
        )
        choose(button, "Load settings…")
        assert words in session.error

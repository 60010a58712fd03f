"""Where the docker's own files lie."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest
from colorizer import paths

from krita_colorize.app import home


def test_environment_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path))
    assert home.home() == paths.home() == tmp_path


@pytest.mark.parametrize("data_home", ["", "/somewhere"])
def test_both_sides_find_the_same_folder(monkeypatch: pytest.MonkeyPatch, data_home: str) -> None:
    monkeypatch.delenv("COLORIZE_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", data_home)
    assert home.home() == paths.home()


@pytest.mark.parametrize(("platform", "end"), [("win32", "Local"), ("darwin", "Application Support")])
def test_other_platforms_have_their_folder(monkeypatch: pytest.MonkeyPatch, platform: str, end: str) -> None:
    monkeypatch.delenv("COLORIZE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    assert home.home().parent.name == end
    assert home.home().name == "krita-colorize"


def test_log_is_written_and_closed(tmp_path: Path) -> None:
    handler = home.start_log(tmp_path)
    home.LOG.info("hello")
    home.stop_log(handler)
    assert "INFO hello" in (tmp_path / "logs" / "docker.log").read_text("utf-8")
    assert handler not in logging.getLogger("krita_colorize").handlers


def test_unwritable_home_does_without_a_log(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    assert home.start_log(tmp_path) is None
    home.stop_log(None)

"""The engine's memory: asked for when the engine gets ready and after its work, and never while it works."""

from __future__ import annotations

import re
from typing import Any

from docker_stage import Page, wait

from krita_colorize.app.session import Session

MEMORY = r"The colour engine takes [\d.]+ [MG]B of memory; [\d.]+ [MG]B are free\."


def test_memory_is_told_once_the_engine_is_ready(ready: Session, qtbot: Any) -> None:
    wait(qtbot, lambda: ready.health.words)
    assert re.fullmatch(MEMORY, ready.health.words)


def test_memory_is_asked_for_again_after_work(ready: Session, page: Page, qtbot: Any) -> None:
    wait(qtbot, lambda: ready.health.words)
    ready.health.words = ""
    ready.colorize()
    assert ready.health.words == ""
    wait(qtbot, lambda: ready.document.results or ready.error)
    wait(qtbot, lambda: ready.health.words)
    assert ready.error == ""


def test_stopped_engine_takes_no_memory(ready: Session, qtbot: Any) -> None:
    wait(qtbot, lambda: ready.health.words)
    ready.backend.stop()
    wait(qtbot, lambda: not ready.health.words)


def test_what_the_engine_notes_is_shown_once(ready: Session, monkeypatch: Any, qtbot: Any) -> None:
    wait(qtbot, lambda: ready.health.words)
    note = "The graphics card can't be used."
    answer = {"memory": {"used": 1, "free": 1}, "note": note}
    monkeypatch.setattr("krita_colorize.app.health.http.read_json", lambda pieces: answer)
    ready.health._on_answer([])
    assert ready.error == note
    ready.report("")
    ready.health._on_answer([])
    assert ready.error == ""

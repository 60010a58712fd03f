"""The status says "Ready" only when the picture shows what was asked for, and something else at once after a press."""

from __future__ import annotations

from typing import Any

import pytest
from docker_stage import Page, wait
from fake_port import FakePort

from krita_colorize.app.activity import Activity
from krita_colorize.app.document import DocumentModel
from krita_colorize.app.session import Session
from krita_colorize.core.port import Pixels
from krita_colorize.qt import QtCore

KEY = "a document"


@pytest.fixture
def said(ready: Session, model: DocumentModel, port: FakePort, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every status in turn, and what is done in Krita in between, in capitals."""
    said: list[str] = []

    def note() -> None:
        if not said or said[-1] != ready.status:
            said.append(ready.status)

    ready.activity.reads.connect(note)
    # What is said within one turn of the event loop isn't painted.
    ready.state_changed.connect(lambda: QtCore.QTimer.singleShot(0, note))
    for name in ("snapshot", "layer_pixels", "insert_group", "replace_pixels", "show_overlay"):
        monkeypatch.setattr(port, name, noting(getattr(port, name), name.upper(), said))
    return said


def noting(call: Any, name: str, said: list[str]) -> Any:
    def noted(*arguments: Any, **named: Any) -> Any:
        answer = call(*arguments, **named)
        said.append(name)
        return answer

    return noted


def since_press(said: list[str], last: str) -> list[str]:
    """What was said and done up to the last thing done."""
    return said[: len(said) - said[::-1].index(last)]


def test_colorize_is_ready_when_the_canvas_shows_it(
    ready: Session, model: DocumentModel, said: list[str], qtbot: Any
) -> None:
    ready.colorize()
    wait(qtbot, lambda: "SHOW_OVERLAY" in said and said[-1] == "Ready")
    done = since_press(said, "SHOW_OVERLAY")
    assert done[:2] == ["Reading the pictures", "SNAPSHOT"]
    assert "Ready" not in done, said


def test_apply_is_ready_when_the_group_is_there(
    ready: Session, model: DocumentModel, said: list[str], qtbot: Any
) -> None:
    ready.colorize()
    wait(qtbot, lambda: model.results and ready.status == "Ready")
    said.clear()
    ready.apply()
    wait(qtbot, lambda: "INSERT_GROUP" in said and ready.status == "Ready")
    assert since_press(said, "INSERT_GROUP")[0] == "Updating the picture"
    assert "Ready" not in since_press(said, "INSERT_GROUP")


def test_redo_is_busy_at_once_and_ready_when_the_layers_have_changed(
    ready: Session, page: Page, model: DocumentModel, said: list[str], port: FakePort, qtbot: Any
) -> None:
    model.change(model="masked")
    ready.colorize()
    wait(qtbot, lambda: model.results and model.results[0].base is not None)
    ready.apply()
    wait(qtbot, lambda: model.results[0].group_id and ready.status == "Ready")
    said.clear()
    mask = page.find("Foreground mask")
    size = page.document.info.width * page.document.info.height
    page.document.pixels[mask] = Pixels(64, 48, b"\x00" * (size // 2) + b"\xff" * (size // 2))
    before = model.results[0].changes
    said.clear()
    ready.redo()
    wait(qtbot, lambda: model.results[0].changes > before and ready.status == "Ready")
    done = since_press(said, "REPLACE_PIXELS")
    assert done[0] == "Reading the pictures"
    assert "Ready" not in done, said


def test_a_task_ends_once_and_whatever_happens(qapp: object) -> None:
    activity = Activity()
    first, second = activity.begin(KEY), activity.begin(KEY)

    def breaks() -> None:
        raise ValueError

    with pytest.raises(ValueError):
        first.ends(breaks)()
    first.end()
    assert activity.of(KEY)
    second.end()
    assert not activity.of(KEY)
    assert not activity.of("another document")


def test_reading_ends_when_it_fails(qapp: object) -> None:
    activity = Activity()
    with pytest.raises(LookupError), activity.reading(KEY):
        raise LookupError
    assert not activity.is_read(KEY)

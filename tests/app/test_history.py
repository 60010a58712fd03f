"""Results on disk: found again by their document, bounded, and never a reason not to open a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from docker_stage import Page, open_page, wait
from fake_port import FakePort

from krita_colorize.app import files
from krita_colorize.app.document import DocumentModel
from krita_colorize.app.session import Session
from krita_colorize.core import settings
from krita_colorize.core.port import Change


def colorize(session: Session, model: DocumentModel, qtbot: Any) -> None:
    before = len(model.results)
    session.colorize()
    wait(qtbot, lambda: len(model.results) > before and model.results[0].path)
    wait(qtbot, lambda: session._workers._pool.waitForDone(1000) and model.results[0].path.exists())


def reopen(session: Session, page: Page, port: FakePort, qtbot: Any) -> DocumentModel:
    """Closes the document and opens the same file again; nothing but its notes stays."""
    port.close_document(page.key)
    wait(qtbot, lambda: session.document is None)
    again = open_page(port)
    again.document.notes = dict(page.document.notes)
    port.tell(Change.DOCUMENT)
    wait(qtbot, lambda: session.document is not None)
    return session.document


def test_results_come_back_with_their_document(
    ready: Session, page: Page, model: DocumentModel, port: FakePort, qtbot: Any
) -> None:
    for seed in (1, 2):
        model.change(seed=seed)
        colorize(ready, model, qtbot)
    kept = [(item.made, item.result.layers(), item.result.request) for item in model.results]
    again = reopen(ready, page, port, qtbot)
    wait(qtbot, lambda: len(again.results) == 2)
    assert [(item.made, item.result.layers(), item.result.request) for item in again.results] == kept
    assert again.selected is None


def test_discarded_results_stay_away(
    ready: Session, page: Page, model: DocumentModel, port: FakePort, qtbot: Any
) -> None:
    colorize(ready, model, qtbot)
    path = model.results[0].path
    ready.discard()
    wait(qtbot, lambda: not path.exists())


def test_two_open_copies_keep_apart(
    ready: Session, page: Page, model: DocumentModel, port: FakePort, qtbot: Any
) -> None:
    """The copy of a file has the same layer ids and notes; what happens in one must not reach the other."""
    colorize(ready, model, qtbot)
    copy = port.open("copy.kra")
    copy.layers, copy.pixels = list(page.document.layers), dict(page.document.pixels)
    copy.notes, copy.active = dict(page.document.notes), page.lines.id
    port.tell(Change.DOCUMENT)
    wait(qtbot, lambda: ready.document is not model and ready.document.results)
    second = ready.document
    assert second.document_id != model.document_id
    assert [item.made for item in second.results] == [item.made for item in model.results]
    second.change(seed=42)
    assert model.settings.seed == 0
    assert settings.load(copy.notes[settings.NOTE]).document == second.document_id
    assert settings.load(page.document.notes[settings.NOTE]).document == model.document_id
    path = model.results[0].path
    ready.select_result(second.results[0].number)
    ready.discard()
    ready._workers._pool.waitForDone(2000)
    assert path.exists()


def test_broken_files_are_left_out(
    ready: Session, page: Page, model: DocumentModel, port: FakePort, qtbot: Any, scripted_home: Path
) -> None:
    colorize(ready, model, qtbot)
    good = model.results[0].path
    for number, data in enumerate((b"", b"CLZ1garbage", good.read_bytes()[:-9], b"\xff" * 500), 1):
        good.with_name(f"{number}.clz").write_bytes(data)
    good.with_name("x.clz").write_bytes(b"no number")
    again = reopen(ready, page, port, qtbot)
    wait(qtbot, lambda: again.results)
    assert len(again.results) == 1
    assert ready.error == ""


def test_a_full_disk_is_no_reason_not_to_colour(
    ready: Session, page: Page, model: DocumentModel, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    ready.colorize()
    wait(qtbot, lambda: model.results and model.results[0].base)
    ready._workers._pool.waitForDone(2000)
    qtbot.wait(50)
    assert ready.error == ""


def test_notes_of_the_first_version_are_read(port: FakePort, session: Session, qtbot: Any) -> None:
    document = port.open()
    lines = port.add_layer(document, "Lines")
    document.notes[settings.NOTE] = (
        b'{"version": 1, "layers": {"%s": {"mode": "split", "seed": 5, "sketch_mask": "{m}"}}}'
        % lines.id.encode()
    )
    port.tell(Change.DOCUMENT)
    wait(qtbot, lambda: session.document is not None and session.document.sketch)
    found = session.document.settings
    assert (found.mode.value, found.seed, found.sketch_mask, found.hints, session.error) == (
        "split",
        5,
        "{m}",
        "",
        "",
    )

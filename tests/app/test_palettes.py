"""The palette of a result: edited in its layers as one undo step, kept with the settings, loaded and saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from docker_stage import Page, colorize, wait

from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.job import JobState
from krita_colorize.app.jobs import MAX_IN_FLIGHT
from krita_colorize.app.session import Session
from krita_colorize.core.edits import Swap
from krita_colorize.core.port import Pixels

OLD, NEW = "#f08010", "#112233"  # the sheet's colour, which is B, G, R in Krita
STROKE = b"\x01\x02\x03\xff"


@pytest.fixture
def applied(ready: Session, page: Page, model: DocumentModel, qtbot: Any) -> Item:
    item = colorize(ready, qtbot)
    ready.apply()
    wait(qtbot, lambda: page.document.undo)
    return item


def flats(page: Page) -> Pixels:
    key = page.find("Flats")
    return page.document.pixels[key]


def edit(session: Session, item: Item, qtbot: Any, edits: dict[str, str]) -> None:
    before = item.changes
    session.palettes.edit(session.document, edits)
    wait(qtbot, lambda: item.changes > before or session.error)


def test_edit_is_exact_and_one_undo_step(
    ready: Session, page: Page, model: DocumentModel, applied: Item, qtbot: Any
) -> None:
    data = bytearray(flats(page).data)
    data[:4] = STROKE
    key = page.find("Flats")
    page.document.pixels[key] = Pixels(64, 48, bytes(data))
    steps = len(page.document.undo)
    edit(ready, applied, qtbot, {OLD: NEW})
    assert flats(page).data == STROKE + b"\x33\x22\x11\xff" * (64 * 48 - 1)
    assert len(page.document.undo) == steps + 1
    assert applied.result.palette == (NEW,)
    assert model.settings.swaps == (Swap(OLD, NEW),)


def test_edit_shows_while_jobs_run_and_wait(
    ready: Session, page: Page, model: DocumentModel, applied: Item, qtbot: Any
) -> None:
    model.change(model="slow")
    for _ in range(MAX_IN_FLIGHT + 1):
        ready.colorize()
    jobs = ready.jobs.of(page.key)
    wait(qtbot, lambda: any(job.state is JobState.RUNNING for job in jobs))
    edit(ready, applied, qtbot, {OLD: NEW})
    assert set(flats(page).data) == set(b"\x33\x22\x11\xff")
    assert ready.jobs.of(page.key) == jobs
    for job in jobs:
        job.cancel()


def test_edits_of_edits_lead_back(ready: Session, page: Page, applied: Item, qtbot: Any) -> None:
    before = flats(page).data
    edit(ready, applied, qtbot, {OLD: NEW})
    edit(ready, applied, qtbot, {NEW: OLD})
    assert flats(page).data == before
    assert colorize(ready, qtbot).result.palette == (OLD,)


def test_the_next_colouring_shows_the_edit(
    ready: Session, page: Page, model: DocumentModel, applied: Item, qtbot: Any
) -> None:
    edit(ready, applied, qtbot, {OLD: NEW})
    item = colorize(ready, qtbot)
    assert item.result.palette == (NEW,)
    assert item.result.layers()[0].pixels.data[:4] == b"\x33\x22\x11\xff"


def test_a_result_that_is_not_applied_is_coloured_again(ready: Session, page: Page, qtbot: Any) -> None:
    colorize(ready, qtbot)
    ready.palettes.edit(ready.document, {OLD: NEW})
    wait(qtbot, lambda: len(ready.document.results) == 2)
    assert ready.document.results[0].result.palette == (NEW,)
    assert page.document.undo == []


def test_loaded_palettes_leave_locked_colours(
    ready: Session, model: DocumentModel, applied: Item, qtbot: Any, tmp_path: Path
) -> None:
    (tmp_path / "p.gpl").write_text("GIMP Palette\n17 34 51 ink\n", "utf-8")
    ready.palettes.lock(model, OLD, on=True)
    ready.palettes.load(model, tmp_path / "p.gpl")
    assert model.settings.swaps == ()
    ready.palettes.lock(model, OLD, on=False)
    ready.palettes.load(model, tmp_path / "p.gpl")
    wait(qtbot, lambda: applied.changes > 1)
    assert applied.result.palette == (NEW,)
    ready.palettes.save(model, tmp_path / "saved.kpl")
    assert (tmp_path / "saved.kpl").exists()


def test_redo_after_an_edit_repairs_only_its_place(
    ready: Session, page: Page, model: DocumentModel, qtbot: Any
) -> None:
    model.change(model="masked")
    item = colorize(ready, qtbot)
    ready.apply()
    wait(qtbot, lambda: page.document.undo)
    edit(ready, item, qtbot, {OLD: NEW})
    mask = page.find("Foreground mask")
    page.document.pixels[mask] = Pixels(64, 48, b"\x00" + b"\xff" * (64 * 48 - 1))
    before = item.changes
    ready.redo()
    wait(qtbot, lambda: item.changes > before or ready.error)
    assert ready.error == ""
    assert flats(page).data == b"\xef\x7f\x0f\xff" + b"\x33\x22\x11\xff" * (64 * 48 - 1)

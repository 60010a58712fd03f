"""The way of a job through the docker, against a real backend process with the scripted engine."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from docker_stage import Page, open_page, wait
from fake_port import EMPTY, FakePort

from krita_colorize.app import canvas
from krita_colorize.app.backend import BackendState
from krita_colorize.app.document import DocumentModel
from krita_colorize.app.job import JobState
from krita_colorize.app.job_requests import MAX_JOBS
from krita_colorize.app.jobs import MAX_IN_FLIGHT
from krita_colorize.app.session import Session
from krita_colorize.core.port import SELECTION_ID, Change, Pixels
from krita_colorize.core.settings import NOTE


def colorize(session: Session, qtbot: Any) -> None:
    before = len(session.document.results)
    session.colorize()
    wait(qtbot, lambda: len(session.document.results) > before or session.error)


def test_result_arrives_selected_and_touches_nothing(
    session: Session, page: Page, port: FakePort, qtbot: Any
) -> None:
    colorize(session, qtbot)
    assert session.error == ""
    assert session.document.selected is session.document.results[0]
    assert page.document.undo == []
    assert port.overlay == session.document.results[0].result.preview_png


def test_applied_result_is_one_undo_step_below_the_sketch(
    ready: Session, page: Page, port: FakePort, qtbot: Any
) -> None:
    lines = page.document.pixels[page.lines.id]
    colorize(ready, qtbot)
    ready.apply()
    wait(qtbot, lambda: page.document.undo)
    # the whole sketch layer is opaque here: it has paper, so that the group lies above it
    names = [layer.name for layer in page.document.layers]
    assert names == ["Colorized over Lines · Sheet · seed 0", "Flats", "Foreground mask", "Lines", "Sheet"]
    assert page.document.undo == ["Add Layer"]
    assert page.document.pixels[page.lines.id] == lines
    wait(qtbot, lambda: port.overlay is None)


@pytest.mark.parametrize("on_canvas", [True, False])
def test_the_result_lies_over_the_canvas_until_its_layers_are_there(
    ready: Session, page: Page, port: FakePort, qtbot: Any, *, on_canvas: bool
) -> None:
    colorize(ready, qtbot)
    ready.set_show_on_canvas(on_canvas)
    shown, insert = [], port.insert_group

    def insert_group(*arguments: Any) -> str:
        shown.append(port.overlay)
        return insert(*arguments)

    port.insert_group = insert_group  # type: ignore[method-assign]
    ready.apply()
    wait(qtbot, lambda: page.document.undo)
    assert shown == [ready.document.results[0].result.preview_png]
    wait(qtbot, lambda: port.overlay is None)


def test_nothing_lies_over_the_canvas_after_a_failed_insertion(
    ready: Session, page: Page, port: FakePort, qtbot: Any
) -> None:
    colorize(ready, qtbot)

    def insert_group(*_arguments: Any) -> str:
        raise LookupError("The layer is no longer in the picture. Choose another one.")

    port.insert_group = insert_group  # type: ignore[method-assign]
    ready.apply()
    wait(qtbot, lambda: ready.error)
    wait(qtbot, lambda: port.overlay is None)


def test_reference_colours_reach_the_layer(ready: Session, page: Page, port: FakePort, qtbot: Any) -> None:
    colorize(ready, qtbot)
    ready.apply()
    wait(qtbot, lambda: port.inserted)
    (flats,) = port.inserted[0].layers
    assert flats.pixels.data[:4] == b"\x10\x80\xf0\xff"
    assert flats.mask is not None


def test_nothing_is_inserted_or_shown_while_the_pen_is_down(
    ready: Session, page: Page, port: FakePort, qtbot: Any
) -> None:
    port.pen_down = True
    colorize(ready, qtbot)
    ready.apply()
    qtbot.wait(600)
    assert (port.inserted, port.overlays) == ([], [])
    port.pen_down = False
    wait(qtbot, lambda: port.inserted)
    assert page.document.undo == ["Add Layer"]


def test_progress_and_stages_are_told(ready: Session, model: DocumentModel, qtbot: Any) -> None:
    model.change(model="slow")
    seen: list[tuple[str, float]] = []
    ready.state_changed.connect(
        lambda: seen.append((ready.status, ready.job.progress.fraction)) if ready.job else 0
    )
    ready.colorize()
    wait(qtbot, lambda: sum("Painting slowly" in status for status, _ in seen) > 4)
    ready.cancel()
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] > fractions[0]
    assert any("of 600)" in status for status, _ in seen)


def test_previews_reach_the_canvas_before_the_end(
    ready: Session, model: DocumentModel, port: FakePort, qtbot: Any
) -> None:
    model.change(model="slow")
    ready.colorize()
    wait(qtbot, lambda: len(port.overlays) > 1)
    assert port.overlay.startswith(b"\x89PNG")
    ready.cancel()
    assert port.overlay is None
    assert ready.job is None


@pytest.mark.parametrize("when", list(JobState)[:5])
def test_cancel_works_in_every_state(
    ready: Session, model: DocumentModel, qtbot: Any, when: JobState
) -> None:
    model.change(model="slow")
    if when is JobState.WAITING:
        ready.backend.stop()
    ready.colorize()
    job = ready.job
    job.changed.connect(lambda: ready.cancel() if job.state is when else None)
    if job.state is when:
        ready.cancel()
    wait(qtbot, lambda: job.state is JobState.CANCELLED)
    assert (ready.job, ready.error) == (None, "")
    model.change(model="")
    colorize(ready, qtbot)  # the backend is free again, long before the cancelled job would have ended
    assert len(model.results) == 1


@pytest.mark.parametrize(
    ("script", "words"),
    [("fails", "Draw something first"), ("memory", "memory"), ("crash", "again"), ("bug", "log")],
)
def test_failures_are_told_and_the_next_job_works(
    ready: Session, model: DocumentModel, qtbot: Any, script: str, words: str
) -> None:
    model.change(model=script)
    colorize(ready, qtbot)
    assert words in ready.error
    model.change(model="")
    colorize(ready, qtbot)
    assert (ready.error, len(model.results)) == ("", 1)


def test_killed_backend_is_told_and_started_again(ready: Session, model: DocumentModel, qtbot: Any) -> None:
    model.change(model="slow")
    ready.colorize()
    wait(qtbot, lambda: ready.job.state is JobState.RUNNING)
    job = ready.job
    os.kill(ready.backend.local._process.processId(), signal.SIGKILL)
    wait(qtbot, lambda: ready.backend.state is BackendState.ERROR)
    assert job.state is JobState.FAILED
    assert "Press Restart" in ready.error
    model.change(model="")
    colorize(ready, qtbot)
    assert (ready.error, len(model.results)) == ("", 1)


def test_stopping_the_backend_ends_the_job_with_a_sentence(
    ready: Session, model: DocumentModel, qtbot: Any
) -> None:
    model.change(model="slow")
    ready.colorize()
    wait(qtbot, lambda: ready.job.state is JobState.RUNNING)
    ready.toggle_backend()
    assert ready.job is None
    assert "was stopped" in ready.error
    assert ready.backend.state is BackendState.STOPPED


def test_two_documents_have_their_own_jobs_and_results(
    ready: Session, page: Page, port: FakePort, qtbot: Any
) -> None:
    first = ready.document
    first.change(model="slow")
    ready.colorize()
    wait(qtbot, lambda: ready.job.state is JobState.RUNNING)  # packed beside it, the other might overtake it
    other = open_page(port, "other.kra")
    wait(qtbot, lambda: ready.document is not first and ready.document.sketch is not None)
    ready.document.change(engine="scripted")
    ready.references.add_layer(ready.document, other.sheet)
    assert ready.job is None
    ready.colorize()
    wait(qtbot, lambda: "1 other job" in ready.status)
    port.active = page.key
    port.tell(Change.DOCUMENT)
    wait(qtbot, lambda: ready.document is first)
    ready.cancel()
    port.active = other.key
    port.tell(Change.DOCUMENT)
    wait(qtbot, lambda: ready.document is not first and ready.document.results)
    assert first.results == []


def test_document_closed_in_mid_job_is_forgotten(
    ready: Session, page: Page, port: FakePort, qtbot: Any
) -> None:
    ready.document.change(model="slow")
    ready.colorize()
    wait(qtbot, lambda: ready.job.state is JobState.RUNNING)
    port.close_document(page.key)
    wait(qtbot, lambda: ready.document is None)
    assert (ready.jobs.of(page.key), ready.error) == ([], "")
    assert ready.status == "Open a picture to colour it"


def test_created_mask_is_a_layer_above_the_sketch_and_chosen(
    ready: Session, page: Page, model: DocumentModel, qtbot: Any
) -> None:
    ready.create_mask()
    wait(qtbot, lambda: model.settings.sketch_mask)
    assert [layer.name for layer in page.document.layers][:2] == ["Foreground mask", "Lines"]
    assert page.document.layers[0].id == model.settings.sketch_mask


def test_created_reference_mask_belongs_to_its_reference(
    ready: Session, page: Page, model: DocumentModel, qtbot: Any
) -> None:
    ready.create_mask(0)
    wait(qtbot, lambda: model.settings.references[0].mask)
    names = [layer.name for layer in page.document.layers]
    assert names == ["Lines", "Foreground mask · Sheet", "Sheet"]
    colorize(ready, qtbot)
    assert ready.error == ""


def test_same_request_gives_the_same_bytes(ready: Session, model: DocumentModel, qtbot: Any) -> None:
    model.change(model="noise", seed=5)
    colorize(ready, qtbot)
    colorize(ready, qtbot)
    first, second = (item.result.layers() for item in model.results)
    assert first == second


def test_selection_can_be_the_mask(ready: Session, page: Page, model: DocumentModel, qtbot: Any) -> None:
    model.change(sketch_mask=SELECTION_ID)
    colorize(ready, qtbot)
    assert "selection) is empty" in ready.error
    page.document.selection = Pixels(10, 10, b"\xff" * 100, 5, 5)
    colorize(ready, qtbot)
    assert (ready.error, len(model.results)) == ("", 1)


def test_missing_things_are_said_before_anything_starts(
    session: Session, page: Page, port: FakePort, qtbot: Any
) -> None:
    session.document.remove_reference(0)
    session.colorize()
    assert "Add a reference first" in session.error
    session.redo()
    assert "nothing to redo" in session.error
    session.create_mask(3)
    assert "Select a reference" in session.error
    assert session.job is None


def test_empty_sketch_is_told(session: Session, page: Page, qtbot: Any) -> None:
    page.document.pixels[page.lines.id] = EMPTY
    colorize(session, qtbot)
    assert session.error.startswith("The layer Lines is empty")


def test_painting_takes_the_overlay_away(ready: Session, page: Page, port: FakePort, qtbot: Any) -> None:
    colorize(ready, qtbot)
    port.tell(Change.CONTENT)
    wait(qtbot, lambda: port.overlay is None)
    assert ready.document.selected is not None


def test_previews_keep_away_from_whoever_paints(
    ready: Session, model: DocumentModel, port: FakePort, qtbot: Any
) -> None:
    model.change(model="slow")
    ready.colorize()
    wait(qtbot, lambda: port.overlays)
    port.tell(Change.CONTENT)
    wait(qtbot, lambda: port.overlay is None)
    qtbot.wait(300)
    assert port.overlay is None
    assert ready.job.state is JobState.RUNNING


def test_impatient_clicks_are_bounded(ready: Session, model: DocumentModel, page: Page, qtbot: Any) -> None:
    model.change(model="slow")
    for _ in range(MAX_JOBS + 1):
        ready.colorize()
    assert len(ready.jobs.of(page.key)) == MAX_JOBS
    assert "waiting already" in ready.error
    assert f"(+{MAX_JOBS - 1} more)" in ready.status
    for _ in range(MAX_JOBS):
        ready.cancel()
    assert ready.job is None


def test_many_jobs_are_handed_over_in_turn(ready: Session, page: Page, port: FakePort, qtbot: Any) -> None:
    def start_some(count: int) -> None:
        ready.document.change(engine="scripted", model="slow")
        for _ in range(count):
            ready.colorize()

    start_some(4)
    other = open_page(port, "other.kra")
    wait(qtbot, lambda: ready.document.info.key == other.key and ready.document.sketch)
    ready.references.add_layer(ready.document, other.sheet)
    start_some(2)
    jobs = ready.jobs.of(page.key) + ready.jobs.of(other.key)
    wait(
        qtbot, lambda: sum(job.state in (JobState.QUEUED, JobState.RUNNING) for job in jobs) == MAX_IN_FLIGHT
    )
    wait(qtbot, lambda: [job for job in jobs if job.state is JobState.WAITING])
    (waiting,) = (job for job in jobs if job.state is JobState.WAITING)
    wait(qtbot, lambda: [job for job in jobs if job.state is JobState.RUNNING])
    next(job for job in jobs if job.state is JobState.RUNNING).cancel()
    wait(qtbot, lambda: waiting.state is JobState.QUEUED)


def test_closed_window_takes_its_jobs_along(
    ready: Session, page: Page, model: DocumentModel, scripted_home: Path, qtbot: Any
) -> None:
    other_port = FakePort()
    other = Session(other_port, home=scripted_home)
    other_page = open_page(other_port, "other.kra")
    wait(qtbot, lambda: other.document is not None and other.document.sketch)
    other.document.change(engine="scripted", model="slow")
    other.references.add_layer(other.document, other_page.sheet)
    other.colorize()
    wait(qtbot, lambda: other.job.state is JobState.RUNNING)
    other.close()
    other.deleteLater()
    began = time.monotonic()
    colorize(ready, qtbot)
    assert ready.error == ""
    assert time.monotonic() - began < 15  # the other job would have taken half a minute


def test_closed_window_asks_no_more(
    ready: Session, scripted_home: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, asked = Session(FakePort(), home=scripted_home), []
    monkeypatch.setattr(other._client, "get", asked.append)
    other.close()
    ready.backend.restart()
    wait(qtbot, lambda: ready.backend.state is BackendState.READY)
    assert asked == []
    other.deleteLater()


def test_opening_and_looking_writes_nothing(session: Session, port: FakePort, qtbot: Any) -> None:
    page = open_page(port)
    qtbot.waitUntil(lambda: session.document is not None and session.document.sketch is not None)
    port.select(page.document, page.sheet)
    qtbot.wait(100)
    assert (page.document.modified, page.document.notes) == (False, {})


def test_broken_note_is_told_once_and_kept(session: Session, port: FakePort, qtbot: Any) -> None:
    document = port.open()
    document.notes[NOTE] = b"garbage"
    qtbot.waitUntil(lambda: session.document is not None)
    assert "can't be read" in session.error
    assert document.notes[NOTE] == b"garbage"


def test_engines_come_from_the_backend(ready: Session, qtbot: Any) -> None:
    wait(qtbot, lambda: {engine.name for engine in ready.engines} == {"scripted"})
    assert ready.engines[0].models


def test_canvas_resized_since_opening_is_what_counts(
    ready: Session, page: Page, port: FakePort, qtbot: Any
) -> None:
    page.document.info = replace(page.document.info, width=32, height=24)
    colorize(ready, qtbot)
    request = ready.document.results[0].result.request
    assert (request.width, request.height) == (32, 24)


def test_a_result_whose_sketch_was_deleted_goes_on_top(
    ready: Session, page: Page, port: FakePort, model: DocumentModel, qtbot: Any
) -> None:
    ready.colorize()
    page.document.layers = [page.sheet]
    port.tell(Change.LAYERS)
    wait(qtbot, lambda: model.results)
    ready.apply()
    wait(qtbot, lambda: page.document.undo)
    assert page.document.layers[0].name.startswith("Colorized")
    assert ready.error == canvas.SKETCH_GONE

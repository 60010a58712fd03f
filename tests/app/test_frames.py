"""Keyframes of an animated sketch become one new animated layer; what is finished survives cancels and crashes."""

from __future__ import annotations

import os
import shutil
import signal
from typing import Any

import pytest
from docker_stage import PATIENCE_MS, Page, wait
from fake_port import FakePort

from krita_colorize.app import files, frames
from krita_colorize.app.document import DocumentModel
from krita_colorize.app.session import Session
from krita_colorize.core.port import Pixels

TIMES = (0, 3, 4, 9, 12, 13, 20, 21, 22, 30, 31, 40)


@pytest.fixture
def animated(page: Page, model: DocumentModel, session: Session) -> Page:
    """Twelve keyframes, each drawn differently; the sixth is empty. None is kept from an earlier test."""
    shutil.rmtree(session.home / frames.FOLDER, ignore_errors=True)
    drawn = {time: Pixels(64, 48, bytes([time, 0, 0, 255]) * (64 * 48)) for time in TIMES}
    drawn[13] = Pixels(0, 0, b"")
    page.document.frames[page.lines.id] = drawn
    return page


def new_frames(page: Page) -> dict[int, Pixels] | None:
    return next((found for key, found in page.document.frames.items() if key != page.lines.id), None)


def colour_some(session: Session, qtbot: Any, count: int) -> None:
    """Until so many are done; kept ones follow each other quicker than one could look."""

    def enough() -> bool:
        run = session.frames.run
        return run is not None and len(run.done) >= count

    with qtbot.waitSignal(session.frames.changed, timeout=PATIENCE_MS, check_params_cb=enough):
        session.colorize_frames()


def colour_all(session: Session, page: Page, qtbot: Any) -> dict[int, Pixels]:
    session.colorize_frames()
    wait(qtbot, lambda: new_frames(page))
    assert session.error == ""
    return new_frames(page)


def test_every_keyframe_comes_back_at_its_time(ready: Session, animated: Page, qtbot: Any) -> None:
    found = colour_all(ready, animated, qtbot)
    assert tuple(sorted(found)) == TIMES
    assert {time for time, pixels in found.items() if not pixels.data} == {13}
    assert found[40].data == b"\x10\x80\xf0\xff" * (64 * 48)
    assert animated.document.undo == ["Add Layer"]
    assert ready.document.results == []


def test_cancel_stops_and_the_next_run_goes_on(
    ready: Session, animated: Page, port: FakePort, qtbot: Any
) -> None:
    started = []
    ready.job_requests.started.connect(lambda: started.append(1))
    colour_some(ready, qtbot, 4)
    ready.cancel()
    qtbot.wait(200)
    assert new_frames(animated) is None
    before = len(started)
    assert before < len(TIMES) - 1
    colour_all(ready, animated, qtbot)
    assert len(started) - before <= len(TIMES) - 1 - 4


def test_killed_backend_in_mid_run_loses_nothing(ready: Session, animated: Page, qtbot: Any) -> None:
    colour_some(ready, qtbot, 5)
    os.kill(ready.backend.local._process.processId(), signal.SIGKILL)
    # A frame that was just being read goes on with a new backend; one that was being coloured ends the run.
    wait(qtbot, lambda: ready.frames.run is None)
    found = new_frames(animated) or colour_all(ready, animated, qtbot)
    assert tuple(sorted(found)) == TIMES


def test_other_settings_are_coloured_anew(
    ready: Session, animated: Page, model: DocumentModel, qtbot: Any
) -> None:
    colour_some(ready, qtbot, 3)
    ready.cancel()
    model.change(model="noise", seed=3)
    found = colour_all(ready, animated, qtbot)
    assert found[0].data[:4] != b"\x10\x80\xf0\xff"


def test_a_full_disk_is_no_reason_not_to_colour(
    ready: Session, animated: Page, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    assert tuple(sorted(colour_all(ready, animated, qtbot))) == TIMES


def test_a_still_sketch_is_told(ready: Session, page: Page, qtbot: Any) -> None:
    ready.colorize_frames()
    assert "no keyframes" in ready.error

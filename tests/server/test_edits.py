"""Palette edits over HTTP: exact, and answered whatever else this machine computes."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import numpy as np
import pytest
from colorizer.imaging.recolour import recolour
from colorizer.imaging.values import Swap
from colorizer.server import pixels
from colorizer.server.bundle import Blob, BlobInfo
from colorizer.server.edits import Edits
from colorizer.server.limits import ServerSettings
from colorizer.server.memory import Memory
from colorizer.server.pipe import Buffer, Kind, Message
from running_backend import Backend, check_error, edit_bundle, job, open_bundle
from test_machine_lock import HOLD

SIDE = 256
OLD, NEW = (1, 2, 3), (10, 11, 12)


def flats() -> np.ndarray:
    """BGRA, of few colours, transparent here and there."""
    generator = np.random.default_rng(5)
    colours = np.array([[3, 2, 1, 255], [9, 9, 9, 255], [3, 2, 1, 128], [3, 2, 1, 0]], np.uint8)
    return np.repeat(np.repeat(colours[generator.integers(0, 4, (16, 16))], SIDE // 16, 0), SIDE // 16, 1)


def edited(backend: Backend) -> tuple[dict, np.ndarray]:
    """The answer's layer and its pixels, RGBA."""
    answer = backend.edit(edit_bundle(SIDE, SIDE, flats().tobytes()))
    assert answer.status == 200, answer.body
    header, blobs = open_bundle(answer.body)
    (layer,) = header["layers"]
    number = layer["pixels"]["blob"]
    info = BlobInfo(**header["blobs"][number])
    return layer, pixels.decode(Blob(info, memoryview(blobs[number])))


def expected() -> np.ndarray:
    """What a colouring's own last stage makes of the same swap."""
    swap = Swap("#010203", "#0a0b0c")
    return recolour(np.ascontiguousarray(flats()[..., [2, 1, 0, 3]]), [swap])[0]


def test_edit_is_exact_and_stays_in_its_place(either: Backend) -> None:
    layer, picture = edited(either)
    assert (layer["role"], layer["pixels"]["x"], layer["pixels"]["y"]) == ("figure", -1, 2)
    assert np.array_equal(picture, expected())


def test_edit_is_answered_while_a_job_runs_and_others_wait(backend: Backend) -> None:
    running, waiting = backend.submit(job("slow")), backend.submit(job())
    backend.wait_for_state(running, "running")
    assert np.array_equal(edited(backend)[1], expected())
    assert backend.status(running)["state"] == "running"
    assert backend.status(waiting)["state"] == "queued"
    backend.delete(running)
    assert backend.wait(waiting)["state"] == "done"


def test_edit_is_answered_while_another_krita_computes(start_backend, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path))
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline() == "mine\n"
    backend = start_backend()
    held = backend.submit(job())
    assert np.array_equal(edited(backend)[1], expected())
    assert backend.status(held)["state"] != "done"
    other.communicate("\n")
    assert backend.wait(held)["state"] == "done"


def test_refusals_are_those_of_bundles(either: Backend) -> None:
    check_error(either.edit(b"no bundle"), 422, "invalid_bundle")
    check_error(either.edit(edit_bundle(2, 1, bytes(8), api=1)), 422, "invalid_request")
    check_error(
        either.request("POST", "/v1/edits", b"x", Content_Type="text/plain"), 415, "unsupported_media_type"
    )


def test_dying_process_fails_its_edits_alone(backend: Backend) -> None:
    backend.edit_worker.kill()
    assert np.array_equal(edited(backend)[1], expected())
    assert backend.wait(backend.submit(job()))["state"] == "done"


def test_broken_edit_ends_with_a_sentence(start_backend) -> None:
    backend = start_backend()
    broken = edit_bundle(2, 1, bytes(8)).replace(b'"raw"', b'"deflate"')  # no zlib stream
    check_error(backend.edit(broken), 422, "invalid_bundle")


@pytest.mark.parametrize("limit", [ServerSettings().waiting_bytes, 1000])
def test_bytes_of_edits_are_bounded(start_backend, limit: int) -> None:
    backend = start_backend(waiting_bytes=limit)
    answer = backend.edit(edit_bundle(SIDE, SIDE, flats().tobytes()))
    if limit == 1000:
        check_error(answer, 429, "queue_full")
    else:
        assert answer.status == 200
    assert backend.edit(edit_bundle(2, 1, bytes(8))).status == 200


@pytest.mark.parametrize("ready", [True, False])
@pytest.mark.parametrize("ticks", range(5))
def test_edits_are_not_sent_to_a_process_that_has_just_ended(*, ready: bool, ticks: int) -> None:
    """Nobody would answer them."""

    async def scenario() -> list[bool]:
        edits, loop = Edits(ServerSettings()), asyncio.get_running_loop()
        process_lives, sent = edits.worker.ready, []

        def end_after(ticks: int) -> None:
            if ticks:
                loop.call_soon(end_after, ticks - 1)
            else:
                process_lives.clear()

        async def run(key: str, _bundle: Buffer | Memory) -> None:
            sent.append(process_lives.is_set())
            edits._on_message(Message(Kind.DONE, key, {}, (b"answer",)))

        edits.worker.run = run  # type: ignore[assignment]
        if ready:
            process_lives.set()
        else:
            loop.call_soon(process_lives.set)
        loop.call_soon(end_after, ticks)
        loop.call_later(0.05, process_lives.set)
        await edits.make(b"bundle")
        return sent

    assert asyncio.run(scenario()) == [True]

"""What reaches the engine, and what comes out of the worker's errors."""

from __future__ import annotations

import contextlib
import io
import zlib

import numpy as np
import psutil
import pytest
from colorizer.engines.base import Binding, Check, Layer, Place, PlaceKind, Result, Role, Swap
from colorizer.errors import ColorizerError, OutOfMemory
from colorizer.server import bundle, packing, request, run_job, worker
from hypothesis import given
from hypothesis import strategies as st
from listening import Silent
from PIL import Image
from running_backend import JobBundle
from server.scripted_engines import ScriptedEngine


def inputs(made: JobBundle):
    read = bundle.read(made.encode())
    return run_job.decode_inputs(request.read(read), read)


def test_sketch_is_placed_on_the_canvas() -> None:
    made = JobBundle()
    blob = made.add("bgra8", 2, 2, b"\x03\x02\x01\xff" * 4)
    made.request["sketch"] = {"blob": blob, "x": 7, "y": -1}
    sketch = inputs(made).sketch
    assert sketch.shape == (6, 8, 4)
    assert np.argwhere(sketch[..., 3]).tolist() == [[0, 7]]
    assert sketch[0, 7].tolist() == [1, 2, 3, 255]


def test_masks_reach_the_engine() -> None:
    made = JobBundle()
    made.request["sketch_mask"] = {"blob": made.add("gray8", 8, 6, b"\x07" * 48)}
    made.request["references"][0]["mask"] = {"blob": made.add("gray8", 4, 4, b"\xff" * 16)}
    found = inputs(made)
    assert (found.sketch_mask == 7).all()
    assert found.references[0].mask.tolist() == [[255]]


def test_hints_bindings_and_swaps_reach_the_engine() -> None:
    made = JobBundle()
    blob = made.add("bgra8", 1, 1, b"\x01\x02\x03\xff")
    spot = {"x": 7, "y": 5, "reference": 0, "reference_x": 0, "reference_y": 0}
    made.request |= {"hints": {"blob": blob, "x": 2, "y": 1}, "bindings": [spot]}
    made.request["swaps"] = [{"from": "#0a0b0c", "to": "#010203"}]
    found = inputs(made)
    assert np.argwhere(found.hints[..., 3]).tolist() == [[1, 2]]
    assert found.hints[1, 2].tolist() == [3, 2, 1, 255]
    assert found.bindings == (Binding(**spot),)
    assert found.swaps == (Swap("#0a0b0c", "#010203"),)


def redo_job(changed: bytes = b"\xff") -> JobBundle:
    """The scripted engine paints (3, 2, 1); the document is all (0, 0, 9), but one pixel was painted over."""
    made = JobBundle()
    delivered = made.add("bgra8", 8, 6, b"\x09\x00\x00\xff" * 48)
    now = made.add("bgra8", 8, 6, b"\x09\x00\x00\xff" * 47 + b"\x07\x07\x07\xff")
    place = {"blob": made.add("gray8", 2, 2, changed * 4), "x": 6, "y": 4}
    made.request["sketch_mask"] = {"blob": made.add("gray8", 1, 1, b"\0")}
    state = {
        "layers": [{"role": "figure", "pixels": {"blob": delivered}}],
        "made_from": {"sketch": {"blob": 0}, "chosen_mask": place},
    }
    made.request["redo"] = {"states": [state], "layers": [{"role": "figure", "pixels": {"blob": now}}]}
    return made


def test_redo_changes_what_it_reaches(finished) -> None:
    header, blobs = finished(redo_job())
    (layer,) = header["layers"]
    assert (layer["name"], layer["x"], layer["y"], layer["mask"]) == ("Flats", 6, 4, None)
    assert blobs[layer["blob"]] == b"\x01\x02\x03\xff" * 3 + b"\x07\x07\x07\xff"
    assert header["record"]["report"]["redo"] == {"regions": 0, "pixels": 3, "kept_strokes": 1}


def test_redo_tells_what_counts_as_delivered(finished) -> None:
    header, blobs = finished(redo_job())
    (layer,) = header["redo"]["delivered"]
    expected = np.full((6, 8, 4), (9, 0, 0, 255), np.uint8)
    expected[4:, 6:] = (1, 2, 3, 255)
    expected[5, 7] = (9, 0, 0, 255)  # the artist painted there
    assert blobs[layer["pixels"]["blob"]] == expected.tobytes()
    assert (header["redo"]["state"], header["redo"]["unseen"]) == (0, False)


def test_redo_without_change_is_told() -> None:
    with pytest.raises(ColorizerError, match="Nothing has changed") as caught:
        run_job.run(redo_job(b"\x00").encode(), Silent())
    assert caught.value.code == "nothing_changed"


def test_swaps_are_made_in_any_engines_result(finished) -> None:
    made = JobBundle()
    made.request["swaps"] = [{"from": "#030201", "to": "#0a0b0c"}]
    header, blobs = finished(made)
    assert blobs[header["layers"][0]["blob"]] == b"\x0c\x0b\x0a\xff" * 48
    assert header["record"]["request"]["swaps"] == [{"before": "#030201", "after": "#0a0b0c"}]
    assert header["record"]["task"] == "colorize"


def test_key_strokes_come_above_any_engines_flats_but_not_into_the_preview(finished) -> None:
    plain, wanted = JobBundle(), JobBundle()
    wanted.request["options"]["colorize_mask"] = True
    header, blobs = finished(wanted)
    assert [layer["role"] for layer in header["layers"]] == ["figure", "key_strokes"]
    assert set(blobs[header["layers"][1]["blob"]]) == {0, 1, 2, 3, 255}
    assert blobs[0] == finished(plain)[1][0]


def test_check_follows_the_layers() -> None:
    check = Check(np.full((2, 2), 255, np.uint8), (Place(PlaceKind.LEAK, 1, 0, 1, 2, 0.5),))
    preview = run_job.pixels.encode_preview(np.zeros((2, 2, 4), np.uint8))
    packed = packing.pack(lambda: preview, Result((), {}, check))
    found = bundle.read(b"".join(packed.bundle({})))
    assert found.header["check"]["mask"] == {"blob": 1}
    assert found.header["check"]["places"] == [
        {"kind": "leak", "x": 1, "y": 0, "width": 1, "height": 2, "confidence": 0.5}
    ]
    assert bytes(found.blobs[1].data) == b"\xff" * 4


def test_background_is_its_own_canvas() -> None:
    made = JobBundle()
    made.request["background"] = {"blob": made.add("bgra8", 3, 2, bytes(24)), "x": 5}
    assert inputs(made).background.shape == (2, 3, 4)


def test_refuses_what_the_memory_cannot_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    small = psutil.virtual_memory()._replace(available=100)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: small)
    with pytest.raises(OutOfMemory, match="GiB are free"):
        run_job.run(JobBundle().encode(), Silent())


def test_record_names_layers_bottom_to_top() -> None:
    layers = [Layer(name, Role.FOREGROUND, np.zeros((2, 2, 4), np.uint8), x=3) for name in ("a", "b")]
    preview = run_job.pixels.encode_preview(np.zeros((2, 2, 4), np.uint8))
    parts = packing.pack(lambda: preview, Result(tuple(layers))).bundle({})
    found = bundle.read(b"".join(parts)).header
    assert [(layer["name"], layer["blob"], layer["x"], layer["mask"]) for layer in found["layers"]] == [
        ("a", 1, 3, None),
        ("b", 2, 3, None),
    ]


def whole_job() -> bytes:
    """A job with every kind of blob."""
    made = JobBundle()
    buffer = io.BytesIO()
    Image.new("P", (3, 2)).save(buffer, "PNG", transparency=0)
    made.request["background"] = {"blob": made.add("png", 3, 2, buffer.getvalue())}
    made.request["sketch_mask"] = {"blob": made.add("gray8", 8, 6, zlib.compress(bytes(48)), "deflate")}
    return made.encode()


@given(st.integers(0, len(whole_job()) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_damaged_jobs_are_refused_in_words(at: int, inserted: bytes, removed: int) -> None:
    data = whole_job()
    damaged = data[:at] + inserted + data[at + removed :]
    with contextlib.suppress(ColorizerError):  # anything else would be our bug
        read = bundle.read(damaged)
        run_job.decode_inputs(request.read(read), read)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "out_of_memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "out_of_memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "out_of_memory"),
        (ValueError("shapes differ"), "internal"),
    ],
)
def test_errors_become_sentences(error: Exception, code: str) -> None:
    told = worker.tell(error)
    assert told.code == code
    assert str(error) not in str(told) or not str(error)


@pytest.fixture
def finished(monkeypatch: pytest.MonkeyPatch):
    """Runs a job with the scripted engine; header and decoded blobs of its result."""
    monkeypatch.setattr(run_job.registry, "get", lambda name: ScriptedEngine())

    def run(made: JobBundle) -> tuple[dict, list[bytes]]:
        taken: list[bytes] = []
        report = Silent()
        report.finish = lambda preview, parts, record: taken.append(b"".join(parts))
        run_job.run(made.encode(), report)
        read = bundle.read(taken[0])
        order = [2, 1, 0, 3]
        decoded = [run_job.pixels.decode(blob) for blob in read.blobs]
        return read.header, [(one if one.ndim == 2 else one[..., order]).tobytes() for one in decoded]

    return run

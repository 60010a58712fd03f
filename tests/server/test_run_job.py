"""What reaches the engine, and what comes out of the worker's errors."""

from __future__ import annotations

import contextlib
import io
import zlib

import numpy as np
import psutil
import pytest
from colorizer.engines.base import Layer, Role
from colorizer.errors import ColorizerError, OutOfMemory
from colorizer.server import bundle, request, run_job, worker
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from running_backend import JobBundle


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
    layers = [Layer(name, Role.FIGURE, np.zeros((2, 2, 4), np.uint8), x=3) for name in ("a", "b")]
    preview = run_job.pixels.encode_preview(np.zeros((2, 2, 4), np.uint8))
    parts = run_job.result_bundle(preview, [run_job._pack_layer(layer) for layer in layers], {})
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


class Silent:
    def stage(self, name: str, done: int = 0, total: int = 1) -> None:
        pass

    def preview(self, picture) -> None:
        pass

    def finish(self, preview, bundle, record) -> None:
        pass

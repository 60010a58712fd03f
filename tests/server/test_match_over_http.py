"""The built-in engine through the real backend: the way every job of the docker takes."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from colorizer import paths
from colorizer.server import pixels
from colorizer.server.bundle import Blob, BlobInfo
from running_backend import Backend, JobBundle, job, open_bundle


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    backend = Backend(tmp_path_factory.mktemp("real"), [sys.executable, "-m", "colorizer", "serve"])
    yield backend
    backend.close()


def drawn() -> JobBundle:
    """A black box on paper, and a red and blue reference."""
    sketch = np.full((96, 128, 4), 255, np.uint8)
    sketch[20:70, 30:90, :3] = 0
    sketch[23:67, 33:87, :3] = 255
    reference = np.full((80, 80, 4), (200, 60, 30, 255), np.uint8)
    reference[20:60, 20:60] = (20, 30, 220, 255)
    made = JobBundle(blobs=[({}, b"")])
    made.blobs.clear()
    made.add("bgra8", 128, 96, sketch.tobytes())
    made.add("bgra8", 80, 80, reference.tobytes())
    made.request |= {"engine": "match", "canvas": {"width": 128, "height": 96}}
    return made


def result(backend: Backend, body: bytes):
    id_ = backend.submit(body)
    status = backend.wait(id_)
    assert status["state"] == "done", status
    return open_bundle(backend.get(f"/v1/jobs/{id_}/result").body)


def test_colours_are_the_references(real: Backend) -> None:
    header, blobs = result(real, drawn().encode())
    names = [(layer["name"], layer["mask"]["name"]) for layer in header["layers"][:2]]
    assert names == [("Background", "Background mask"), ("Flats", "Foreground mask")]
    number = header["layers"][1]["blob"]
    info = BlobInfo(**header["blobs"][number])
    flats = pixels.decode(Blob(info, memoryview(blobs[number]))).reshape(-1, 4)
    assert info.encoding == "deflate"
    assert set(map(tuple, flats[:, [2, 1, 0, 3]].tolist())) <= {(200, 60, 30, 255), (20, 30, 220, 255)}
    assert header["record"]["sketch_has_paper"] is True
    assert header["record"]["sketch_has_dark_paper"] is False
    weights = paths.resource("weights/match/model.safetensors").read_bytes()
    assert header["record"]["hashes"]["model"] == hashlib.sha256(weights).hexdigest()


def test_same_job_same_bytes(real: Backend) -> None:
    first, second = (result(real, drawn().encode())[1] for _ in range(2))
    assert first == second


def test_empty_sketch_is_a_sentence(real: Backend) -> None:
    made = JobBundle()
    made.request["engine"] = "match"
    error = real.wait(real.submit(made.encode()))["error"]
    assert error["code"] == "nothing_to_colour"


def test_worker_speaks_to_nobody(real: Backend) -> None:
    result(real, drawn().encode())
    assert real.worker.net_connections() == []


def test_scripted_engines_are_out_of_reach(real: Backend) -> None:
    assert real.post(job()).json["code"] == "unknown_engine"


def labels_of(header: dict, blobs: list[bytes]) -> np.ndarray:
    told = header["regions"]["labels"]
    number, runs = told["blob"], told["runs"]
    found = pixels.decode(Blob(BlobInfo(**header["blobs"][number]), memoryview(blobs[number])))
    words = np.ascontiguousarray(found[..., [2, 1, 0, 3]]).view("<u4").reshape(-1)
    return np.repeat(words[runs : 2 * runs], words[:runs]).reshape(96, 128)


def flats_of(header: dict, blobs: list[bytes]) -> np.ndarray:
    number = header["layers"][1]["blob"]
    return pixels.decode(Blob(BlobInfo(**header["blobs"][number]), memoryview(blobs[number])))


def test_a_region_that_is_told_can_be_corrected(real: Backend) -> None:
    header, blobs = result(real, drawn().encode())
    labels, regions = labels_of(header, blobs), header["regions"]
    inside = int(labels[45, 60])
    assert inside not in regions["background"]
    own, *others = (regions["colours"][index] for index in regions["likely"][inside])
    assert bytes.fromhex(own[1:]) == bytes(flats_of(header, blobs)[45, 60, :3])
    told = drawn()
    told.request["corrections"] = [{"x": 60, "y": 45, "colour": others[0]}]
    again = flats_of(*result(real, told.encode()))
    assert (again[labels == inside][:, :3] == tuple(bytes.fromhex(others[0][1:]))).all()
    told.request["corrections"] = [{"x": 60, "y": 45, "colour": None}]
    assert not flats_of(*result(real, told.encode()))[labels == inside].any()


def test_corrections_outside_of_the_canvas_are_refused(real: Backend) -> None:
    told = drawn()
    told.request["corrections"] = [{"x": 128, "y": 0, "colour": None}]
    answer = real.post(told.encode())
    assert (answer.status, answer.json["code"]) == (422, "invalid_request")

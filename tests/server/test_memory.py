"""Bundles in sealed memory: taken from the process that started the backend, and nothing else is ever opened."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import pytest
from colorizer.server import memory
from colorizer.server.bundle import InvalidBundle
from running_backend import Answer, Backend, job, open_bundle

if sys.platform != "linux":
    pytest.skip("sealed memory is Linux's", allow_module_level=True)

import fcntl

MEDIA_TYPE = "application/vnd.colorize.memory+json"
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def sealed(data: bytes, *, name: str = "colorize", seals: int = SEALS) -> int:
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


def announce(backend: Backend, body: object) -> Answer:
    return backend.request("POST", "/v1/jobs", json.dumps(body).encode(), Content_Type=MEDIA_TYPE)


def test_backend_says_whose_memory_it_takes(backend: Backend) -> None:
    assert backend.line["memory_of"] == os.getpid()


def test_jobs_come_in_memory(backend: Backend) -> None:
    body = job(width=20, height=10)
    fd = sealed(body)
    answer = announce(backend, {"fd": fd, "bytes": len(body)})
    os.close(fd)
    id_ = answer.json["id"]
    assert (answer.status, backend.wait(id_)["state"]) == (202, "done")
    header, _ = open_bundle(backend.get(f"/v1/jobs/{id_}/result").body)
    assert header["layers"][0]["name"] == "Flats"
    backend.wait_until(lambda: lets_go(backend))


def lets_go(backend: Backend) -> bool:
    """Whether the backend holds no bundle any more; asking it gives it something to do."""
    backend.get("/v1/health")
    links = Path(f"/proc/{backend.process.pid}/fd").iterdir()
    return not any(os.readlink(link).startswith("/memfd:colorize") for link in links if link.is_symlink())


@pytest.mark.parametrize(
    ("body", "fault"),
    [(b"no bundle", "it must start with"), (job(request={"mode": "none"}), "request.mode")],
)
def test_bundles_in_memory_are_checked(backend: Backend, body: bytes, fault: str) -> None:
    fd = sealed(body)
    answer = announce(backend, {"fd": fd, "bytes": len(body)})
    os.close(fd)
    assert answer.status == 422
    assert fault in answer.json["message"]
    backend.wait_until(lambda: lets_go(backend))


@pytest.mark.parametrize("seals", [0, fcntl.F_SEAL_WRITE, SEALS & ~fcntl.F_SEAL_SHRINK])
def test_memory_that_can_change_is_refused(backend: Backend, seals: int) -> None:
    fd = sealed(job(), seals=seals)
    answer = announce(backend, {"fd": fd, "bytes": len(job())})
    os.close(fd)
    assert (answer.status, answer.json["code"]) == (422, "invalid_bundle")


@pytest.mark.parametrize("longer", [-1, 1])
def test_length_must_be_told(backend: Backend, longer: int) -> None:
    fd = sealed(job())
    assert announce(backend, {"fd": fd, "bytes": len(job()) + longer}).json["code"] == "invalid_bundle"
    os.close(fd)


def test_files_and_pipes_are_not_opened(backend: Backend) -> None:
    with tempfile.NamedTemporaryFile(prefix="memfd:colorize") as file:
        file.write(job())
        file.flush()
        pipe = os.pipe()
        for fd in (file.fileno(), *pipe, 0, 99_999):
            answer = announce(backend, {"fd": fd, "bytes": len(job())})
            assert (answer.status, answer.json["code"]) == (422, "invalid_bundle")
        for fd in pipe:
            os.close(fd)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"fd": -1, "bytes": 9},
        {"fd": "3", "bytes": 9},
        {"fd": True, "bytes": 9},
        {"fd": 3, "bytes": 0},
        {"fd": 3, "bytes": 9, "pid": 1},
        {"fd": 2**31, "bytes": 9},
        "x" * 5000,
    ],
)
def test_broken_announcements(backend: Backend, body: object) -> None:
    answer = announce(backend, body)
    assert (answer.status, answer.json["code"]) == (422, "invalid_bundle")


def test_memory_of_other_programs_is_refused() -> None:
    announcement = json.dumps({"fd": 3, "bytes": 1}).encode()
    for owner in (None, os.getpid()):
        with pytest.raises(InvalidBundle, match="only be taken from the program that started"):
            memory.open_announced(announcement, owner, limit=10)


def test_limits_hold_for_memory(tmp_path, backend: Backend) -> None:
    assert announce(backend, {"fd": 3, "bytes": 2**40}).status == 413

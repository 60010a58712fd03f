"""How long a palette edit takes to be answered: alone, while a diffusion job runs, and while another Krita computes.

    .venv/bin/python benchmarks/edits.py [--side 2048] [--runs 5]

Two flat layers of a square canvas go to a real backend over HTTP, one colour is exchanged, and the answer is read to
its end. Beside it: a whole colouring with the built-in engine, as an edit of a result that isn't in the document costs,
and the bare arithmetic (`imaging.recolour`) on both layers in this process.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import cv2
import numpy as np
from colorizer.imaging.recolour import recolour
from colorizer.imaging.values import Swap
from colorizer.paths import resource
from colorizer.server.request import API
from numpy.typing import NDArray

if sys.platform == "linux":
    import fcntl

GOAL_S = 0.3
FROM, TO = "#204060", "#806040"
HOLD = """
import sys
from colorizer.server import machine_lock
with machine_lock.taken(None):
    print(flush=True)
    sys.stdin.read()
"""


class Backend:
    """A backend of its own home."""

    def __init__(self, home: str) -> None:
        self.environment = os.environ | {"COLORIZE_HOME": home}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "colorizer", "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self.environment,
        )
        assert self.process.stdout is not None
        self.line = json.loads(self.process.stdout.readline())

    def edit(self, body: bytes) -> bytes:
        """The answer to an edit; where this system can, the bundle goes over in memory, as the docker's do."""
        if sys.platform != "linux":
            return self.call("POST", "/v1/edits", body)
        fd = os.memfd_create("colorize", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with os.fdopen(fd, "wb", closefd=False) as memory:
                memory.write(body)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
            told = json.dumps({"fd": fd, "bytes": len(body)}).encode()
            return self.call("POST", "/v1/edits", told, "application/vnd.colorize.memory+json")
        finally:
            os.close(fd)

    def call(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/vnd.colorize.bundle"
    ) -> bytes:
        """The answer's body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.line["port"], timeout=600)
        headers = {"Authorization": f"Bearer {self.line['token']}"}
        headers["Content-Type"] = kind
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        if answer.status >= 300:
            raise RuntimeError(data.decode())
        return data

    def status(self, job: str) -> dict[str, object]:
        """A job's status."""
        return json.loads(self.call("GET", f"/v1/jobs/{job}"))  # type: ignore[no-any-return]

    def submit(self, body: bytes) -> str:
        """A job's id."""
        return str(json.loads(self.call("POST", "/v1/jobs", body))["id"])

    def close(self) -> None:
        """Ends it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)


def bundle(name: str, value: object, pictures: list[NDArray[np.uint8]]) -> bytes:
    """A bundle of BGRA pictures."""
    blobs = [
        {"format": "bgra8", "width": p.shape[1], "height": p.shape[0], "encoding": "raw", "bytes": p.nbytes}
        for p in pictures
    ]
    header = json.dumps({name: value, "blobs": blobs}).encode()
    return b"CLZ1" + struct.pack("<I", len(header)) + header + b"".join(p.tobytes() for p in pictures)


def flats(side: int) -> list[NDArray[np.uint8]]:
    """Two layers of some thousand areas in 24 colours."""
    generator = np.random.default_rng(1)
    colours = generator.integers(0, 256, (24, 4), np.uint8)
    colours[0] = (0x60, 0x40, 0x20, 255)
    small = generator.integers(0, 24, (2, 48, 48))
    return [cv2.resize(colours[one], (side, side), interpolation=cv2.INTER_NEAREST) for one in small]


def job(side: int, engine: str) -> bytes:
    """A colouring of the sample at this size."""
    found = []
    for name, size in (("sketch", side), ("reference", 1024)):
        picture = cv2.imread(str(resource(f"sample/{name}.png")), cv2.IMREAD_UNCHANGED)
        bgra = picture if picture.shape[2] == 4 else cv2.cvtColor(picture, cv2.COLOR_BGR2BGRA)
        found.append(cv2.resize(bgra, (size, size)))
    request = {
        "api": API,
        "task": "colorize",
        "engine": engine,
        "canvas": {"width": side, "height": side},
        "sketch": {"blob": 0},
        "references": [{"picture": {"blob": 1}}],
        "options": {"steps": 100},
    }
    return bundle("request", request, found)


def timed(action: Callable[[], object], runs: int) -> list[float]:
    """Seconds of each run."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return seconds


@contextmanager
def running(backend: Backend, body: bytes) -> Iterator[None]:
    """A job that computes all the while."""
    started = backend.submit(body)
    while backend.status(started)["state"] in ("queued", "running") and not backend.status(started)["done"]:
        time.sleep(0.1)
    yield
    status = backend.status(started)
    backend.call("DELETE", f"/v1/jobs/{started}")
    if status["state"] != "running":
        raise RuntimeError(f"the job ended too early: {status}")


@contextmanager
def other_krita(backend: Backend) -> Iterator[None]:
    """Another backend's computation, which holds this machine's lock."""
    command = [sys.executable, "-c", HOLD]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=backend.environment)
    assert other.stdout is not None
    other.stdout.readline()
    yield
    other.communicate()


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    layers = flats(options.side)
    roles = ("background", "figure")
    entries = [{"role": role, "pixels": {"blob": i}} for i, role in enumerate(roles)]
    body = {"api": API, "canvas": {"width": options.side, "height": options.side}, "layers": entries}
    body |= {"delivered": entries, "swaps": [{"from": FROM, "to": TO}]}  # nothing was painted since
    edit = bundle("edit", body, layers)
    with tempfile.TemporaryDirectory() as home:
        backend = Backend(home)

        def make() -> None:
            backend.edit(edit)

        def colour() -> None:
            done = backend.submit(job(options.side, "match"))
            while backend.status(done)["state"] in ("queued", "running"):
                time.sleep(0.01)

        make()
        rows = {"edit, nothing else": timed(make, options.runs)}
        with running(backend, job(512, "colorize_diffusion")):
            rows["edit, while a diffusion job runs"] = timed(make, options.runs)
        with other_krita(backend):
            rows["edit, while another Krita computes"] = timed(make, options.runs)
        colour()
        rows["colouring with match"] = timed(colour, 2)
        backend.close()
    swap = [Swap(FROM, TO)]
    rows["bare arithmetic"] = timed(lambda: [recolour(layer, swap) for layer in layers], options.runs)
    print(
        f"two layers, {options.side} px, median and longest of {options.runs}, s; load {os.getloadavg()[0]:.1f}"
    )
    for name, seconds in rows.items():
        verdict = ("kept" if max(seconds) < GOAL_S else "MISSED") if name.startswith("edit") else ""
        print(f"{name:40}{median(seconds):7.3f}{max(seconds):7.3f}  {verdict}")


if __name__ == "__main__":
    main()

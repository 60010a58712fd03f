"""A real backend in its own process, and a client that speaks docs/wire.md by hand. For tests of every room."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import ssl
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

REPOSITORY = Path(__file__).resolve().parents[1]
MEDIA_TYPE = "application/vnd.colorize.bundle"
SCRIPTED = [sys.executable, str(REPOSITORY / "tests" / "server" / "serve_with_scripted_engines.py")]


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)


class Backend:
    """A backend that was started for a test. `settings` are those of `colorizer.server.limits.ServerSettings`."""

    def __init__(
        self,
        home: Path,
        command: list[str] | None = None,
        *,
        path: Path = REPOSITORY / "backend",
        **settings: Any,
    ) -> None:
        environment = os.environ | {"COLORIZE_HOME": str(home), "PYTHONPATH": str(path)}
        command = command or [*SCRIPTED, json.dumps(settings)]
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )
        self.line = json.loads(self.process.stdout.readline())
        self.ready_s = time.monotonic() - self.started
        self.log = home / "logs" / "server.log"

    @property
    def port(self) -> int:
        return self.line["port"]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.line['token']}"}

    @property
    def worker(self) -> psutil.Process:
        """The worker process, once it takes jobs."""
        self.wait_until(lambda: self.get("/v1/health").json["worker"] in ("idle", "busy"))
        (worker,) = self._children(edits=False)
        return worker

    @property
    def edit_worker(self) -> psutil.Process:
        """The edit process, once it is there."""
        self.wait_until(lambda: self._children(edits=True))
        return self._children(edits=True)[0]

    def _children(self, *, edits: bool) -> list[psutil.Process]:
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if ("colorizer.server.edit_worker" in child.cmdline()) == edits]

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request; underscores in header names stand for dashes."""
        sent = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request_with(method, path, body, sent)

    def request_with(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        """One request with exactly these headers (and those that HTTP needs)."""
        connection = self.connect()
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def post(self, body: bytes) -> Answer:
        return self.request("POST", "/v1/jobs", body, Content_Type=MEDIA_TYPE)

    def edit(self, body: bytes) -> Answer:
        return self.request("POST", "/v1/edits", body, Content_Type=MEDIA_TYPE)

    def delete(self, job: str) -> Answer:
        return self.request("DELETE", f"/v1/jobs/{job}")

    def submit(self, body: bytes) -> str:
        """Queues a job that must be accepted; its id."""
        answer = self.post(body)
        assert answer.status == 202, answer.body
        return answer.json["id"]

    def status(self, job: str) -> dict[str, Any]:
        return self.get(f"/v1/jobs/{job}").json

    def wait(self, job: str) -> dict[str, Any]:
        """The status of a job once it has ended."""
        self.wait_until(lambda: self.status(job)["state"] not in ("queued", "running"))
        return self.status(job)

    def wait_for_state(self, job: str, state: str) -> None:
        self.wait_until(lambda: self.status(job)["state"] == state)

    def wait_until(self, condition: Any, timeout_s: float = 60) -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, "it didn't happen"
            time.sleep(0.02)

    def close(self) -> None:
        """Closes its stdin, as a Krita that ends does."""
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class RemoteBackend(Backend):
    """A backend for other machines, and one device that is paired with it."""

    def __init__(
        self, home: Path, address: str = "127.0.0.1:0", *, command: list[str] | None = None, **settings: Any
    ) -> None:
        super().__init__(home, command or [*SCRIPTED, json.dumps(settings), address])
        self.host = address.rpartition(":")[0]
        self.token = self.pair(self.line["code"]).json["token"]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Host": "colorize.invalid"}

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPSConnection(self.host, self.port, timeout=30, context=trusting())

    def request_with(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        headers = {"Host": "colorize.invalid"} | headers
        if (method, path) == ("POST", "/v1/jobs"):
            headers = {"Colorize-Job": secrets.token_hex(16)} | headers
        return super().request_with(method, path, body, headers)

    def pair(self, code: str, name: str = "tablet") -> Answer:
        """Asks to be paired; here nobody compares the fingerprint."""
        wish = {"secret": read_code(code)[10:].hex(), "name": name}
        return self.request_with("POST", "/v1/pair", json.dumps(wish).encode(), {})

    def as_device(self, token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}


def trusting() -> ssl.SSLContext:
    """Takes any certificate: these tests are about what comes after."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def read_code(code: str) -> bytes:
    """A pairing code's bytes: 10 of the fingerprint, 5 of the secret."""
    number = 0
    for letter in code.replace("-", ""):
        number = number * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(letter)
    return number.to_bytes(15, "big")


@dataclass
class JobBundle:
    """A job's bundle, made by hand; change any field before `encode`."""

    model: str = ""
    width: int = 8
    height: int = 6
    blobs: list[tuple[dict[str, Any], bytes]] = field(default_factory=list)
    request: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.blobs:
            size = self.width * self.height * 4
            self.add("bgra8", self.width, self.height, bytes(size))
            self.add("bgra8", 1, 1, b"\x01\x02\x03\xff")
        self.request = {
            "api": 3,
            "task": "colorize",
            "engine": "scripted",
            "model": self.model,
            "mode": "whole",
            "canvas": {"width": self.width, "height": self.height},
            "sketch": {"blob": 0, "x": 0, "y": 0},
            "sketch_mask": None,
            "references": [{"picture": {"blob": 1, "x": 0, "y": 0}, "mask": None}],
            "background": None,
            "seed": 0,
            "options": {"palette_lock": True, "line_gap": 0.02},
        } | self.request

    def add(self, kind: str, width: int, height: int, data: bytes, encoding: str = "raw") -> int:
        """Adds a blob; its index."""
        entry = {"format": kind, "width": width, "height": height, "encoding": encoding, "bytes": len(data)}
        self.blobs.append((entry, data))
        return len(self.blobs) - 1

    def encode(self) -> bytes:
        header = {"blobs": [entry for entry, _ in self.blobs], "request": self.request} | self.extra
        return bundle_of(header, *(data for _, data in self.blobs))


def edit_bundle(width: int, height: int, data: bytes, *, api: int = 3, **changes: Any) -> bytes:
    """A palette edit of one layer, #010203 to #0a0b0c; `changes` are fields of `edit`."""
    layer = {"role": "figure", "pixels": {"blob": 0, "x": -1, "y": 2}}
    edit = {"api": api, "canvas": {"width": 300, "height": 300}, "layers": [layer]}
    edit |= {"swaps": [{"from": "#010203", "to": "#0a0b0c"}]} | changes
    entry = {"format": "bgra8", "width": width, "height": height, "encoding": "raw", "bytes": len(data)}
    return bundle_of({"edit": edit, "blobs": [entry]}, data)


def bundle_of(header: Any, *blobs: bytes) -> bytes:
    """A bundle of any header."""
    encoded = json.dumps(header).encode()
    return b"CLZ1" + struct.pack("<I", len(encoded)) + encoded + b"".join(blobs)


def job(model: str = "", **changes: Any) -> bytes:
    """A small job for the scripted engine (`tests/server/scripted_engines.py` says what `model` does)."""
    return JobBundle(model, **changes).encode()


def open_bundle(data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Header and blobs as sent."""
    assert data[:4] == b"CLZ1"
    start = 8 + struct.unpack("<I", data[4:8])[0]
    header = json.loads(data[8:start])
    blobs = []
    for entry in header["blobs"]:
        blobs.append(data[start : start + entry["bytes"]])
        start += entry["bytes"]
    assert start == len(data)
    return header, blobs


def check_error(answer: Answer, status: int, code: str) -> None:
    """The one body that every failing route answers with."""
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert set(answer.json) == {"ok", "status", "code", "message"}
    assert (answer.json["ok"], answer.json["status"], answer.json["code"]) == (False, status, code)
    assert answer.json["message"][-1] == "."
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]

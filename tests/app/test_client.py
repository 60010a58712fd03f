"""HTTP with servers that answer oddly, cut short, or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from krita_colorize.app import client as http
from krita_colorize.app import memory
from krita_colorize.app.client import Client
from krita_colorize.core.handshake import Ready
from krita_colorize.qt import QtCore

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def answer(body: bytes, status: str = "200 OK", length: int | None = None) -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n".encode()
        + body
    )


class OddServer:
    """Answers each connection with the next script: pieces of bytes, sent one by one, then the end."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.scripts: list[list[bytes]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):  # clients may hang up, or connect and say nothing
                connection.settimeout(1)
                self.requests.append(self._read(connection))
                for piece in self.scripts.pop(0) if self.scripts else []:
                    connection.sendall(piece)

    def _read(self, connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            received = connection.recv(65536)
            if not received:
                raise ConnectionError
            data += received
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [
            line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        ]
        while lengths and len(body) < int(lengths[0]):
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body


@pytest.fixture
def server() -> Iterator[OddServer]:
    server = OddServer()
    yield server
    server.close()


@pytest.fixture
def client(server: OddServer, qapp: object) -> Client:
    return Client(lambda: Ready("127.0.0.1", server.port, "0.1.0", "secret"))


def finish(qtbot: Any, call: Any) -> tuple[list[bytes], list[http.Failure]]:
    done: list[bytes] = []
    failed: list[http.Failure] = []
    call.done.connect(lambda pieces: done.append(b"".join(pieces)))
    call.failed.connect(failed.append)
    qtbot.waitUntil(lambda: bool(done or failed))
    return done, failed


def test_requests_carry_token_and_no_origin(client: Client, server: OddServer, qtbot: Any) -> None:
    server.scripts.append([answer(b"{}")])
    assert finish(qtbot, client.get("/v1/health")) == ([b"{}"], [])
    head = server.requests[0].lower()
    assert head.startswith(b"get /v1/health http/1.1")
    assert b"authorization: bearer secret" in head
    assert f"host: 127.0.0.1:{server.port}".encode() in head
    assert not any(word in head for word in (b"origin", b"cookie", b"upgrade"))


def test_bundles_arrive_whole(client: Client, server: OddServer, qtbot: Any) -> None:
    body = bytes(range(256)) * 4000
    server.scripts.append([answer(b'{"id": "7"}', "202 Accepted")])
    finish(qtbot, client.post_bundle("/v1/jobs", QtCore.QByteArray(body), "0" * 32))
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    assert sent == body
    assert b"application/vnd.colorize.bundle" in head.lower()


@pytest.mark.skipif(sys.platform != "linux", reason="sealed memory is Linux's")
@pytest.mark.parametrize("ours", [True, False], ids=["own child", "somebody else's"])
def test_shared_bodies_are_announced_to_our_own_backend(
    server: OddServer, qtbot: Any, monkeypatch: pytest.MonkeyPatch, *, ours: bool
) -> None:
    monkeypatch.setattr(memory, "MIN_BYTES", 1)
    owner = os.getpid() if ours else 1
    client = Client(lambda: Ready("127.0.0.1", server.port, "0.1.0", "secret", owner))
    body = memory.body_of([b"the bundle"])
    server.scripts.append([answer(b'{"id": "7"}', "202 Accepted")])
    finish(qtbot, client.post_bundle("/v1/jobs", body, "0" * 32))
    memory.close(body)
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    assert (b"colorize.memory+json" in head.lower()) == ours
    assert (b'"bytes": 10' in sent) == ours
    assert (sent == b"the bundle") == (not ours)


def test_error_bodies_become_sentences(client: Client, server: OddServer, qtbot: Any) -> None:
    body = json.dumps({"ok": False, "status": 404, "code": "unknown_job", "message": "There is no such job."})
    server.scripts.append([answer(body.encode(), "404 Not Found")])
    assert finish(qtbot, client.get("/v1/jobs/x")) == (
        [],
        [http.Failure("unknown_job", "There is no such job.")],
    )


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        ([], http.Failure("gone", http.GONE)),
        ([answer(b"half", length=1000)], http.Failure("gone", http.GONE)),
        ([answer(b"<html>", "500 Oops")], http.Failure("internal", http.NOT_UNDERSTOOD)),
        ([answer(b"[]", "422 Nope")], http.Failure("internal", http.NOT_UNDERSTOOD)),
        (
            [answer(b"", "302 Found\r\nLocation: http://127.0.0.1:9/")],
            http.Failure("internal", http.NOT_UNDERSTOOD),
        ),
    ],
)
def test_odd_answers_become_sentences(
    client: Client, server: OddServer, qtbot: Any, script: list[bytes], failure: http.Failure
) -> None:
    server.scripts += [script] * 3  # Qt tries again where a connection is closed without a word
    assert finish(qtbot, client.get("/v1/engines")) == ([], [failure])


def test_no_backend_is_gone(qapp: object, qtbot: Any) -> None:
    assert finish(qtbot, Client(lambda: None).get("/v1/health")) == ([], [http.Failure("gone", http.GONE)])


def test_aborted_calls_stay_silent(client: Client, server: OddServer, qtbot: Any) -> None:
    server.scripts.append([answer(b"{}")])
    call = client.get("/v1/health")
    heard: list[object] = []
    call.done.connect(heard.append)
    call.failed.connect(heard.append)
    call.abort()
    qtbot.wait(100)
    assert heard == []


def listen(qtbot: Any, client: Client) -> tuple[list[dict], list[object]]:
    statuses: list[dict] = []
    ends: list[object] = []
    events = client.events("/v1/jobs/7/events")
    events.status.connect(statuses.append)
    events.ended.connect(ends.append)
    qtbot.waitUntil(lambda: bool(ends))
    return statuses, ends


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_events_cut_anywhere_arrive(client: Client, server: OddServer, qtbot: Any, size: int) -> None:
    events = [{"state": "running", "stage": "Färben", "done": n} for n in range(5)]
    stream = b": hello\n\n" + b"".join(
        b"event: status\ndata: " + json.dumps(e).encode() + b"\n\n" for e in events
    )
    server.scripts.append([HEAD, *(stream[i : i + size] for i in range(0, len(stream), size))])
    assert listen(qtbot, client) == (events, [None])


@pytest.mark.parametrize(
    ("script", "check"),
    [
        ([HEAD, b"event: status\ndata: {broken\n\n"], lambda end: end.code == "internal"),
        (
            [answer(b'{"code": "unknown_job", "message": "Gone."}', "404 X")],
            lambda end: end.message == "Gone.",
        ),
        ([], lambda end: end.code == "gone"),
    ],
)
def test_broken_streams_end_with_a_reason(
    client: Client, server: OddServer, qtbot: Any, script: list[bytes], check: Callable[[Any], bool]
) -> None:
    server.scripts += [script] * 3
    statuses, (end,) = listen(qtbot, client)
    assert statuses == []
    assert check(end)

"""Too much, too slow, too many: every limit of docs/wire.md that takes a real server to attack."""

from __future__ import annotations

import http.client
import socket
import time

import pytest
from running_backend import MEDIA_TYPE, Backend, JobBundle, check_error, job


def test_announced_body_too_large(backend: Backend) -> None:
    check_error(post_head(backend, Content_Length=str(2**31)), 413, "too_large")


def test_streamed_body_too_large(start_backend) -> None:
    backend = start_backend(body_bytes=100_000)
    chunks = (bytes(10_000) for _ in range(11))
    headers = backend.headers | {"Content-Type": MEDIA_TYPE}
    check_error(backend.request_with("POST", "/v1/jobs", chunks, headers), 413, "too_large")  # type: ignore[arg-type]
    assert backend.get("/v1/health").status == 200


def test_slow_body_is_given_up(start_either) -> None:
    backend = start_either(body_timeout_s=1.0)
    check_error(post_head(backend, Content_Length="1000"), 408, "timeout")
    assert backend.wait(backend.submit(job()))["state"] == "done"


@pytest.mark.parametrize("sent", [b"", b"GET /v1/health HTTP/1.1\r\nHost: "])
def test_slow_head_is_closed(start_backend, sent: bytes) -> None:
    backend = start_backend(request_timeout_s=0.3)
    with socket.create_connection(("127.0.0.1", backend.port), timeout=10) as connection:
        connection.sendall(sent)
        assert ends(connection)


def test_trickled_head_is_closed(start_either) -> None:
    backend = start_either(request_timeout_s=0.5)
    started = time.monotonic()
    with dial(backend) as connection:
        connection.settimeout(0.05)
        connection.sendall(b"GET /v1/health HTTP/1.1\r\n")
        while not trickle(connection, b"X: y\r\n"):
            assert time.monotonic() - started < 30


def test_body_without_token_is_not_waited_for(start_either) -> None:
    backend = start_either(request_timeout_s=0.5)
    started = time.monotonic()
    with dial(backend) as connection:
        connection.settimeout(0.05)
        connection.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n")
        while not trickle(connection, b"x"):
            assert time.monotonic() - started < 30


def test_connections_are_bounded(start_either) -> None:
    backend = start_either(connections=4)
    held = [dial(backend) for _ in range(4)]
    time.sleep(0.1)
    with dial(backend) as refused:
        assert ends(refused)
    for connection in held:
        connection.close()
    backend.wait_until(lambda: answers(backend))


def test_queue_flood(start_backend) -> None:
    backend = start_backend(waiting_jobs=3)
    first = backend.submit(job("slow"))
    backend.wait_for_state(first, "running")
    for _ in range(3):
        backend.submit(job())
    check_error(backend.post(job()), 429, "queue_full")
    backend.delete(first)
    backend.wait_until(lambda: backend.get("/v1/health").json["waiting"] == 0)
    assert backend.wait(backend.submit(job()))["state"] == "done"


def test_queue_holds_so_many_bytes(start_backend) -> None:
    backend = start_backend(waiting_bytes=100_000)
    first = backend.submit(job("slow"))
    backend.wait_for_state(first, "running")
    large = JobBundle(width=150, height=150).encode()
    second = backend.submit(large)
    check_error(backend.post(large), 429, "queue_full")
    backend.delete(second)
    assert backend.post(large).status == 202


def test_refused_uploads_give_their_place_back(start_either) -> None:
    backend = start_either(waiting_jobs=1, waiting_bytes=10_000)
    for _ in range(5):
        check_error(backend.post(b"nonsense"), 422, "invalid_bundle")
        check_error(backend.post(bytes(20_000)), 429, "queue_full")
    assert backend.post(job()).status == 202


def test_client_that_leaves_gives_its_place_back(start_backend) -> None:
    backend = start_backend(waiting_jobs=1)
    for _ in range(3):
        connection = start_post(backend, Content_Length="1000")
        connection.close()
        backend.wait_until(lambda: backend.post(job()).status == 202)
        backend.wait_until(lambda: backend.get("/v1/health").json["waiting"] == 0)


def start_post(backend: Backend, **headers: str) -> http.client.HTTPConnection:
    connection = backend.connect()
    sent = backend.headers | {"Content-Type": MEDIA_TYPE, "Colorize-Job": "0" * 32}
    connection.putrequest("POST", "/v1/jobs", skip_host="Host" in sent)
    for name, value in (sent | {key.replace("_", "-"): text for key, text in headers.items()}).items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection


def post_head(backend: Backend, **headers: str):
    """Sends the head of a POST and none of its body."""
    from running_backend import Answer

    connection = start_post(backend, **headers)
    answer = connection.getresponse()
    found = Answer(answer.status, answer.headers, answer.read())
    connection.close()
    return found


def dial(backend: Backend) -> socket.socket:
    """A bare connection, with TLS where that is spoken."""
    connection = backend.connect()
    connection.connect()
    return connection.sock


def ends(connection: socket.socket) -> bool:
    """Whether the server closes the connection without a word."""
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


def trickle(connection: socket.socket, data: bytes) -> bool:
    """Sends a little more; whether the server has closed the connection."""
    try:
        connection.sendall(data)
        while connection.recv(4096):
            pass
    except TimeoutError:
        return False
    except (ConnectionResetError, BrokenPipeError):
        return True
    return True


def answers(backend: Backend) -> bool:
    try:
        return backend.get("/v1/health").status == 200
    except (ConnectionError, http.client.HTTPException):
        return False

"""Attacks on the door: tokens, hosts, origins, methods, paths, bytes that are no HTTP."""

from __future__ import annotations

import json

import psutil
import pytest
from running_backend import Answer, Backend, check_error, job

ROUTES = [
    ("GET", "/v1/health"),
    ("GET", "/v1/engines"),
    ("POST", "/v1/jobs"),
    ("GET", "/v1/jobs/0"),
    ("DELETE", "/v1/jobs/0"),
    ("GET", "/v1/jobs/0/events"),
    ("GET", "/v1/jobs/0/preview"),
    ("GET", "/v1/jobs/0/result"),
    ("GET", "/"),
    ("OPTIONS", "/v1/jobs"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("token", [None, "", "Bearer ", "Bearer " + "0" * 64, "Basic x", "Bearer \xe9"])
def test_no_route_without_token(either: Backend, method: str, path: str, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": token}
    check_error(either.request_with(method, path, None, headers), 401, "unauthorized")


def test_token_only_counts_as_header(backend: Backend) -> None:
    token = backend.line["token"]
    check_error(backend.request_with("GET", f"/v1/health?token={token}", None, {}), 401, "unauthorized")
    check_error(
        backend.request_with("GET", "/v1/health", None, {"Cookie": f"token={token}"}), 401, "unauthorized"
    )


def test_token_is_secret(backend: Backend) -> None:
    token = backend.line["token"]
    assert len(bytes.fromhex(token)) == 32
    for process in (psutil.Process(backend.process.pid), backend.worker):
        assert token not in " ".join(process.cmdline())
        assert token not in " ".join(process.environ().values())


def test_token_differs_at_each_start(backend: Backend, start_backend) -> None:
    assert start_backend().line["token"] != backend.line["token"]


@pytest.mark.parametrize(
    "host", ["evil.com", "evil.com:{port}", "127.0.0.1", "localhost", "localhost:1", "[::1]:{port}", ""]
)
def test_rebinding_is_refused(either: Backend, host: str) -> None:
    check_error(
        either.request("GET", "/v1/health", Host=host.format(port=either.port)), 403, "forbidden_host"
    )


def test_localhost_is_a_host(backend: Backend) -> None:
    assert backend.request("GET", "/v1/health", Host=f"localhost:{backend.port}").status == 200


@pytest.mark.parametrize("origin", ["null", "https://evil.com", "http://127.0.0.1:{port}", ""])
def test_web_pages_are_refused(either: Backend, origin: str) -> None:
    answer = either.request("GET", "/v1/health", Origin=origin.format(port=either.port))
    check_error(answer, 403, "forbidden_origin")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", "x"])
def test_fetches_by_pages_are_refused(either: Backend, site: str) -> None:
    check_error(either.request("GET", "/v1/health", Sec_Fetch_Site=site), 403, "forbidden_origin")
    assert either.request("GET", "/v1/health", Sec_Fetch_Site="none").status == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json", "multipart/form-data", "application/octet-stream"]
)
def test_simple_content_types_are_refused(either: Backend, kind: str) -> None:
    answer = either.request("POST", "/v1/jobs", job(), Content_Type=kind)
    check_error(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/docs",
        "/openapi.json",
        "/v1",
        "/v1/health/",
        "/v1/jobs/",
        "/V1/health",
        "//v1/health",
        "/v1/../etc/passwd",
    ],
)
def test_nothing_else_is_served(either: Backend, path: str) -> None:
    check_error(either.get(path), 404, "unknown_route")


@pytest.mark.parametrize(
    "job_id",
    [
        "..",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "..%5c..",
        "C:%5cWindows",
        "%00",
        "%ff",
        "%5c%5chost%5cshare",
        "a" * 9999,
        "'--",
        "*",
    ],
)
@pytest.mark.parametrize("tail", ["", "/result", "/preview", "/events"])
def test_no_path_leads_out(either: Backend, job_id: str, tail: str) -> None:
    answer = either.get(f"/v1/jobs/{job_id}{tail}")
    check_error(answer, 404, "unknown_route" if "%2f" in job_id else "unknown_job")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/health"), ("GET", "/v1/jobs"), ("PUT", "/v1/jobs/0"), ("TRACE", "/v1/engines")],
)
def test_other_methods_are_refused(either: Backend, method: str, path: str) -> None:
    check_error(either.request(method, path), 405, "method_not_allowed")


def test_every_answer_forbids_sniffing(either: Backend) -> None:
    for path in ("/v1/health", "/v1/engines"):
        headers = either.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers
        assert "Server" not in headers


def test_listens_on_loopback_only(backend: Backend) -> None:
    listening = [
        c.laddr for c in psutil.Process(backend.process.pid).net_connections() if c.status == "LISTEN"
    ]
    assert listening == [("127.0.0.1", backend.port)]


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello TLS\r\n\r\n",
        b"GET /v1/health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
    ],
)
def test_no_http_gets_the_error_body(either: Backend, sent: bytes) -> None:
    check_error(talk(either, sent), 400, "bad_request")


def test_upgrades_are_not_followed(either: Backend) -> None:
    answer = either.request("GET", "/v1/health", Connection="Upgrade", Upgrade="websocket")
    assert answer.status == 200


@pytest.mark.parametrize(
    ("changes", "status"), [({"Authorization": "x"}, 401), ({"Origin": "null"}, 403), ({}, 415)]
)
def test_refusals_reach_a_client_that_is_still_sending(
    either: Backend, changes: dict[str, str], status: int
) -> None:
    answer = either.request_with("POST", "/v1/jobs", bytes(20_000_000), either.headers | changes)
    assert answer.status == status


def test_huge_tokens_are_refused(either: Backend) -> None:
    answer = either.request_with("GET", "/v1/health", None, {"Authorization": "Bearer " + "a" * 10_000})
    check_error(answer, 401, "unauthorized")


def talk(backend: Backend, sent: bytes) -> Answer:
    """Sends bytes as they are and reads the whole answer."""
    connection = backend.connect()
    connection.connect()
    with connection.sock as connection:
        connection.sendall(sent)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert json.loads(body)
    return Answer(int(lines[0].split()[1]), {name.title(): value for name, value in headers.items()}, body)  # type: ignore[arg-type]

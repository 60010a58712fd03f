"""A backend for other machines: TLS, pairing, tokens, owners, repetitions (docs/wire.md, "Another machine")."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from colorizer.server.devices import Devices
from colorizer.server.jobs import JobQueue
from colorizer.server.limits import ServerSettings
from hypothesis import given
from hypothesis import strategies as st
from running_backend import (
    MEDIA_TYPE,
    Backend,
    RemoteBackend,
    check_error,
    job,
    open_bundle,
    read_code,
    trusting,
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studio")


@pytest.fixture(scope="module")
def remote(home: Path) -> Iterator[RemoteBackend]:
    started = RemoteBackend(home)
    yield started
    started.close()


@pytest.fixture
def devices(home: Path, remote: RemoteBackend) -> Devices:
    return Devices(home / "remote")


@pytest.fixture
def new_code(home: Path, remote: RemoteBackend):
    """Runs `colorize devices pair`, as a person would."""
    environment = os.environ | {"COLORIZE_HOME": str(home)}
    command = [sys.executable, "-m", "colorizer", "devices", "pair"]
    return lambda: subprocess.check_output(command, env=environment, text=True).strip()


def test_code_holds_the_fingerprint(remote: RemoteBackend, new_code) -> None:
    code = new_code()
    der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", remote.port)))
    assert re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}", code)
    assert read_code(code)[:10] == hashlib.sha256(der).digest()[:10]
    assert remote.line["fingerprint"] == hashlib.sha256(der).hexdigest()


def test_ready_line_has_no_token(remote: RemoteBackend) -> None:
    assert set(remote.line) == {"event", "api", "version", "host", "port", "fingerprint", "code", "pid"}


def test_plain_http_gets_no_answer(remote: RemoteBackend) -> None:
    with socket.create_connection(("127.0.0.1", remote.port), timeout=10) as plain:
        plain.sendall(b"GET /v1/health HTTP/1.1\r\nHost: colorize.invalid\r\n\r\n")
        assert b"HTTP" not in plain.recv(1000)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_tls_is_refused(remote: RemoteBackend, version: ssl.TLSVersion) -> None:
    context = trusting()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", remote.port), timeout=10) as plain, pytest.raises(OSError):
        context.wrap_socket(plain)


def test_loopback_names_are_no_hosts_afar(remote: RemoteBackend) -> None:
    for host in (f"127.0.0.1:{remote.port}", f"localhost:{remote.port}", "colorize.invalid:1"):
        check_error(remote.request("GET", "/v1/health", Host=host), 403, "forbidden_host")


def test_code_pairs_one_device_once(remote: RemoteBackend, new_code) -> None:
    code = new_code()
    first = remote.pair(code, "a tablet")
    assert (first.status, first.json["name"]) == (201, "a tablet")
    check_error(remote.pair(code, "a tablet"), 403, "pairing_refused")


def test_same_name_gets_a_number(remote: RemoteBackend, devices: Devices) -> None:
    names = [remote.pair(devices_code(remote, devices), "twin").json["name"] for _ in range(2)]
    assert names == ["twin", "twin 2"]


def test_wrong_codes_void_the_right_one(home: Path, remote: RemoteBackend, devices: Devices) -> None:
    secret = pending(devices)
    for _ in range(5):
        with pytest.raises(Exception, match="wrong, used or expired"):
            devices.pair("0" * 10, "x")
    with pytest.raises(Exception, match="Make a new one"):
        devices.pair(secret, "x")


def test_old_code_is_void(devices: Devices, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = pending(devices)
    monkeypatch.setattr("colorizer.server.devices.CODE_LIVES_S", -1)
    expired = pending(devices)
    for code in (secret, expired):
        with pytest.raises(Exception, match="wrong, used or expired"):
            devices.pair(code, "x")


def test_tries_are_counted_over_all(tmp_path: Path) -> None:
    backend = RemoteBackend(tmp_path)
    answers = [backend.request_with("POST", "/v1/pair", b"{}", {}) for _ in range(10)]
    assert {answer.status for answer in answers[:-1]} == {422}
    check_error(answers[-1], 429, "too_many_tries")
    backend.close()


def test_slow_wish_is_given_up(tmp_path: Path) -> None:
    backend = RemoteBackend(tmp_path, pairing_timeout_s=0.5)
    connection = backend.connect()
    connection.putrequest("POST", "/v1/pair", skip_host=True)
    for name, value in (("Host", "colorize.invalid"), ("Content-Length", "50")):
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 408
    connection.close()
    backend.close()


def test_secrets_are_private(home: Path, remote: RemoteBackend, devices: Devices) -> None:
    pending(devices)
    if os.name == "posix":
        modes = {path.name: path.stat().st_mode & 0o777 for path in (home / "remote").iterdir()}
        assert set(modes.values()) == {0o600}
        assert (home / "remote").stat().st_mode & 0o777 == 0o700
    kept = (home / "remote" / "devices.json").read_text()
    assert remote.token not in kept
    assert hashlib.sha256(remote.token.encode()).hexdigest() in kept
    assert remote.token not in remote.log.read_text()


def test_revoked_token_is_refused_at_once(remote: RemoteBackend, devices: Devices, home: Path) -> None:
    answer = remote.pair(devices_code(remote, devices), "lost laptop").json
    ours = remote.as_device(answer["token"])
    assert remote.request_with("GET", "/v1/health", None, ours).status == 200
    environment = os.environ | {"COLORIZE_HOME": str(home)}
    words = [sys.executable, "-m", "colorizer", "devices", "revoke", "lost laptop"]
    subprocess.run(words, env=environment, check=True, capture_output=True)
    check_error(remote.request_with("GET", "/v1/health", None, ours), 401, "unauthorized")


def test_revoking_ends_jobs_and_streams(remote: RemoteBackend, devices: Devices) -> None:
    answer = remote.pair(devices_code(remote, devices), "stolen").json
    ours = remote.as_device(answer["token"])
    sent = ours | {"Content-Type": MEDIA_TYPE}
    made = remote.request_with("POST", "/v1/jobs", job("slow"), sent).json["id"]
    connection = remote.connect()
    connection.request("GET", f"/v1/jobs/{made}/events", headers=ours | {"Host": "colorize.invalid"})
    stream = connection.getresponse()
    assert b"status" in stream.read1(100)
    devices.revoke("stolen")
    told = stream.read()  # until the server ends it
    connection.close()
    assert b'"state": "cancelled"' in told
    remote.wait_until(lambda: remote.get("/v1/health").json["worker"] == "idle")


def test_jobs_are_their_owners_alone(remote: RemoteBackend, devices: Devices) -> None:
    other = remote.as_device(remote.pair(devices_code(remote, devices), "other").json["token"])
    made = remote.submit(job())
    assert remote.wait(made)["state"] == "done"
    for method, tail in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/events"),
        ("GET", "/preview"),
        ("GET", "/result"),
    ):
        check_error(remote.request_with(method, f"/v1/jobs/{made}{tail}", None, other), 404, "unknown_job")
    open_bundle(remote.get(f"/v1/jobs/{made}/result").body)


def test_repeated_job_is_refused(remote: RemoteBackend) -> None:
    chosen = "ab" * 16
    sent = remote.headers | {"Content-Type": MEDIA_TYPE, "Colorize-Job": chosen}
    assert remote.request_with("POST", "/v1/jobs", job(), sent).json["id"] == chosen
    check_error(remote.request_with("POST", "/v1/jobs", job(), sent), 409, "known_job")
    remote.wait(chosen)
    remote.delete(chosen)
    check_error(remote.request_with("POST", "/v1/jobs", job(), sent), 409, "known_job")


def test_refused_job_may_come_again(remote: RemoteBackend) -> None:
    sent = remote.headers | {"Content-Type": MEDIA_TYPE, "Colorize-Job": "cd" * 16}
    check_error(remote.request_with("POST", "/v1/jobs", b"nonsense", sent), 422, "invalid_bundle")
    assert remote.request_with("POST", "/v1/jobs", job(), sent).status == 202


@pytest.mark.parametrize("chosen", ["", "x" * 32, "ab" * 15, "AB" * 16, "../" * 11])
def test_job_id_is_wanted(remote: RemoteBackend, chosen: str) -> None:
    sent = remote.headers | {"Content-Type": MEDIA_TYPE, "Colorize-Job": chosen}
    check_error(remote.request_with("POST", "/v1/jobs", job(), sent), 422, "invalid_input")


def test_memory_is_never_taken_from_afar(remote: RemoteBackend) -> None:
    answer = remote.request(
        "POST", "/v1/jobs", b'{"fd": 0, "bytes": 9}', Content_Type="application/vnd.colorize.memory+json"
    )
    check_error(answer, 422, "invalid_bundle")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/models?file=a.safetensors"),
        ("POST", "/v1/models/x/download"),
        ("POST", "/v1/models/x/verify"),
        ("DELETE", "/v1/models/x"),
        ("DELETE", "/v1/task"),
    ],
)
def test_models_are_not_changed_from_afar(remote: RemoteBackend, method: str, path: str) -> None:
    check_error(remote.request(method, path, b"{}"), 403, "not_from_afar")
    assert remote.get("/v1/models").status == 200


def queue_of(*owners: str) -> list[str]:
    """The owners in the order in which their jobs, which came in this order, would run."""
    queue = JobQueue(ServerSettings())
    for owner in owners:
        queue.submit(b"", owner)
    return [job.owner for job in queue._waiting]


def test_owners_take_turns() -> None:
    assert queue_of("a", "a", "a", "b", "c", "b") == ["a", "b", "c", "a", "b", "a"]


@given(st.lists(st.sampled_from("abcd"), max_size=30))
def test_nobody_waits_for_more_than_one_job_of_each(owners: list[str]) -> None:
    order = queue_of(*owners)
    assert sorted(order) == sorted(owners)
    for owner in set(owners):
        first = order[: order.index(owner)]
        assert len(first) == len(set(first))


def test_quota_is_each_devices_own(tmp_path: Path) -> None:
    backend = RemoteBackend(tmp_path, owner_jobs=2)
    other = backend.as_device(
        backend.pair(devices_code(backend, Devices(tmp_path / "remote")), "other").json["token"]
    )
    backend.wait_for_state(backend.submit(job("slow")), "running")
    for _ in range(2):
        backend.submit(job())
    check_error(backend.post(job()), 429, "queue_full")
    sent = other | {"Content-Type": MEDIA_TYPE}
    answer = backend.request_with("POST", "/v1/jobs", job(), sent)
    assert (answer.status, answer.json["position"]) == (202, 1)
    backend.close()


def test_local_backend_pairs_nobody(backend: Backend) -> None:
    check_error(backend.request("POST", "/v1/pair", b"{}"), 404, "unknown_route")


def test_recorded_bytes_are_worthless(remote: RemoteBackend) -> None:
    """Whoever records a whole conversation and sends its bytes again gets no job."""
    recorded: list[bytes] = []
    with Tap(remote.port, recorded) as tap:
        context = trusting()
        plain = socket.create_connection(("127.0.0.1", tap.port), timeout=20)
        with context.wrap_socket(plain, server_hostname="colorize.invalid") as connection:
            head = (
                f"POST /v1/jobs HTTP/1.1\r\nHost: colorize.invalid\r\nAuthorization: Bearer {remote.token}\r\n"
                f"Content-Type: {MEDIA_TYPE}\r\nColorize-Job: {'ef' * 16}\r\nContent-Length: {len(job())}\r\n\r\n"
            )
            connection.sendall(head.encode() + job())
            assert b" 202 " in connection.recv(4096)
    before = remote.log.read_text().count("job queued")
    with socket.create_connection(("127.0.0.1", remote.port), timeout=20) as again:
        again.sendall(b"".join(recorded))
        received = b"".join(iter(lambda: again.recv(65536), b""))
    assert b"job" not in received
    assert remote.get("/v1/health").status == 200
    assert remote.log.read_text().count("job queued") == before


@pytest.mark.parametrize("words", ["7860", ":7860", "studio", "studio:x", "studio:70000"])
def test_address_is_checked(words: str) -> None:
    from colorizer.errors import InvalidInput
    from colorizer.server.serve import read_address

    with pytest.raises(InvalidInput, match="Write HOST:PORT"):
        read_address(words)


def test_address_may_be_ipv6() -> None:
    from colorizer.server.serve import Address, read_address

    assert read_address("[::]:7860") == Address("::", 7860)


def test_broken_home_is_told(tmp_path: Path) -> None:
    (tmp_path / "remote").mkdir()
    (tmp_path / "remote" / "devices.json").write_text("nonsense")
    with pytest.raises(Exception, match="can't be read"):
        Devices(tmp_path / "remote").all()


def devices_code(remote: RemoteBackend, devices: Devices) -> str:
    """A new code, without the wait for another Python."""
    from colorizer.server.devices import spell

    return spell(bytes.fromhex(remote.line["fingerprint"])[:10] + bytes.fromhex(pending(devices)))


def pending(devices: Devices) -> str:
    """Makes a code; its secret part."""
    home = devices._folder.parent
    before, os.environ["COLORIZE_HOME"] = os.environ["COLORIZE_HOME"], str(home)
    try:
        return read_code(devices.new_code())[10:].hex()
    finally:
        os.environ["COLORIZE_HOME"] = before


class Tap:
    """Stands between a client and the server and keeps what the client sends."""

    def __init__(self, port: int, recorded: list[bytes]) -> None:
        self._to = port
        self._recorded = recorded
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Tap:
        self._start(self._serve)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for thread in list(self._threads):
            thread.join(20)

    def _start(self, target, *arguments) -> None:
        self._threads.append(threading.Thread(target=target, args=arguments))
        self._threads[-1].start()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(("127.0.0.1", self._to), timeout=20)
        self._start(self._pass, server, client, [])
        self._pass(client, server, self._recorded)
        client.close()
        server.close()

    def _pass(self, source: socket.socket, target: socket.socket, kept: list[bytes]) -> None:
        try:
            while data := source.recv(65536):
                kept.append(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return

"""Other machines as the docker sees them: pairing, the pinned certificate, and connections that get lost.

PyQt5's own wheels have no TLS on today's systems; there these tests run under PyQt6 (tests/architecture).
"""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from docker_stage import PATIENCE_MS, open_page, wait
from fake_port import FakePort
from running_backend import RemoteBackend

from krita_colorize.app import servers as choices
from krita_colorize.app.backend import BackendState
from krita_colorize.app.client import Client
from krita_colorize.app.job import JobState
from krita_colorize.app.servers import Servers
from krita_colorize.app.session import Session
from krita_colorize.core.handshake import Ready
from krita_colorize.qt import QtNetwork

needs_tls = pytest.mark.skipif(not QtNetwork.QSslSocket.supportsSsl(), reason="this Qt has no TLS")


class Cable:
    """Stands between docker and machine: carries bytes until it is pulled, and again once it is plugged in."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._plugged = True
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._start(self._serve)

    def pull(self) -> None:
        """Cuts every connection; no other one comes about."""
        self._plugged = False
        for end in list(self._ends):
            _shut(end)

    def plug_in(self) -> None:
        self._plugged = True

    def close(self) -> None:
        _shut(self._listener)
        self._listener.close()
        self.pull()
        for thread in list(self._threads):
            thread.join(20)

    def _start(self, target: Callable[..., None], *arguments: Any) -> None:
        self._threads.append(threading.Thread(target=target, args=arguments))
        self._threads[-1].start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if not self._plugged:
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self._to), timeout=60)
            self._ends += [client, server]
            self._start(self._pass, client, server)
            self._start(self._pass, server, client)

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            _shut(end)
        source.close()


def _shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemoteBackend]:
    started = RemoteBackend(tmp_path_factory.mktemp("machine"), heartbeat_s=1)
    yield started
    started.close()


@pytest.fixture
def cable(machine: RemoteBackend) -> Iterator[Cable]:
    cable = Cable(machine.port)
    yield cable
    cable.close()


@pytest.fixture
def remote(
    machine: RemoteBackend, cable: Cable, port: FakePort, qtbot: Any, tmp_path: Path
) -> Iterator[Session]:
    """A session that computes on the paired machine."""
    token, fingerprint = machine.token, machine.line["fingerprint"]
    server = {"name": "studio", "host": "127.0.0.1", "port": cable.port}
    kept = {"servers": [server | {"fingerprint": fingerprint, "token": token}], "chosen": "studio"}
    (tmp_path / choices.FILE).write_text(json.dumps(kept))
    session = Session(port, home=tmp_path)
    page = open_page(port)
    wait(qtbot, lambda: session.document is not None and session.document.sketch is not None)
    session.document.change(engine="scripted")
    session.references.add_layer(session.document, page.sheet)
    yield session
    session.close()
    session.deleteLater()


@pytest.fixture
def servers(tmp_path: Path, qtbot: Any) -> Iterator[Servers]:
    found = choices.acquire(tmp_path)
    yield found
    choices.release(found)


def pair(servers: Servers, qtbot: Any, port: int, code: str) -> None:
    servers.pair(f"127.0.0.1:{port}", code)
    wait(qtbot, lambda: not servers.pairing)


@needs_tls
def test_code_pairs_and_chooses(servers: Servers, qtbot: Any, tmp_path: Path) -> None:
    machine = RemoteBackend(tmp_path / "machine")
    code = new_code(machine, tmp_path)
    pair(servers, qtbot, machine.port, code.lower().replace("-", " "))
    assert (servers.problem, servers.chosen) == ("", f"127.0.0.1:{machine.port}")
    servers.need()
    wait(qtbot, lambda: servers.state is BackendState.READY)
    kept = tmp_path / choices.FILE
    assert machine.line["fingerprint"] in kept.read_text()
    if os.name == "posix":
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    pair(servers, qtbot, machine.port, code)
    assert "wrong, used or expired" in servers.problem
    machine.close()


@needs_tls
def test_somebody_in_between_gets_no_secret(servers: Servers, qtbot: Any, tmp_path: Path) -> None:
    machine, stranger = RemoteBackend(tmp_path / "machine"), RemoteBackend(tmp_path / "stranger")
    pair(servers, qtbot, stranger.port, new_code(machine, tmp_path))
    assert "isn't the one that showed this code" in servers.problem
    assert servers.names == ()
    assert "refused" not in stranger.log.read_text()  # it got no request at all
    machine.close()
    stranger.close()


@needs_tls
def test_other_certificate_gets_no_token(servers: Servers, qtbot: Any, machine: RemoteBackend) -> None:
    wrong = "0" * 64
    client = Client(lambda: Ready("127.0.0.1", machine.port, "", machine.token, fingerprint=wrong), servers)
    failures: list[Any] = []
    before = machine.log.read_text()
    client.get("/v1/health").failed.connect(failures.append)
    wait(qtbot, lambda: failures)
    assert failures[0].code == "wrong_certificate"
    assert "nothing was sent" in failures[0].message
    assert machine.log.read_text() == before


@needs_tls
def test_job_is_computed_there(remote: Session, qtbot: Any) -> None:
    remote.colorize()
    wait(qtbot, lambda: remote.document.results or remote.error)
    assert remote.error == ""
    assert remote.backend.local.state is BackendState.STOPPED


@needs_tls
def test_result_arrives_after_the_cable_was_pulled(
    remote: Session, cable: Cable, machine: RemoteBackend, qtbot: Any
) -> None:
    remote.document.change(model="brief")
    remote.colorize()
    wait(qtbot, lambda: remote.job is not None and "Painting" in remote.job.words)
    cable.pull()
    wait(qtbot, lambda: remote.job.words == "No connection to studio; trying again")
    qtbot.wait(500)
    cable.plug_in()
    wait(qtbot, lambda: remote.document.results or remote.error)
    assert remote.error == ""
    assert machine.log.read_text().count('"event": "job queued"') == 2  # with the job of the test before


@needs_tls
def test_job_cancelled_without_connection_ends_there(
    remote: Session, cable: Cable, machine: RemoteBackend, qtbot: Any
) -> None:
    remote.document.change(model="slow")
    remote.colorize()
    wait(qtbot, lambda: remote.job is not None and "Painting" in remote.job.words)
    cable.pull()
    wait(qtbot, lambda: "No connection" in remote.job.words)
    remote.cancel()
    assert remote.job is None
    cable.plug_in()
    wait(qtbot, lambda: remote.backend.state is BackendState.READY)
    wait(qtbot, lambda: '"state": "cancelled"' in machine.log.read_text())


@needs_tls
def test_job_whose_answer_got_lost_runs_once(
    remote: Session, cable: Cable, machine: RemoteBackend, qtbot: Any
) -> None:
    before = machine.log.read_text().count('"event": "job queued"')
    remote.colorize()
    job = remote.job
    with qtbot.waitSignal(
        job.changed, timeout=PATIENCE_MS, check_params_cb=lambda: job.state is JobState.SENDING
    ):
        pass
    cable.pull()
    wait(qtbot, lambda: remote.job is None or "No connection" in remote.job.words)
    cable.plug_in()
    wait(qtbot, lambda: remote.document.results or remote.error)
    assert remote.error == ""
    assert machine.log.read_text().count('"event": "job queued"') == before + 1


@needs_tls
def test_revoked_token_is_told(remote: Session, machine: RemoteBackend, qtbot: Any, tmp_path: Path) -> None:
    kept = json.loads((tmp_path / choices.FILE).read_text())
    kept["servers"][0]["token"] = "0" * 64
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / choices.FILE).write_text(json.dumps(kept))
    servers = choices.acquire(tmp_path / "other")
    servers.need()
    wait(qtbot, lambda: servers.state is BackendState.ERROR)
    assert "is no longer paired with that one" in servers.message
    choices.release(servers)


def test_nobody_there_is_told(servers: Servers, qtbot: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    pair(servers, qtbot, port, "0" * 24)
    assert "There is no answer from that address" in servers.problem


@pytest.mark.parametrize("code", ["", "123", "U" * 24, "é" * 24, "0" * 25])
def test_wrong_code_is_told(servers: Servers, code: str) -> None:
    servers.pair("studio", code)
    assert "24 letters and digits" in servers.problem
    assert not servers.pairing


@pytest.mark.parametrize(
    "address", ["", "a b", "studio:", "studio:0", "studio:99999", "http://studio", "a@b"]
)
def test_wrong_address_is_told(servers: Servers, address: str) -> None:
    servers.pair(address, "0" * 24)
    assert "name or address" in servers.problem


def test_broken_list_is_told(tmp_path: Path, qtbot: Any) -> None:
    (tmp_path / choices.FILE).write_text("nonsense")
    servers = choices.acquire(tmp_path)
    assert "can't be read" in servers.problem
    assert servers.chosen == ""
    choices.release(servers)


def test_removed_machine_is_forgotten(tmp_path: Path, qtbot: Any) -> None:
    server = {"name": "studio", "host": "studio", "port": 7860, "fingerprint": "ab" * 32, "token": "secret"}
    (tmp_path / choices.FILE).write_text(json.dumps({"servers": [server], "chosen": "studio"}))
    servers = choices.acquire(tmp_path)
    assert servers.chosen == "studio"
    assert servers.remote
    servers.remove("studio")
    assert (servers.names, servers.chosen, servers.remote) == ((), "", False)
    assert "secret" not in (tmp_path / choices.FILE).read_text()
    choices.release(servers)


def new_code(machine: RemoteBackend, tmp_path: Path) -> str:
    """Another code of that machine; its own home decides which certificate it is for."""
    from colorizer.server.devices import Devices

    before, os.environ["COLORIZE_HOME"] = os.environ["COLORIZE_HOME"], str(machine.log.parents[1])
    try:
        return Devices().new_code()
    finally:
        os.environ["COLORIZE_HOME"] = before

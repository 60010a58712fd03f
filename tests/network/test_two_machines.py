"""Two network namespaces of this machine act as the artist's and the studio's, with a cable between them."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from colorizer.server.devices import Devices
from running_backend import MEDIA_TYPE, SCRIPTED, RemoteBackend, check_error, job, trusting

STUDIO = "10.98.76.1"
ARTIST = "10.98.76.2"
PORT = 7860
QUEUED = '"event": "job queued"'


class Machines:
    """Two namespaces, `studio` and `artist`, joined by a cable."""

    def __init__(self) -> None:
        mark = secrets.token_hex(3)
        self.studio, self.artist = f"studio-{mark}", f"artist-{mark}"
        self._ends = {self.studio: f"cs{mark}", self.artist: f"ca{mark}"}

    def lay_cable(self) -> None:
        (one, end), (other, far) = self._ends.items()
        for name in (one, other):
            ip("netns", "add", name)
        ip("link", "add", end, "netns", one, "type", "veth", "peer", "name", far, "netns", other)
        for name, address in ((one, STUDIO), (other, ARTIST)):
            ip("-n", name, "address", "add", f"{address}/24", "dev", self._ends[name])
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "link", "set", self._ends[name], "up")

    def remove(self) -> None:
        for name in (self.studio, self.artist):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

    def pull_cable(self) -> None:
        ip("-n", self.artist, "link", "set", self._ends[self.artist], "down")

    def plug_in(self) -> None:
        ip("-n", self.artist, "link", "set", self._ends[self.artist], "up")

    def on(self, name: str) -> list[str]:
        """What a command starts with to run there."""
        return ["ip", "netns", "exec", name]

    @contextlib.contextmanager
    def as_artist(self) -> Iterator[None]:
        """Sockets that this thread makes meanwhile are the artist's."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as home, open(f"/var/run/netns/{self.artist}") as there:
            assert libc.setns(there.fileno(), 0) == 0
            try:
                yield
            finally:
                assert libc.setns(home.fileno(), 0) == 0


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    if not shutil.which("ip") or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("network namespaces need Linux, root and `ip` (Debian: iproute2)")
    made = Machines()
    try:
        made.lay_cable()
    except subprocess.CalledProcessError as error:
        made.remove()
        pytest.skip(f"this system makes no network namespaces: {error.stderr.strip()}")
    yield made
    made.remove()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studio")


@pytest.fixture(scope="module")
def studio(machines: Machines, home: Path) -> Iterator[RemoteBackend]:
    """The studio's backend; the device `tablet` of the artist's machine is paired."""
    settings = json.dumps({"heartbeat_s": 1})
    command = [*machines.on(machines.studio), *SCRIPTED, settings, f"{STUDIO}:{PORT}"]
    with machines.as_artist():
        started = RemoteBackend(home, f"{STUDIO}:{PORT}", command=command)
    yield started
    started.close()


@pytest.fixture
def code(studio: RemoteBackend, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLORIZE_HOME", str(home))
    return Devices().new_code()


class Trouble:
    """What happens in mid-job, until the artist's side has noticed."""

    def __init__(self, machines: Machines, studio: RemoteBackend, artist: subprocess.Popen[str]) -> None:
        self.machines, self.studio, self.artist = machines, studio, psutil.Process(artist.pid)

    def begin(self) -> None:
        self.machines.pull_cable()

    def end(self) -> None:
        self.machines.plug_in()


class ArtistSleeps(Trouble):
    """The job ends meanwhile, and the cable is gone when the artist's machine wakes up."""

    def begin(self) -> None:
        self.artist.suspend()
        before = self.studio.log.read_text().count(QUEUED)
        super().begin()
        self.studio.wait_until(lambda: self.studio.log.read_text().count('"event": "job ended"') == before)
        self.artist.resume()


class StudioSleeps(Trouble):
    """Nobody answers, although the cable is there."""

    def begin(self) -> None:
        studio = psutil.Process(self.studio.process.pid)
        self.processes = [studio, *studio.children(recursive=True)]
        for process in self.processes:
            process.suspend()

    def end(self) -> None:
        for process in self.processes:
            process.resume()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("trouble", [Trouble, ArtistSleeps, StudioSleeps])
def test_result_arrives_after_the_connection_was_lost(
    machines: Machines, studio: RemoteBackend, code: str, trouble: type[Trouble]
) -> None:
    script = str(Path(__file__).with_name("artist.py"))
    words = [*machines.on(machines.artist), sys.executable, script, f"{STUDIO}:{PORT}", code]
    before = studio.log.read_text().count(QUEUED)
    artist = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    told, happens = [], trouble(machines, studio, artist)
    with artist, contextlib.closing(artist.stdout) as lines:
        for line in lines:
            told.append(line.strip())
            if told[-1] == "painting":
                happens.begin()
            elif told[-1] == "no connection":
                happens.end()
    assert told == ["open", "paired", "coloured", "painting", "no connection", "result arrived", "no error"]
    assert studio.log.read_text().count(QUEUED) == before + 2


def test_machines_are_really_two(machines: Machines, studio: RemoteBackend) -> None:
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", PORT), timeout=2):
        pass
    with machines.as_artist():
        assert studio.get("/v1/health").status == 200


def test_wrong_token_is_refused(machines: Machines, studio: RemoteBackend) -> None:
    with machines.as_artist():
        check_error(studio.request_with("GET", "/v1/health", None, {}), 401, "unauthorized")
        wrong = studio.as_device("0" * 64)
        check_error(studio.request_with("POST", "/v1/jobs", job(), wrong), 401, "unauthorized")


def test_wrong_certificate_is_refused(machines: Machines, studio: RemoteBackend, tmp_path: Path) -> None:
    """Whoever only trusts another certificate, as a paired docker does, doesn't get as far as a request."""
    from colorizer.server import certificate

    other, _ = certificate._make()
    context = trusting()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=other.decode())
    with (
        machines.as_artist(),
        socket.create_connection((STUDIO, PORT), timeout=20) as plain,
        pytest.raises(OSError, match="certificate verify failed"),
    ):
        context.wrap_socket(plain)


def test_revoked_token_is_refused(machines: Machines, studio: RemoteBackend, code: str) -> None:
    with machines.as_artist():
        ours = studio.as_device(studio.pair(code, "lost").json["token"])
        assert studio.request_with("GET", "/v1/health", None, ours).status == 200
        Devices().revoke("lost")
        check_error(studio.request_with("GET", "/v1/health", None, ours), 401, "unauthorized")


def test_repetitions_are_refused(machines: Machines, studio: RemoteBackend, code: str) -> None:
    sent = studio.headers | {"Content-Type": MEDIA_TYPE, "Colorize-Job": secrets.token_hex(16)}
    with machines.as_artist():
        assert studio.request_with("POST", "/v1/jobs", job(), sent).status == 202
        check_error(studio.request_with("POST", "/v1/jobs", job(), sent), 409, "known_job")
        assert studio.pair(code).status == 201
        check_error(studio.pair(code), 403, "pairing_refused")

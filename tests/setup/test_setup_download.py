"""Set-up's downloads from a host that cuts, stalls, lies, redirects and refuses: whole and true, or one sentence."""

import errno
import threading
from dataclasses import replace
from pathlib import Path

import file_host
import pytest
from file_host import CONTENT, SHA256

from krita_colorize.core.errors import UserError
from krita_colorize.setup.download import File, Rules, Stopped, fetch

QUICK = Rules(("127.0.0.1",), secure=False, timeout_s=10, tries=3, pause_s=0.01)


def rules(host):
    """Patient, but for a host that stalls: a slow machine is no fault."""
    stalls = host.always == "stall" or "stall" in host.tricks
    return replace(QUICK, timeout_s=0.4) if stalls else QUICK


@pytest.fixture
def host():
    host, server = file_host.serve()
    yield host
    server.shutdown()
    server.server_close()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "downloads"


@pytest.fixture
def get(host, folder):
    def call(on_bytes=lambda *_: None, stop=None, sha256=SHA256):
        file = File("torch.whl", host.url, sha256)
        return fetch(file, folder, rules(host), on_bytes, stop or threading.Event())

    return call


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_file_comes_whole(get, folder):
    seen = []
    assert get(on_bytes=lambda *now: seen.append(now)).read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert left(folder) == ["torch.whl"]


def test_what_is_there_is_not_asked_for_again(get, host):
    get()
    get()
    assert len(host.heard) == 1


@pytest.mark.parametrize(
    "tricks", [["cut"], ["stall"], ["busy"], ["cut", "cut", "stall"], ["cut", "elsewhere"], ["cut", "beyond"]]
)
def test_interrupted_file_is_whole_in_the_end(tricks, get, host, folder):
    host.tricks = list(tricks)
    assert get().read_bytes() == CONTENT
    assert left(folder) == ["torch.whl"]


def test_going_on_asks_for_the_rest_of_the_same_version(get, host):
    host.tricks = ["cut"]
    get()
    assert host.heard[1]["Range"].startswith("bytes=")
    assert host.heard[1]["If-Range"] == '"first"'


def test_cancelled_file_goes_on_later(get, host, folder):
    stop = threading.Event()
    with pytest.raises(Stopped):
        get(on_bytes=lambda *_: stop.set(), stop=stop)
    assert left(folder) == ["torch.whl.part", "torch.whl.part.json"]
    get()
    assert host.heard[-1]["Range"] != "bytes=0-"


def test_cancel_ends_the_pause_between_tries(get, host):
    host.always = "busy"
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        get(stop=stop)
    assert len(host.heard) == 1


@pytest.mark.parametrize(
    ("trick", "sentence"),
    [
        (
            "busy",
            r"download of torch.whl was interrupted \(the host answered 503\). .* press Install again",
        ),
        ("stall", r"was interrupted \((no data was received for a while|the connection was cut)\)"),
        ("long", r"was interrupted \(the connection was cut\)"),
        ("short", r"isn't the published file, so it was deleted"),
        ("nameless", r"isn't the published file"),
        ("false", r"isn't the published file"),
        ("gone", r"refuses to send torch.whl \(404\)"),
        ("private", r"refuses to send torch.whl \(401\)"),
    ],
)
def test_bad_host_gets_a_sentence(trick, sentence, get, host, folder):
    host.always = trick
    with pytest.raises(UserError, match=sentence):
        get()
    assert "torch.whl" not in left(folder)


@pytest.mark.parametrize(
    "location", ["http://localhost:1/x", "https://evil.example/x", "http://127.0.0.1.evil.example/x"]
)
def test_redirects_stay_with_the_known_hosts(location, get, host, folder):
    host.always, host.location = "redirect", location
    with pytest.raises(UserError, match="takes no files.* log-in page"):
        get()
    assert left(folder) == []


@pytest.mark.parametrize(
    "url", ["http://pypi.org/x", "https://user@pypi.org/x", "https://org/x", "file:///etc/x"]
)
def test_only_safe_addresses_are_asked(url):
    with pytest.raises(UserError):
        Rules().check(url)
    Rules().check("https://download.pytorch.org/whl/cpu/x.whl")


def test_nobody_there_is_one_sentence(get, host):
    host.url = "http://127.0.0.1:9/torch.whl"
    with pytest.raises(UserError, match="the connection failed"):
        get()


def test_full_disk_keeps_what_has_come(get, folder, monkeypatch):
    real = Path.open

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, data):
            if self.file.tell() > 500_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self.file.write(data)

    def opened(path, mode="r", *rest, **named):
        file = real(path, mode, *rest, **named)
        return Full(file) if path.name.endswith(".part") and mode != "rb" else file

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(
        UserError, match=r"The disk is full .* kept: free some space, then press Install again"
    ):
        get()
    monkeypatch.undo()
    assert get().read_bytes() == CONTENT

"""Downloads from a host that cuts, stalls, lies, redirects and refuses: whole and true, or one plain sentence."""

import shutil
from collections import namedtuple

import pytest
from colorizer.catalogue.download import Rules, fetch
from colorizer.catalogue.entries import Remote
from colorizer.errors import Cancelled, DownloadFailed
from file_host import CONTENT, SHA256

QUICK = Rules(("127.0.0.1",), secure=False, timeout_s=1, tries=3, pause_s=0.01)
WHOLE = len(CONTENT)
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def target(home):
    return home / "downloads" / "model.bin"


@pytest.fixture
def get(host, target):
    def call(sha256=SHA256, size=WHOLE, on_bytes=lambda *_: None, rules=QUICK):
        return fetch(Remote(host.url, "model.bin", size, sha256), target, rules, on_bytes)

    return call


def left(target):
    return sorted(path.name for path in target.parent.iterdir())


def test_file_comes_whole(get, target):
    seen = []
    assert get(on_bytes=lambda *now: seen.append(now)) == SHA256
    assert target.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert left(target) == ["model.bin"]


@pytest.mark.parametrize("tricks", [["cut"], ["stall"], ["busy"], ["cut", "cut"], ["cut", "stall", "serve"]])
def test_interrupted_file_goes_on(tricks, get, host, target):
    host.tricks = list(tricks)
    assert get() == SHA256
    assert target.read_bytes() == CONTENT
    if tricks[0] == "cut":
        assert host.heard[1]["If-Range"] == '"first"'
        assert host.heard[1]["Range"] == f"bytes={len(CONTENT) // 2 // 65536 * 65536}-"


def test_later_start_goes_on_where_the_first_was_stopped(get, host, target):
    def stop(done, total):
        if done > 0:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        get(on_bytes=stop)
    assert left(target) == ["model.bin.part", "model.bin.part.json"]
    assert get() == SHA256
    assert "Range" in host.heard[-1]


def test_another_version_starts_from_the_beginning(get, host, target):
    host.tricks, host.always = ["cut"], "busy"
    with pytest.raises(DownloadFailed):
        get(sha256=None)
    host.content, host.etag, host.always = CONTENT[::-1], '"second"', ""
    get(sha256=None)
    assert target.read_bytes() == CONTENT[::-1]


def test_without_a_validator_nothing_is_joined(get, host, target):
    host.etag, host.tricks = "", ["cut"]
    get(sha256=None)
    assert "Range" not in host.heard[-1]
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("trick", ["elsewhere", "beyond"])
def test_wrong_part_is_never_joined(trick, get, host, target):
    host.tricks = ["cut", trick]
    get(sha256=None)
    assert target.read_bytes() == CONTENT


def test_whole_part_is_recognised_by_416(get, host, target):
    def stop_at_the_end(done, total):
        if done == total > 0:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        get(on_bytes=stop_at_the_end)
    assert get() == SHA256
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("trick", "sentence"),
    [
        ("busy", r"was interrupted \(the host answered 503\).*kept"),
        ("stall", r"was interrupted \(no data was received for a while\)"),
        ("short", r"offers 100 bytes .* isn't the published file"),
        ("long", r"isn't the published file"),
        ("nameless", r"doesn't tell the size"),
        ("false", r"isn't the published file .*deleted"),
        ("gone", r"model.bin is no longer at the catalogue's address .*404"),
        ("private", r"only to users with an account"),
    ],
)
def test_bad_host_gets_a_sentence(trick, sentence, get, host, target):
    host.always = trick
    with pytest.raises(DownloadFailed, match=sentence):
        get()
    assert not target.exists()


def test_announced_hash_counts_where_none_is_published(get, host):
    host.announced = "0" * 64
    with pytest.raises(DownloadFailed, match="isn't the published file"):
        get(sha256=None)
    host.announced = SHA256
    assert get(sha256=None) == SHA256


@pytest.mark.parametrize(
    "location",
    [
        "http://localhost:1/x",
        "https://evil.example/x",
        "http://127.0.0.1.evil.example/x",
        "file:///etc/passwd",
    ],
)
def test_redirects_stay_with_the_known_hosts(location, get, host, target):
    host.always, host.location = "redirect", location
    with pytest.raises(DownloadFailed, match="isn't one of the hosts"):
        get()
    assert left(target) == []


def test_redirects_to_known_hosts_are_followed(get, host, target):
    host.tricks, host.location = ["redirect"], host.url
    assert get() == SHA256


def test_circles_end(get, host):
    host.always, host.location = "redirect", host.url
    with pytest.raises(DownloadFailed, match="redirects too often"):
        get()
    assert len(host.heard) == 6


@pytest.mark.parametrize("url", ["http://huggingface.co/x", "https://user@huggingface.co/x", "https://co/x"])
def test_only_safe_addresses_are_asked(url):
    with pytest.raises(DownloadFailed):
        Rules(("huggingface.co", ".hf.co")).check(url)


def test_dot_stands_for_all_names_that_end_so():
    Rules((".hf.co",)).check("https://cdn.hf.co/x")


def test_offline_asks_nobody(get, host, monkeypatch):
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    with pytest.raises(DownloadFailed, match="COLORIZE_OFFLINE"):
        get()
    assert host.heard == []


def test_full_disk_is_said_before_a_byte_is_written(get, target, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10, 10, 1000))
    with pytest.raises(DownloadFailed, match="Free some disk space"):
        get()
    assert left(target) == []


def test_nobody_there_is_one_sentence(get, host, target):
    host.url = "http://127.0.0.1:9/model.bin"
    with pytest.raises(DownloadFailed, match="the connection failed"):
        get()


def test_proxy_of_the_environment_is_asked(host, target, monkeypatch):
    monkeypatch.setenv("http_proxy", host.url)
    afar = Remote("http://models.invalid/model.bin", "model.bin", WHOLE, SHA256)
    assert (
        fetch(afar, target, Rules(("models.invalid",), secure=False, timeout_s=20), lambda *_: None) == SHA256
    )
    assert host.heard[0]["Host"] == "models.invalid"

"""Asking for a later version: only on a click, and whatever the answer is, in a sentence."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from docker_stage import wait

from krita_colorize.app.updates import Updates
from krita_colorize.core.version import VERSION, is_later

BACKEND = Path(__file__).resolve().parents[2] / "backend" / "colorizer" / "__init__.py"


class Releases:
    """A list of releases that keeps what it was asked."""

    def __init__(self) -> None:
        self.answer: tuple[int, bytes] = (200, b"")
        self.asked: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append({name.lower(): value for name, value in self.headers.items()})
                status, body = outer.answer
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/json"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def releases() -> Iterator[Releases]:
    found = Releases()
    yield found
    found.close()


@pytest.fixture
def updates(releases: Releases, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> Updates:
    monkeypatch.delenv("COLORIZE_OFFLINE", raising=False)
    return Updates(releases=releases.url)


def ask(updates: Updates, qtbot: Any) -> str:
    updates.ask()
    wait(qtbot, lambda: not updates.asking)
    return updates.words


def version(number: str) -> tuple[int, bytes]:
    return 200, json.dumps({"info": {"version": number}}).encode()


def test_nothing_is_asked_unasked(updates: Updates, releases: Releases, qtbot: Any) -> None:
    qtbot.wait(200)
    assert releases.asked == []


def test_later_version_is_told(updates: Updates, releases: Releases, qtbot: Any) -> None:
    releases.answer = version("99.0.0")
    assert ask(updates, qtbot).startswith(f"Version 99.0.0 is available; this is {VERSION}.")


@pytest.mark.parametrize("number", [VERSION, "0.0.9", "99.0.0rc1"])
def test_latest_version_is_told(updates: Updates, releases: Releases, qtbot: Any, number: str) -> None:
    releases.answer = version(number)
    assert ask(updates, qtbot) == f"This is the latest version ({VERSION})."


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((404, b""), "pypi.org has no release yet."),
        ((500, b""), "Nobody could be asked"),
        ((302, b""), "Nobody could be asked"),
        ((200, b"nonsense"), "Nobody could be asked"),
        ((200, b"[]"), "Nobody could be asked"),
    ],
)
def test_other_answers_are_sentences(
    updates: Updates, releases: Releases, qtbot: Any, answer: tuple[int, bytes], words: str
) -> None:
    releases.answer = answer
    assert words in ask(updates, qtbot)
    assert len(releases.asked) == 1


def test_nothing_is_told_about_the_artist(updates: Updates, releases: Releases, qtbot: Any) -> None:
    releases.answer = version(VERSION)
    ask(updates, qtbot)
    (told,) = releases.asked
    assert (told["user-agent"], told["accept-language"]) == ("krita-colorize", "en")
    assert not {"cookie", "authorization", "referer"} & set(told)


def test_offline_is_offline(updates: Updates, releases: Releases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    updates.ask()
    assert "forbids" in updates.words
    assert releases.asked == []


def test_nobody_there_is_told(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLORIZE_OFFLINE", raising=False)
    assert "Nobody could be asked" in ask(Updates(releases="http://127.0.0.1:9/"), qtbot)


def test_docker_and_backend_are_one_version() -> None:
    assert re.search(r'__version__ = "(.+)"', BACKEND.read_text("utf-8"))[1] == VERSION


def test_versions_are_compared_by_numbers() -> None:
    assert is_later("0.10.0", "0.9.9")
    assert not is_later("0.9.9", "0.10.0")
    assert not is_later("nonsense", "0.1.0")

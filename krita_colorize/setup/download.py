"""Downloads one file with a known hash, only from allowed hosts. A download can be resumed.

The received data is in `NAME.part`, its source and ETag in `NAME.part.json`, so that a lost connection, a cancel or a
`kill -9` loses nothing. A file gets its name only if its SHA-256 is the expected one. The backend downloads models with
its own code (`colorizer.catalogue.download`), because docker and backend share no code.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import json
import os
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from krita_colorize.core.errors import UserError
from krita_colorize.core.translations import tr

CHUNK = 1 << 18
HOSTS = ("files.pythonhosted.org", "pypi.org", ".pytorch.org")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

OnBytes = Callable[[int, int], None]
"""Called with the received bytes and their total, 0 if it isn't known yet."""


class Stopped(Exception):
    """The artist has pressed Cancel."""


@dataclass(frozen=True)
class File:
    """A file to download."""

    name: str
    url: str
    sha256: str


@dataclass(frozen=True)
class Rules:
    """The limits of downloads. A host with a leading dot stands for all hosts that end with it."""

    hosts: tuple[str, ...] = HOSTS
    secure: bool = True
    timeout_s: float = 30
    """Time without any data after which a new connection is made."""
    tries: int = 5
    """Number of connections in a row without any data after which the download fails."""
    pause_s: float = 2

    def check(self, url: str) -> None:
        """Raises `UserError` if the address isn't allowed."""
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
        known = any(host.endswith(name) if name.startswith(".") else host == name for name in self.hosts)
        if (
            not known
            or parts.username
            or parts.scheme not in (("https",) if self.secure else ("http", "https"))
        ):
            raise UserError(
                tr(
                    "The download was redirected to {host}, from which Krita Colorize takes no files, so nothing"
                    " was downloaded. If your network has a log-in page, log in and try again.",
                    host=host or url[:60],
                )
            )


def fetch(file: File, folder: Path, rules: Rules, on_bytes: OnBytes, stop: threading.Event) -> Path:
    """Downloads a file to the folder, unless it is there, and returns its path.

    Raises `UserError`, or `Stopped` soon after `stop` is set.
    """
    target = folder / file.name
    if target.is_file() and sha256_of(target) == file.sha256:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    return _Download(file, target, rules, on_bytes, stop).run()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def disk_is_full(folder: Path) -> UserError:
    """The error for a full disk."""
    return UserError(
        tr(
            "The disk is full ({folder}). The downloaded files are kept: free some space, then press Install again.",
            folder=folder,
        )
    )


class _Interrupted(Exception):
    """A connection failed and should be retried; the message says why."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects only to allowed hosts."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        self._rules.check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Download:
    """The download of one file with its retries."""

    def __init__(
        self, file: File, target: Path, rules: Rules, on_bytes: OnBytes, stop: threading.Event
    ) -> None:
        self._file, self._target, self._rules = file, target, rules
        self._on_bytes, self._stop = on_bytes, stop
        self._part = target.with_name(target.name + ".part")
        self._note = target.with_name(target.name + ".part.json")
        self._open = urllib.request.build_opener(_Redirects(rules)).open

    def run(self) -> Path:
        tries = 0
        while True:
            before = self._size()
            try:
                self._try()
                return self._finish()
            except _Interrupted as trouble:
                tries = 0 if self._size() > before else tries + 1
                if tries >= self._rules.tries:
                    raise UserError(
                        tr(
                            "The download of {name} was interrupted ({why}). The downloaded part is kept: check"
                            " the network connection, then press Install again.",
                            name=self._file.name,
                            why=trouble,
                        )
                    ) from trouble
            if self._stop.wait(self._rules.pause_s):
                raise Stopped

    def _try(self) -> None:
        self._rules.check(self._file.url)
        size, etag = self._size(), self._etag()
        headers = {"User-Agent": "krita-colorize", "Accept-Encoding": "identity"}
        if size and etag:
            headers |= {"Range": f"bytes={size}-", "If-Range": etag}
        try:
            with self._open(
                urllib.request.Request(self._file.url, headers=headers), timeout=self._rules.timeout_s
            ) as answer:
                self._take(answer, size if "Range" in headers else 0)
        except urllib.error.HTTPError as error:
            self._refused(error)
        except UserError:
            raise
        except (TimeoutError, urllib.error.URLError, http.client.HTTPException, ConnectionError) as error:
            slow = "timed out" in str(error)
            raise _Interrupted(
                tr("no data was received for a while") if slow else tr("the connection failed")
            ) from error

    def _take(self, answer: http.client.HTTPResponse, asked: int) -> None:
        """Appends the received data to the part."""
        start, total = 0, int(answer.headers.get("Content-Length") or 0)
        if answer.status == http.client.PARTIAL_CONTENT:
            found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
            if not found or int(found[1]) != asked:  # not the requested part
                self._discard()
                raise _Interrupted(tr("the host sent another part of the file"))
            start, total = asked, int(found[2])
        self._remember(answer.headers.get("ETag") or "")
        size = start
        try:
            with self._part.open("r+b" if start else "wb") as file:
                file.seek(start)
                file.truncate()
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
                    size += len(chunk)
                    self._on_bytes(size, total)
                    if self._stop.is_set():
                        raise Stopped
        except OSError as error:
            if error.errno in FULL:
                raise disk_is_full(self._target.parent) from error
            raise
        if size < total:
            raise _Interrupted(tr("the connection was cut"))

    def _refused(self, error: urllib.error.HTTPError) -> None:
        """Handles an HTTP error. Returns normally if status 416 shows that the part is complete."""
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and self._size():
            if sha256_of(self._part) == self._file.sha256:
                return
            self._discard()
            raise _Interrupted(tr("the host no longer has that part")) from error
        if error.code in (408, 425, 429) or error.code >= http.client.INTERNAL_SERVER_ERROR:
            raise _Interrupted(tr("the host answered {status}", status=error.code)) from error
        raise UserError(
            tr(
                "The host refuses to send {name} ({status}). Update Krita Colorize, or install from a folder.",
                name=self._file.name,
                status=error.code,
            )
        ) from error

    def _finish(self) -> Path:
        if sha256_of(self._part) != self._file.sha256:
            self._discard()
            raise UserError(
                tr(
                    "The downloaded {name} isn't the published file, so it was deleted. Press Install again; if"
                    " it happens again, something on your network changes files.",
                    name=self._file.name,
                )
            )
        with self._part.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(self._part, self._target)
        self._note.unlink(missing_ok=True)
        return self._target

    def _size(self) -> int:
        return self._part.stat().st_size if self._part.is_file() else 0

    def _etag(self) -> str:
        """The ETag of the received part; "" if the part can't be continued."""
        try:
            note = json.loads(self._note.read_text("utf-8"))
            return str(note["etag"]) if note["url"] == self._file.url else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def _remember(self, etag: str) -> None:
        usable = "" if etag.startswith("W/") else etag
        self._note.write_text(json.dumps({"url": self._file.url, "etag": usable}), "utf-8")

    def _discard(self) -> None:
        self._part.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

"""Downloads one file. A download can be resumed; the file is hashed during the download and renamed when complete.

The received data is in `NAME.part`, and the version of the file on the host in `NAME.part.json`: a later start resumes
only if the host still has that version, and starts from the beginning otherwise. Redirects are followed only to the
catalogue's hosts. `entries` lists the files, `store` decides where they are stored.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests

from colorizer.catalogue.entries import Remote
from colorizer.errors import DownloadFailed
from colorizer.files import write_atomically

CHUNK = 1 << 20
ARRIVING = 1 << 16
"""Bytes read from the connection at once. Small, because an incomplete piece is lost when the connection is cut."""
REDIRECTS = 5
STEADY_BYTES = 1 << 20
"""After a connection that received this much, the count of failed connections starts again at zero."""
SPARE_BYTES = 64 << 20
"""Free disk space that must remain after the download."""
LISTED_ERROR = 0.02
"""Tolerance for the catalogue's rounded file sizes, as a fraction."""
SMALL_FILE = 4 << 20
"""Largest size of a file without a size in the catalogue; these are configuration files of a few kilobytes."""

_HEX = re.compile(r'"?([0-9a-f]{64})"?')
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")

OnBytes = Callable[[int, int], None]
"""Called with the received bytes and their total (0: not known yet); may raise to stop. Received data is kept."""


@dataclass(frozen=True)
class Rules:
    """The limits of a download."""

    hosts: tuple[str, ...]
    secure: bool = True
    """Whether only https is allowed; the tests' own server has none."""
    timeout_s: float = 30.0
    """Time without any data after which a connection is closed."""
    tries: int = 5
    """Failed connections in a row after which the download fails."""
    pause_s: float = 2.0
    """Pause after the first failed connection; each further pause is twice as long."""

    def check(self, url: str) -> None:
        """Raises `DownloadFailed` if the address isn't on one of the catalogue's hosts."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        known = any(host.endswith(name) if name.startswith(".") else host == name for name in self.hosts)
        if not known or (self.secure and parts.scheme != "https") or parts.username is not None:
            raise DownloadFailed(
                f"The download was redirected to {host or 'an invalid address'}, which isn't one of the hosts that the"
                " catalogue allows, so it was stopped. Try again later, or download the file yourself and import it."
            )


class _InterruptedError(Exception):
    """A connection ended early; the next one resumes the download."""


@dataclass
class _Version:
    """The version of the file that the received part belongs to; empty before the first answer."""

    etag: str = ""
    total: int = 0
    sha256: str = ""
    """As announced by the publisher's host."""


def fetch(remote: Remote, target: Path, rules: Rules, on_bytes: OnBytes) -> str:
    """Downloads a file to `target` and returns its SHA-256 in hex.

    Raises:
        DownloadFailed: downloads are forbidden, the disk is full, the host refuses, the file isn't the published one,
            or the connection has failed too often. Received data is kept if the download can be resumed.
    """
    check_allowed()
    target.parent.mkdir(parents=True, exist_ok=True)
    return _Download(remote, target, rules, on_bytes).run()


def check_allowed() -> None:
    """Raises `DownloadFailed` if the user has forbidden downloads."""
    if os.environ.get("COLORIZE_OFFLINE") == "1":
        raise DownloadFailed(
            "Downloads are switched off on this machine (COLORIZE_OFFLINE=1). Unset it, or import a file that you have."
        )


class _Download:
    """The download of one file."""

    def __init__(self, remote: Remote, target: Path, rules: Rules, on_bytes: OnBytes) -> None:
        self._remote = remote
        self._target = target
        self._part = target.with_name(target.name + ".part")
        self._note = target.with_name(target.name + ".part.json")
        self._rules = rules
        self._on_bytes = on_bytes
        self._version = self._read_note()
        self._hash = hashlib.sha256()
        self._hashed = 0

    def run(self) -> str:
        failures = 0
        while True:
            before = self._size
            try:
                self._connect()
                return self._finish()
            except (_InterruptedError, requests.RequestException) as trouble:
                failures = 0 if self._size - before >= STEADY_BYTES else failures + 1
                if failures >= self._rules.tries:
                    raise DownloadFailed(
                        f"The download of {self._remote.name} was interrupted ({_why(trouble)}). The received part is"
                        " kept: check the network connection, then start the download again to continue it."
                    ) from trouble
                self._pause(failures)

    @property
    def _size(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    @property
    def _expected(self) -> str:
        return self._remote.sha256 or self._version.sha256

    def _pause(self, failures: int) -> None:
        until = time.monotonic() + self._rules.pause_s * 2 ** max(0, failures - 1)
        while time.monotonic() < until:
            self._on_bytes(
                self._size, self._version.total
            )  # may raise, so that cancelling needn't wait for the pause
            time.sleep(min(0.2, self._rules.pause_s))

    # -- one connection ------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        """Receives the rest of the file, or as much as comes before the connection ends."""
        start = self._size if self._version.etag or self._remote.sha256 else 0
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
            if self._version.etag:
                headers["If-Range"] = self._version.etag
        with self._open(headers) as (answer, announced):
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                self._past_the_end(answer)
                return
            start = self._accept(answer, announced, start)
            self._receive(answer, start)

    @contextlib.contextmanager
    def _open(self, headers: dict[str, str]) -> Iterator[tuple[requests.Response, str]]:
        """Yields the answer after all redirects, and the hash that the first host announced for the file."""
        url, announced = self._remote.url, ""
        with requests.Session() as session:
            for _ in range(REDIRECTS + 1):
                self._rules.check(url)
                answer = session.get(
                    url, headers=headers, stream=True, allow_redirects=False, timeout=self._rules.timeout_s
                )
                found = _HEX.fullmatch(answer.headers.get("X-Linked-Etag", ""))
                announced = announced or (found[1] if found else "")
                if not answer.is_redirect:
                    with answer:
                        yield answer, announced
                    return
                url = urljoin(url, answer.headers["Location"])
                answer.close()
        raise DownloadFailed(
            f"{self._remote.name} can't be downloaded: the host redirects too often. Try again later."
        )

    def _past_the_end(self, answer: requests.Response) -> None:
        """Handles the answer that there is no data after the received part: it is complete, or of another version."""
        total = answer.headers.get("Content-Range", "").rpartition("/")[2]
        if total != str(self._size):
            self._discard()
            raise _InterruptedError("the host has another version of the file")
        self._rehash()

    def _accept(self, answer: requests.Response, announced: str, start: int) -> int:
        """Checks an answer's headers and returns the position in the file at which its body begins."""
        _check_status(answer, self._remote.name)
        length = answer.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise DownloadFailed(f"The host doesn't tell the size of {self._remote.name}. Try again later.")
        total = start + int(length) if answer.status_code == requests.codes.partial_content else int(length)
        if answer.status_code == requests.codes.partial_content:
            place = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            if not start or not place or (int(place[1]), int(place[2])) != (start, total):
                self._discard()
                raise _InterruptedError("the host sent another part of the file than requested")
        else:
            start = 0
        self._check_total(total)
        etag = answer.headers.get("ETag", "")
        self._version = _Version("" if etag.startswith("W/") else etag, total, announced)
        self._check_disk(total - start)
        if start:
            self._rehash()
        else:
            self._discard()
        return start

    def _check_total(self, total: int) -> None:
        listed = self._remote.bytes
        fits = abs(total - listed) <= listed * LISTED_ERROR if listed else 0 < total <= SMALL_FILE
        if not fits:
            self._discard()
            expected = f"about {listed / 1e6:,.0f} MB" if listed else "a small file"
            raise DownloadFailed(
                f"The host offers {total:,} bytes for {self._remote.name}, but it should be {expected}. It isn't the"
                " published file, so it wasn't downloaded. Try again later."
            )

    def _check_disk(self, needed: int) -> None:
        free = shutil.disk_usage(self._target.parent).free
        if needed + SPARE_BYTES > free:
            raise DownloadFailed(
                f"The disk of {self._target.parent} has {free / 1e9:.1f} GB free, and {self._remote.name} needs"
                f" {(needed + SPARE_BYTES) / 1e9:.1f} GB more. Free some disk space, then start the download again."
            )

    def _receive(self, answer: requests.Response, start: int) -> None:
        """Appends the answer's body to the received part."""
        self._write_note()
        size, total = start, self._version.total
        try:
            with self._part.open("ab") as file:
                for chunk in answer.iter_content(ARRIVING):
                    size += len(chunk)
                    if size > total:
                        raise _InterruptedError("the host sent more data than it had announced")
                    file.write(chunk)
                    self._hash.update(chunk)
                    self._hashed = size
                    self._on_bytes(size, total)
        except OSError as error:
            if isinstance(error, requests.RequestException):
                raise
            raise DownloadFailed(
                f"{self._part.name} can't be written ({error.strerror or error}). The received part is kept: free some"
                " disk space, then start the download again."
            ) from error
        if size < total:
            raise _InterruptedError("the connection was cut")

    # -- the part and the end ------------------------------------------------------------------------------------

    def _finish(self) -> str:
        found = self._hash.hexdigest()
        if self._expected and found != self._expected:
            self._discard()
            raise DownloadFailed(
                f"The downloaded {self._remote.name} isn't the published file (its SHA-256 is {found[:12]}…, not"
                f" {self._expected[:12]}…), so it was deleted. Start the download again."
            )
        if self._remote.first_seen not in ("", found):
            self._discard()
            raise DownloadFailed(
                f"The downloaded {self._remote.name} differs from the first download of this file (its SHA-256 is"
                f" {found[:12]}…, not {self._remote.first_seen[:12]}…), so it was deleted. If its publisher has"
                " announced"
                " a new version, delete first_downloads.json in Krita Colorize's folder, then start the download again."
            )
        with self._part.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(self._part, self._target)
        self._note.unlink(missing_ok=True)
        return found

    def _rehash(self) -> None:
        """Hashes the part that was received before this start, or that was written but not hashed."""
        if self._hashed == self._size:
            return
        self._hash, self._hashed = hashlib.sha256(), 0
        with self._part.open("rb") as file:
            while chunk := file.read(CHUNK):
                self._hash.update(chunk)
                self._hashed += len(chunk)

    def _discard(self) -> None:
        self._part.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        self._hash, self._hashed = hashlib.sha256(), 0

    def _read_note(self) -> _Version:
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            if note["url"] == self._remote.url and self._size:
                return _Version(str(note["etag"]), int(note["total"]), str(note["sha256"]))
        except (OSError, ValueError, KeyError, TypeError):
            pass
        self._part.unlink(missing_ok=True)  # its version is unknown
        return _Version()

    def _write_note(self) -> None:
        version = self._version
        note = {
            "url": self._remote.url,
            "etag": version.etag,
            "total": version.total,
            "sha256": version.sha256,
        }
        write_atomically(self._note, json.dumps(note))


def _check_status(answer: requests.Response, name: str) -> None:
    status = answer.status_code
    if status in (requests.codes.ok, requests.codes.partial_content):
        return
    if status == requests.codes.too_many_requests or status >= requests.codes.server_error:
        raise _InterruptedError(f"the host answered {status}")
    if status in (requests.codes.unauthorized, requests.codes.forbidden):
        raise DownloadFailed(
            f"The host offers {name} only to users with an account ({status}). Download the file in your browser, then"
            " import it."
        )
    raise DownloadFailed(
        f"{name} is no longer at the catalogue's address ({status}). Update Krita Colorize, or import a file that you"
        " have."
    )


def _why(trouble: Exception) -> str:
    if isinstance(trouble, requests.Timeout) or "timed out" in str(trouble).lower():
        return "no data was received for a while"
    if isinstance(trouble, requests.RequestException):
        return "the connection failed"
    return str(trouble)

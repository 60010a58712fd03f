"""The record of a batch's results: one JSON line for each page in the output folder.

A line is written just before the page's file is renamed to its final name, so the hash of every file that this command
has written is known, even after a crash. A file whose hash isn't recorded existed before or has been changed. A line
that a crash has cut off is ignored. If a page has several lines, the last one counts.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "batch.jsonl"


@dataclass(frozen=True)
class Entry:
    """One finished page."""

    page: str
    """The page's file name."""
    key: str
    """SHA-256 of everything that determines the result: inputs, settings and engine."""
    output: str
    """The result's file name."""
    sha256: str
    """SHA-256 of the result's bytes."""


class Journal:
    """The finished pages of an output folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self.entries: dict[str, Entry] = {}
        self._made: set[tuple[str, str]] = set()
        if self._file.is_file():
            for line in self._file.read_bytes().splitlines():
                entry = _read(line)
                if entry is not None:
                    self._remember(entry)

    def made(self, output: Path) -> bool:
        """Whether this command has written the file and nobody has changed it since."""
        return (output.name, hashlib.sha256(output.read_bytes()).hexdigest()) in self._made

    def add(self, entry: Entry) -> None:
        """Records a page; the line is on the disk when this returns."""
        line = json.dumps(asdict(entry), ensure_ascii=False).encode() + b"\n"
        with self._file.open("ab") as file:
            # A line that was cut off must be ended first.
            file.write(line if _ends_whole(self._file) else b"\n" + line)
            file.flush()
            os.fsync(file.fileno())
        self._remember(entry)

    def _remember(self, entry: Entry) -> None:
        self.entries[entry.page] = entry
        self._made.add((entry.output, entry.sha256))


def _ends_whole(file: Path) -> bool:
    if not file.stat().st_size:
        return True
    with file.open("rb") as content:
        content.seek(-1, os.SEEK_END)
        return content.read(1) == b"\n"


def _read(line: bytes) -> Entry | None:
    try:
        return Entry(**json.loads(line))
    except (ValueError, TypeError):
        return None

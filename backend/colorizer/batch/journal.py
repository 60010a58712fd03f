"""What a batch has finished: one JSON line a page in the output folder, appended when the page's file is in place.

A line that was torn off by a crash is passed over: its page is coloured again. The last line of a page counts.
"""

from __future__ import annotations

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
    """SHA-256 of all that decided it: inputs, settings, engine."""
    output: str
    """The result's file name."""
    sha256: str
    """Of the result's bytes."""


class Journal:
    """The finished pages of an output folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self.entries: dict[str, Entry] = {}
        if self._file.is_file():
            for line in self._file.read_bytes().splitlines():
                entry = _read(line)
                if entry is not None:
                    self.entries[entry.page] = entry

    def add(self, entry: Entry) -> None:
        """Writes a page down; it is on the disk when this returns."""
        line = json.dumps(asdict(entry), ensure_ascii=False).encode() + b"\n"
        with self._file.open("ab") as file:
            # After a torn line a new one must begin.
            file.write(line if _ends_whole(self._file) else b"\n" + line)
            file.flush()
            os.fsync(file.fileno())
        self.entries[entry.page] = entry


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

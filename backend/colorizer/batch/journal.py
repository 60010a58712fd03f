"""What a batch has made: a JSON line a page in the output folder, written just before the page's file is put in place.

So every file that this command made is known by its hash, also after a crash between the two; what isn't known was
there before or was changed since. A line that was torn off by a crash is passed over. The last line of a page counts.
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
    """One page as it was made."""

    page: str
    """The page's file name."""
    key: str
    """SHA-256 of all that decided it: inputs, settings, engine."""
    output: str
    """The result's file name."""
    sha256: str
    """Of the result's bytes."""


class Journal:
    """The pages made in an output folder."""

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
        """Whether a result is as this command made it, now or earlier."""
        return (output.name, hashlib.sha256(output.read_bytes()).hexdigest()) in self._made

    def add(self, entry: Entry) -> None:
        """Writes a page down; it is on the disk when this returns."""
        line = json.dumps(asdict(entry), ensure_ascii=False).encode() + b"\n"
        with self._file.open("ab") as file:
            # After a torn line a new one must begin.
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

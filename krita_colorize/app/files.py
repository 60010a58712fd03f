"""Atomic writes of the docker's files, with a limit of the total size: the oldest files are deleted first.

`history` and `frames` provide the content. Slow: for worker threads.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def put(path: Path, parts: Iterable[bytes | bytearray]) -> None:
    """Writes a file atomically: under another name in the same folder, then renamed. Slow: for worker threads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    with beside.open("wb") as file:
        file.writelines(parts)
    os.replace(beside, path)


def prune(files: Iterable[Path], budget: int, newest: Path) -> None:
    """Deletes the oldest files until all together take at most `budget` bytes; never `newest`. Slow: for worker
    threads."""
    found = []
    for path in files:
        with suppress(FileNotFoundError):  # deleted meanwhile
            about = path.stat()
            found.append((about.st_mtime_ns, about.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= budget:
            break
        if path != newest:
            path.unlink(missing_ok=True)
            total -= size

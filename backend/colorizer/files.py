"""Atomic writes of files and folders, and their hashes."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp


@contextmanager
def appearing(path: Path, *, by_many: bool = False) -> Iterator[Path]:
    """A path beside `path` to write a file to, which takes its place at the end of the `with` block.

    Nothing is left of it where the block raises. The folder must be there. `by_many`: several processes may write this
    file at the same time; then what a killed one leaves is overwritten by nobody.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part" if by_many else f"{path.name}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes | str) -> None:
    """Writes a file (text as UTF-8), with its folder; see `appearing`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with appearing(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def appearing_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to fill, which becomes `folder` (not there yet) at the end of the `with` block.

    Nothing is left of it where the block raises.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield building
        os.replace(building, folder)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def sha256_of(file: Path) -> str:
    """SHA-256 of a file in hex; read again only where its time or size has changed."""
    stat = file.stat()
    return _sha256(file, stat.st_mtime_ns, stat.st_size)


@cache
def _sha256(file: Path, _mtime_ns: int, _size: int) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()

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
def atomic_file(path: Path, *, by_many: bool = False) -> Iterator[Path]:
    """Yields a temporary path to write to; at the end of the `with` block that file is renamed to `path`.

    If the block raises, the temporary file is deleted. The folder must exist.

    Args:
        by_many: several processes may write this file at the same time. Each then gets a temporary name of its own, and
            the file of a killed process stays behind.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part" if by_many else f"{path.name}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes | str) -> None:
    """Writes a file atomically (text as UTF-8) and makes its folder if needed; see `atomic_file`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yields an empty temporary folder; at the end of the `with` block it is renamed to `folder`, which must not exist.

    If the block raises, the temporary folder is deleted.
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
    """SHA-256 of a file in hex; the file is read again only if its time or size has changed."""
    stat = file.stat()
    return _sha256(file, stat.st_mtime_ns, stat.st_size)


@cache
def _sha256(file: Path, _mtime_ns: int, _size: int) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()

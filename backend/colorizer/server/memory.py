"""Bundles in sealed memory (Linux): the program that started the backend shares them without copying.

Accepted is only memory of that process, and only memory that is sealed against changes and shrinking, because shrinking
memory would crash its reader. Files are refused, so a client with the token can't make the backend open anything else.
The worker gets the same memory. On other systems bundles are sent in the body of a request (`routes`).
"""

from __future__ import annotations

import mmap
import os
import sys
from typing import Any

from pydantic import ValidationError

from colorizer.protocol.base import first_rule
from colorizer.protocol.errors import Code
from colorizer.protocol.request import Announcement
from colorizer.server.bundle import InvalidBundle
from colorizer.server.failures import Refused

ANNOUNCEMENT_BYTES = 1024
_NAME = "/memfd:colorize"


class Memory:
    """A bundle in the memory of another process; must be closed."""

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._size = size

    def __len__(self) -> int:
        return self._size

    @property
    def place(self) -> dict[str, int]:
        """The arguments with which other processes of the backend call `mapped`."""
        return {"pid": os.getpid(), "fd": self._fd, "size": self._size}

    def view(self) -> memoryview:
        """A read-only view of the bytes, which stays valid after `close`."""
        return _map(self._fd, self._size)

    def close(self) -> None:
        """Closes the file descriptor."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def parent() -> int | None:
    """The process whose memory is accepted; None on systems without sealed memory."""
    return os.getppid() if sys.platform == "linux" and hasattr(os, "memfd_create") else None


def open_announced(announcement: bytes | bytearray, owner: int | None, limit: int) -> Memory:
    """Opens the memory that the program which started the backend (`owner`, see `parent`) has announced.

    Raises `InvalidBundle` if it isn't sealed memory of that length, `Refused` if it is longer than `limit`.
    """
    try:
        told = Announcement.model_validate_json(announcement[:ANNOUNCEMENT_BYTES], strict=True)
    except ValidationError as error:
        raise InvalidBundle(first_rule(error, "memory")) from error
    if told.bytes > limit:
        raise Refused(Code.TOO_LARGE, f"A body may have {limit} bytes.")
    if owner is None or owner != parent():
        raise InvalidBundle(
            "Memory can only be taken from the program that started the backend. Send the bundle."
        )
    try:
        fd = _open(owner, told.fd)
    except OSError as error:
        raise InvalidBundle("The announced memory doesn't exist.") from error
    if not _is_sealed(fd) or os.fstat(fd).st_size != told.bytes:
        os.close(fd)
        raise InvalidBundle("The memory isn't sealed, or not as long as announced.")
    return Memory(fd, told.bytes)


def mapped(pid: int, fd: int, size: int) -> memoryview:
    """Maps the memory described by `Memory.place`."""
    here = _open(pid, fd)
    try:
        return _map(here, size)
    finally:
        os.close(here)


def _open(pid: int, fd: int) -> int:
    path = f"/proc/{pid}/fd/{fd}"
    if not os.readlink(path).startswith(
        _NAME
    ):  # checked first, because opening a pipe or a device can have effects
        raise FileNotFoundError(path)
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _is_sealed(fd: int) -> bool:
    if sys.platform != "linux":
        return False
    import fcntl

    wanted = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    try:
        return fcntl.fcntl(fd, fcntl.F_GET_SEALS) & wanted == wanted
    except OSError:  # a file with the name of such memory
        return False


def _map(fd: int, size: int) -> memoryview:
    flags: dict[str, Any] = {"flags": mmap.MAP_SHARED | mmap.MAP_POPULATE, "prot": mmap.PROT_READ}
    return memoryview(mmap.mmap(fd, size, **flags))

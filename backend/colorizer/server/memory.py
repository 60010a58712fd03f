"""Bundles in sealed memory (Linux): the program that started us hands them over without copying them through a socket.

Only memory of that one process is taken, only memory that can no longer change or shrink (else it could crash whoever
reads it), and nothing that is a file: whoever knows the token still can't make us open anything else. The same memory
goes on to the worker. Everywhere else bundles come in the body of a request (`routes`).
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
    """A bundle in somebody else's memory; `close` it."""

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._size = size

    def __len__(self) -> int:
        return self._size

    @property
    def place(self) -> dict[str, int]:
        """Where `mapped` finds it, for other processes of ours."""
        return {"pid": os.getpid(), "fd": self._fd, "size": self._size}

    def view(self) -> memoryview:
        """The bytes, not to be written to; they stay readable after `close`."""
        return _map(self._fd, self._size)

    def close(self) -> None:
        """Lets go of it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def parent() -> int | None:
    """The process whose memory can be taken; None where there is no such thing."""
    return os.getppid() if sys.platform == "linux" and hasattr(os, "memfd_create") else None


def open_announced(announcement: bytes | bytearray, owner: int | None, limit: int) -> Memory:
    """Opens what the program that started us (`owner`, see `parent`) has announced.

    Raises `InvalidBundle` where that isn't sealed memory of that length, `Refused` where it is longer than `limit`.
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
        raise InvalidBundle("There is no such memory.") from error
    if not _is_sealed(fd) or os.fstat(fd).st_size != told.bytes:
        os.close(fd)
        raise InvalidBundle("The memory isn't sealed, or not as long as announced.")
    return Memory(fd, told.bytes)


def mapped(pid: int, fd: int, size: int) -> memoryview:
    """The bytes of a `Memory.place`."""
    here = _open(pid, fd)
    try:
        return _map(here, size)
    finally:
        os.close(here)


def _open(pid: int, fd: int) -> int:
    path = f"/proc/{pid}/fd/{fd}"
    if not os.readlink(path).startswith(_NAME):  # opening a pipe or a device would already do something
        raise FileNotFoundError(path)
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _is_sealed(fd: int) -> bool:
    if sys.platform != "linux":
        return False
    import fcntl

    wanted = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    try:
        return fcntl.fcntl(fd, fcntl.F_GET_SEALS) & wanted == wanted
    except OSError:  # a file that is called like memory
        return False


def _map(fd: int, size: int) -> memoryview:
    flags: dict[str, Any] = {"flags": mmap.MAP_SHARED | mmap.MAP_POPULATE, "prot": mmap.PROT_READ}
    return memoryview(mmap.mmap(fd, size, **flags))

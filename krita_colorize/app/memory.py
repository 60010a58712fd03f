"""Passes a job's body to the backend in shared memory (Linux), so that pictures aren't copied through a socket.

The memory is sealed against changes before it is shared. It is freed when both sides have closed it, and is never a
file. On other systems, or if the backend isn't a child process of Krita, the body is sent.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

from krita_colorize.core import bundle
from krita_colorize.qt import QtCore

CONTENT_TYPE = "application/vnd.colorize.memory+json"
MIN_BYTES = 1 << 20
"""Smaller bodies are sent, which takes no longer."""


class SharedBody:
    """A body of `size` bytes in sealed shared memory; `close` it once the backend has answered."""

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self.size = size

    def announcement(self) -> bytes:
        """The JSON that is sent instead of the body (docs/wire.md)."""
        return json.dumps({"fd": self._fd, "bytes": self.size}).encode("ascii")

    def read(self) -> bytes:
        """The whole body, for a backend that can't map the memory."""
        return os.pread(self._fd, self.size, 0) if sys.platform != "win32" else b""

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Frees the memory, which otherwise happens when the object is deleted."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


Body = QtCore.QByteArray | SharedBody


def body_of(parts: Sequence[bytes | bytearray]) -> Body:
    """Joins a body's parts, in shared memory if it is large and the system is Linux. Slow: for worker threads."""
    size = sum(len(part) for part in parts)
    if size >= MIN_BYTES:
        shared = _shared(parts, size)
        if shared is not None:
            return shared
    body = QtCore.QByteArray()
    body.reserve(size)  # otherwise each reallocation would copy all of it
    for part in parts:
        for piece in bundle.pieces(part):
            body.append(piece)
    return body


def close(body: Body) -> None:
    """Frees a body of either kind."""
    if isinstance(body, SharedBody):
        body.close()


def _shared(parts: Sequence[bytes | bytearray], size: int) -> SharedBody | None:
    if sys.platform != "linux":
        return None
    import fcntl

    try:
        fd = os.memfd_create("colorize", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError:
        return None
    try:
        for part in parts:
            _write(fd, memoryview(part))
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    except OSError:
        os.close(fd)
        return None
    return SharedBody(fd, size)


def _write(fd: int, view: memoryview) -> None:
    while view:
        view = view[os.write(fd, view) :]

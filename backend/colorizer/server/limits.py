"""The limits of the backend: fixed limits of pictures and bundles, and the settings of one server.

`bundle`, `png`, `request`, `routes` and `jobs` check them before anything is decoded. The limit of the size of one
picture is in `colorizer.imaging.sizes`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

DECODED_BYTES = 4 * 2**30
"""The decoded size of all pictures of one job together."""

BLOBS = 192
"""Many, because a redo contains every state of its result."""

HEADER_BYTES = 2**20
PREVIEW_PX = 1024
"""Longest side of a preview."""


@dataclass(frozen=True)
class ServerSettings:
    """The settings of a server, for tests and special installations; the defaults are those of docs/wire.md."""

    worker_command: tuple[str, ...] = (sys.executable, "-m", "colorizer.server.worker")
    edit_command: tuple[str, ...] = (sys.executable, "-m", "colorizer.server.edit_worker")
    model_command: tuple[str, ...] = (sys.executable, "-m", "colorizer.catalogue")
    body_bytes: int = 1_342_177_280
    body_timeout_s: float = 60.0
    """Time without any data after which receiving a request's body is aborted."""
    request_timeout_s: float = 30.0
    """Time after which a connection that hasn't sent the complete head of a request is closed."""
    connections: int = 128
    waiting_jobs: int = 32
    waiting_bytes: int = 2 * 2**30
    """The bytes of all bundles that wait or are being received."""
    owner_jobs: int = 32
    """The number of jobs of one device that wait or are being received."""
    owner_bytes: int = 2 * 2**30
    """The bytes of the bundles of one device that wait or are being received."""
    kept_jobs: int = 32
    kept_bytes: int = 2**30
    """The bytes of the results of all ended jobs; the newest result is kept whatever its size."""
    cancel_grace_s: float = 10.0
    """Time after which a worker that ignores a cancel is killed."""
    heartbeat_s: float = 10.0
    """Interval of the comment lines in an event stream without events."""
    pairing_timeout_s: float = 5.0
    """Time after which an incomplete request for pairing is aborted; short, because anybody can send one."""
    handshake_timeout_s: float = 10.0
    """Time after which a connection without a completed TLS handshake is closed."""

    def shared(self) -> ServerSettings:
        """The settings for a backend that several machines use: more is kept, and each device gets a share."""
        return replace(
            self,
            owner_jobs=min(8, self.owner_jobs),
            owner_bytes=min(2**30, self.owner_bytes),
            kept_jobs=4 * self.kept_jobs,
            kept_bytes=4 * self.kept_bytes,
        )

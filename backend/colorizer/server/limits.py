"""How much the backend takes: fixed bounds of pictures and bundles, and the settings of one server.

Numbers only. They are checked in `bundle`, `png`, `request`, `routes` and `jobs`, always before anything is decoded.
How large one picture may be is said in `colorizer.imaging.sizes`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

DECODED_BYTES = 4 * 2**30
"""All pictures of one job together, decoded."""

BLOBS = 192
"""A redo brings every state of its result."""

HEADER_BYTES = 2**20
PREVIEW_PX = 1024
"""Longest side of a preview."""


@dataclass(frozen=True)
class ServerSettings:
    """What tests and special installations change about a server; the defaults are those of docs/wire.md."""

    worker_command: tuple[str, ...] = (sys.executable, "-m", "colorizer.server.worker")
    edit_command: tuple[str, ...] = (sys.executable, "-m", "colorizer.server.edit_worker")
    model_command: tuple[str, ...] = (sys.executable, "-m", "colorizer.catalogue")
    body_bytes: int = 1_342_177_280
    body_timeout_s: float = 60.0
    """A request body that brings no byte for so long is given up."""
    request_timeout_s: float = 30.0
    """A connection that sends no whole request head for so long is closed."""
    connections: int = 128
    waiting_jobs: int = 32
    waiting_bytes: int = 2 * 2**30
    """Bundles waiting or on their way in, together."""
    owner_jobs: int = 32
    """Jobs of one device that wait or are on their way in."""
    owner_bytes: int = 2 * 2**30
    """Bundles of one device that wait or are on their way in."""
    kept_jobs: int = 32
    kept_bytes: int = 2**30
    """Results of ended jobs, together; the newest is kept whatever its size."""
    cancel_grace_s: float = 10.0
    """A worker that goes on for so long after a cancel is killed."""
    heartbeat_s: float = 10.0
    """How often an event stream says something when there is nothing to say."""
    pairing_timeout_s: float = 5.0
    """A request to be paired that isn't whole after so long is given up: anybody may make one."""
    handshake_timeout_s: float = 10.0
    """A connection that hasn't agreed on its keys (TLS) after so long is closed."""

    def shared(self) -> ServerSettings:
        """For a backend that several machines use: more is kept, and no device gets all of it."""
        return replace(
            self,
            owner_jobs=min(8, self.owner_jobs),
            owner_bytes=min(2**30, self.owner_bytes),
            kept_jobs=4 * self.kept_jobs,
            kept_bytes=4 * self.kept_bytes,
        )

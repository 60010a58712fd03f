"""Reads a job's status from an answer or an event (docs/wire.md, JobStatus)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class State(Enum):
    """The states of a job in the backend."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class JobStatus:
    """A job's status; `error_code` and `error` are "" unless it has failed."""

    id: str = ""
    state: State = State.QUEUED
    position: int = 0
    stage: str = ""
    done: int = 0
    total: int = 1
    preview: int = 0
    error_code: str = ""
    error: str = ""


def read(data: Mapping[str, Any]) -> JobStatus:
    """Reads a status. Raises `KeyError`, `TypeError` or `ValueError`."""
    error = data["error"] or {}
    return JobStatus(
        id=str(data["id"]),
        state=State(data["state"]),
        position=int(data["position"]),
        stage=str(data["stage"]),
        done=int(data["done"]),
        total=int(data["total"]),
        preview=int(data["preview"]),
        error_code=str(error.get("code", "")),
        error=str(error.get("message", "")),
    )

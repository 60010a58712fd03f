"""Answers of the routes, but for the engine list and bundles: job states, models, changes of models."""

from __future__ import annotations

from enum import Enum
from typing import Any, Literal

from pydantic import Field

from colorizer.protocol.base import Count, JobId, Message


class JobState(str, Enum):
    """Where a job is on its way."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Failure(Message):
    """Why a job or a task failed: a code of docs/wire.md and a sentence for the artist."""

    code: str
    message: str


class JobStatus(Message):
    """One job's status; an event's data, too."""

    ok: Literal[True] = True
    id: JobId
    state: JobState
    position: Count = Field(description="How many jobs are before it.")
    stage: str
    done: Count
    total: Count
    preview: Count = Field(description="How many previews there were so far.")
    error: Failure | None = Field(description="Where it failed.")
    seconds: float = Field(ge=0)


class MemoryUse(Message):
    """Bytes: of the backend's processes, and free on the computer."""

    used: Count
    free: Count


class Health(Message):
    """The answer of `GET /v1/health`."""

    ok: Literal[True] = True
    api: int
    version: str
    uptime_s: float
    worker: Literal["idle", "starting", "busy", "restarting"]
    waiting: Count = Field(description="How many jobs wait.")
    memory: MemoryUse
    note: str = Field(
        default="", description="A sentence for the artist where something works less well than it should."
    )


class ErrorBody(Message):
    """The body of every failure."""

    ok: Literal[False] = False
    status: int = Field(description="The HTTP status.")
    code: str
    message: str = Field(description="A sentence for the artist.")


class Paired(Message):
    """The answer of `POST /v1/pair`."""

    ok: Literal[True] = True
    token: str
    name: str
    api: int
    version: str


class ModelState(str, Enum):
    """How far a model of the catalogue is."""

    ABSENT = "absent"
    PARTIAL = "partial"  # something of it has been downloaded
    INSTALLED = "installed"


class Licence(Message):
    """A licence in words; `commercial` is null where nobody said."""

    title: str
    words: str
    commercial: bool | None
    url: str


class ModelEntry(Message):
    """One model there is or could be."""

    name: str
    title: str
    state: ModelState
    engine: str
    bytes: Count = Field(description="On disk where it is installed, else about what is downloaded.")
    downloaded: Count
    memory_mb: Count
    good_for: str
    needs: list[str] = Field(description="Other models that it works with.")
    licence: Licence


class TaskState(str, Enum):
    """Where a task is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


class TaskStatus(Message):
    """One change of the models folder; an event's data, too."""

    id: str
    kind: Literal["download", "verify", "convert"]
    model: str
    state: TaskState
    stage: str
    done: Count
    total: Count
    result: dict[str, Any] | None
    error: Failure | None


class TaskAnswer(Message):
    """The task that runs or ran last."""

    ok: Literal[True] = True
    task: TaskStatus | None


class ModelList(Message):
    """Every model there is, and the task that runs or ran last."""

    ok: Literal[True] = True
    models: list[ModelEntry]
    task: TaskStatus | None

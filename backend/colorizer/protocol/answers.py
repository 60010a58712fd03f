"""The JSON answers of the routes: job states, models and tasks. The list of engines is in `engines`."""

from __future__ import annotations

from enum import Enum
from typing import Any, Literal

from pydantic import Field

from colorizer.protocol.base import Count, JobId, Message


class JobState(str, Enum):
    """The state of a job."""

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
    """The status of one job, also the data of an event."""

    ok: Literal[True] = True
    id: JobId
    state: JobState
    position: Count = Field(description="How many jobs run before it.")
    stage: str
    done: Count
    total: Count
    preview: Count = Field(description="The number of previews so far.")
    error: Failure | None = Field(description="Why it failed; null if it didn't.")
    seconds: float = Field(ge=0)


class MemoryUse(Message):
    """The memory that the backend's processes use, and the computer's free memory, in bytes."""

    used: Count
    free: Count


class Health(Message):
    """The answer of `GET /v1/health`."""

    ok: Literal[True] = True
    api: int
    version: str
    uptime_s: float
    worker: Literal["idle", "starting", "busy", "restarting"]
    waiting: Count = Field(description="The number of waiting jobs.")
    memory: MemoryUse
    note: str = Field(
        default="", description="A sentence for the artist if something works less well than it should."
    )


class ErrorBody(Message):
    """The body of every error answer."""

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
    """The state of a model on this machine."""

    ABSENT = "absent"
    PARTIAL = "partial"  # a part of it has been downloaded
    INSTALLED = "installed"


class Licence(Message):
    """A licence, summarised in `words`; `commercial` is null if it isn't known."""

    title: str
    words: str
    commercial: bool | None
    url: str


class ModelEntry(Message):
    """One model that is installed or can be."""

    name: str
    title: str
    state: ModelState
    engine: str
    bytes: Count = Field(
        description="Its size on disk if it is installed, otherwise the approximate size of the download."
    )
    downloaded: Count
    memory_mb: Count
    good_for: str
    needs: list[str] = Field(description="Other models that it requires.")
    licence: Licence


class TaskState(str, Enum):
    """The state of a task."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


class TaskStatus(Message):
    """The status of one change of the models folder, also the data of an event."""

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
    """The running or last task."""

    ok: Literal[True] = True
    task: TaskStatus | None


class ModelList(Message):
    """All models, and the running or last task."""

    ok: Literal[True] = True
    models: list[ModelEntry]
    task: TaskStatus | None

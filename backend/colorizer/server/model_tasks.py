"""Downloads, verifications and conversions of models: one at a time, each in its own process.

They run in a process because converting needs torch and gigabytes of memory, which the HTTP process must not have, and
because a process can be stopped at any time: the models folder recovers from that. The process runs
`colorizer.catalogue`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from colorizer.protocol.answers import Failure, TaskState, TaskStatus
from colorizer.protocol.errors import Code
from colorizer.server import log
from colorizer.server.failures import Refused
from colorizer.server.supervisor import worker_environment

_LINE_BYTES = 1 << 20


Kind = Literal["download", "verify", "convert"]


@dataclass
class Task:
    """One change of the models folder."""

    kind: Kind
    model: str
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    state: TaskState = TaskState.RUNNING
    stage: str = "Starting"
    done: int = 0
    total: int = 0
    result: dict[str, Any] | None = None
    error: dict[str, str] | None = None
    next_change: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at the next change; every change has its own."""

    @property
    def ended(self) -> bool:
        """Whether it is in a final state."""
        return self.state is not TaskState.RUNNING

    def status(self) -> dict[str, Any]:
        """The status of docs/wire.md."""
        status = TaskStatus(
            id=self.id,
            kind=self.kind,
            model=self.model,
            state=self.state,
            stage=self.stage,
            done=self.done,
            total=self.total,
            result=self.result,
            error=Failure(**self.error) if self.error else None,
        )
        return status.model_dump(mode="json")

    def changed(self) -> None:
        """Wakes all that wait for a change."""
        self.next_change.set()
        self.next_change = asyncio.Event()


class ModelTasks:
    """The running or last task. `on_change` is called when the list of models may have changed."""

    def __init__(self, on_change: Callable[[], None], command: Sequence[str]) -> None:
        self.on_change = on_change
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._following: asyncio.Task[None] | None = None
        self.task: Task | None = None

    def check_free(self) -> None:
        """Raises `Refused` while a task is running."""
        if self.task is not None and not self.task.ended:
            raise Refused(
                Code.TASK_RUNNING,
                "Another download or conversion is running. Wait until it ends or stop it, then try again.",
            )

    async def start(self, kind: Kind, model: str, *words: str) -> Task:
        """Starts a task. Raises `Refused` while another one is running."""
        self.check_free()
        self.task = task = Task(kind, model)
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            kind,
            *(words or (model,)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=worker_environment(),
            limit=_LINE_BYTES,
        )
        log.event("model task started", kind=kind)
        self._following = asyncio.create_task(self._follow(task, self._process))
        return task

    async def stop(self) -> None:
        """Stops the running task; a download can be resumed later."""
        task, process = self.task, self._process
        if task is not None and process is not None and not task.ended:
            task.state = TaskState.STOPPED
            self._kill(process)
            if self._following is not None:
                await self._following

    def kill(self) -> None:
        """Kills the process, when the server ends."""
        if self._process is not None:
            self._kill(self._process)

    @staticmethod
    def _kill(process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()

    async def _follow(self, task: Task, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            _take(task, json.loads(line))
            task.changed()
        await process.wait()
        if task.state is TaskState.RUNNING:
            task.state = TaskState.DONE if task.result is not None else TaskState.FAILED
        if task.state is TaskState.FAILED and task.error is None:
            message = "The work on the model ended unexpectedly, most likely for lack of memory. Try again."
            task.error = {"code": "worker_died", "message": message}
        log.event("model task ended", kind=task.kind, state=task.state.value)
        self.on_change()
        task.changed()


def _take(task: Task, said: dict[str, Any]) -> None:
    if "stage" in said:
        task.stage, task.done, task.total = said["stage"], said["done"], said["total"]
    elif "result" in said:
        task.result = said["result"]
    else:
        task.error = said["error"]

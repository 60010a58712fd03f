"""Downloads, verifications and conversions of models: one at a time, each in a process of its own.

A process, because converting needs torch and gigabytes that the HTTP process must not hold, and because stopping is
then the end of a process, from which the models folder recovers by itself. What is done there is the catalogue's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from colorizer import paths
from colorizer.server import log
from colorizer.server.failures import Code, Refused
from colorizer.server.supervisor import worker_environment

SUFFIX = re.compile(r"\.(safetensors|ckpt|pt|pth|bin)", re.IGNORECASE)
_IMPORTS = "imports"
_LINE_BYTES = 1 << 20


class TaskState(str, Enum):
    """Where a task is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass
class Task:
    """One change of the models folder."""

    kind: str
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
        """Whether nothing more will happen to it."""
        return self.state is not TaskState.RUNNING

    def status(self) -> dict[str, Any]:
        """The task of docs/wire.md."""
        return {
            "id": self.id,
            "kind": self.kind,
            "model": self.model,
            "state": self.state.value,
            "stage": self.stage,
            "done": self.done,
            "total": self.total,
            "result": self.result,
            "error": self.error,
        }

    def changed(self) -> None:
        """Wakes everybody who waits for a change."""
        self.next_change.set()
        self.next_change = asyncio.Event()


class ModelTasks:
    """The running task, or the last one. `on_change` is called when the models may be others."""

    def __init__(self, on_change: Callable[[], None], command: Sequence[str]) -> None:
        self.on_change = on_change
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._following: asyncio.Task[None] | None = None
        self._importing = False
        self.task: Task | None = None

    def check_free(self) -> None:
        """Raises `Refused` while a task runs or a file comes in."""
        if self._importing or (self.task is not None and not self.task.ended):
            raise Refused(
                Code.TASK_RUNNING,
                "A download or conversion is at work. Let it end, or stop it, then try again.",
            )

    async def start(self, kind: str, model: str, *words: str) -> Task:
        """Starts a task. Raises `Refused` while another one runs."""
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
        """Ends the running task; a download can go on later."""
        task, process = self.task, self._process
        if task is not None and process is not None and not task.ended:
            task.state = TaskState.STOPPED
            self._kill(process)
            if self._following is not None:
                await self._following

    def kill(self) -> None:
        """Ends the process at once: for the end of the server."""
        if self._process is not None:
            self._kill(self._process)

    @contextlib.asynccontextmanager
    async def import_folder(self, length: int) -> Any:
        """A new folder for a file of so many bytes that is about to come in; gone again where that fails."""
        self.check_free()
        self._importing = True
        folder = paths.home() / _IMPORTS / secrets.token_hex(8)
        try:
            clear_imports()
            folder.mkdir(parents=True)
            if length > shutil.disk_usage(folder).free:
                raise Refused(
                    Code.TOO_LARGE, "There is not enough room on the disk for this file. Make room first."
                )
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            self._importing = False

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
            message = "The work on the model ended in the middle, most likely for lack of memory. Try again."
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


def clear_imports() -> None:
    """Removes files that came in for a conversion which never was."""
    shutil.rmtree(paths.home() / _IMPORTS, ignore_errors=True)


def import_name(name: str) -> str:
    """The name that a file which comes in gets on this side: letters, digits and dashes, and its own ending.

    Raises `Refused` where the ending isn't a model's.
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    stem, suffix = Path(last).stem, Path(last).suffix
    if not SUFFIX.fullmatch(suffix):
        raise Refused(
            Code.UNSUPPORTED_MEDIA_TYPE, "A model's file ends in .safetensors, .ckpt, .pt, .pth or .bin."
        )
    cleaned = re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-")[:64]
    return f"{cleaned or 'model'}{suffix.lower()}"

"""The routes under `/v1/models` and `/v1/task` (docs/wire.md, "Models"): the list of models and changes of it.

The artist's own files are given by their paths, because models have gigabytes and some are used without copying; so
these routes aren't available to other machines. A model is downloaded only if the request says that its licence was
accepted.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from colorizer.errors import InvalidInput
from colorizer.protocol.errors import Code
from colorizer.server.failures import Refused
from colorizer.server.limits import ServerSettings
from colorizer.server.model_tasks import ModelTasks, Task

if TYPE_CHECKING:
    from colorizer.catalogue.store import Store

_EVENTS_A_SECOND = 5
_SMALL_BODY = 1 << 14
_PREDICTIONS = ("", "epsilon", "v_prediction")


class ModelRoutes:
    """The routes' handlers."""

    def __init__(self, tasks: ModelTasks, settings: ServerSettings) -> None:
        self._tasks = tasks
        self._settings = settings

    async def models(self, _: Request) -> Response:
        """All models, and the running or last task."""
        return JSONResponse(await self._list())

    async def download(self, http: Request) -> Response:
        """Starts or resumes a download; the body confirms that the licence was accepted."""
        store, name = _store(), http.path_params["model"]
        store.wanted(name)
        body = await _small_body(http)
        if (
            not isinstance(body, dict)
            or body.keys() != {"accept_licence"}
            or body["accept_licence"] is not True
        ):
            raise InvalidInput('Show the licence first, then send {"accept_licence": true}.')
        return self._accepted(await self._tasks.start("download", name))

    async def verify(self, http: Request) -> Response:
        """Compares a model's files with their hashes."""
        name = http.path_params["model"]
        _store().check_installed(name)
        return self._accepted(await self._tasks.start("verify", name))

    async def remove(self, http: Request) -> Response:
        """Removes a model; returns the list of models."""
        self._tasks.check_free()
        await asyncio.to_thread(_store().remove, http.path_params["model"])
        self._tasks.on_change()
        return JSONResponse(await self._list())

    async def bring(self, http: Request) -> Response:
        """Converts a file or folder of the artist to a model."""
        body = await _small_body(http)
        if not isinstance(body, dict) or body.keys() - {"path", "prediction"}:
            raise InvalidInput(
                'Send {"path": "…", "prediction": "epsilon"}; leave out the prediction if it isn\'t known.'
            )
        path, prediction = _own_path(body.get("path")), body.get("prediction", "")
        if prediction not in _PREDICTIONS:
            raise InvalidInput("`prediction` must be epsilon or v_prediction, or left out.")
        words = (str(path), f"--prediction={prediction}")
        return self._accepted(await self._tasks.start("convert", path.name[:80], *words))

    async def task(self, _: Request) -> Response:
        """The running or last task."""
        return JSONResponse({"ok": True, "task": self._status()})

    async def task_events(self, _: Request) -> Response:
        """The task's status at every change, as server-sent events."""
        return StreamingResponse(self._tell_changes(self._current()), media_type="text/event-stream")

    async def stop(self, _: Request) -> Response:
        """Stops the running task; a stopped download is resumed when it is started again."""
        self._current()
        await self._tasks.stop()
        return JSONResponse({"ok": True, "task": self._status()})

    async def _list(self) -> dict[str, Any]:
        models = await asyncio.to_thread(lambda: [model.record() for model in _store().models()])
        return {"ok": True, "models": models, "task": self._status()}

    def _status(self) -> dict[str, Any] | None:
        return self._tasks.task.status() if self._tasks.task else None

    def _current(self) -> Task:
        if self._tasks.task is None:
            raise Refused(Code.UNKNOWN_TASK, "No task is running on the models.")
        return self._tasks.task

    def _accepted(self, task: Task) -> Response:
        return JSONResponse({"ok": True, "task": task.status()}, status_code=202)

    async def _tell_changes(self, task: Task) -> AsyncIterator[str]:
        while True:
            change = task.next_change  # read before the status, so that no change is missed
            yield f"event: status\ndata: {json.dumps(task.status())}\n\n"
            if task.ended:
                return
            await asyncio.sleep(1 / _EVENTS_A_SECOND)
            while not change.is_set():
                try:
                    await asyncio.wait_for(change.wait(), self._settings.heartbeat_s)
                except TimeoutError:
                    yield ": still here\n\n"


async def _small_body(http: Request) -> Any:
    body = b""
    async for chunk in http.stream():
        body += chunk
        if len(body) > _SMALL_BODY:
            raise Refused(Code.TOO_LARGE, f"This body may have {_SMALL_BODY} bytes.")
    try:
        return json.loads(body)
    except ValueError:
        return None


def _own_path(said: object) -> Path:
    """An existing file or folder of this machine. Raises `InvalidInput` for anything else."""
    try:
        path = Path(said) if isinstance(said, str) else Path()
        json.dumps(said, ensure_ascii=False).encode()  # raises for names that can't be encoded
        if path.is_absolute() and path.exists():
            return path
    except (OSError, ValueError):
        pass
    raise InvalidInput("There is no such file on the machine of the colour engine. Choose the file again.")


def _store() -> Store:
    # Imported at the first request, so that the backend starts faster.
    from colorizer.catalogue import entries
    from colorizer.catalogue.store import Store

    return Store(entries.load())

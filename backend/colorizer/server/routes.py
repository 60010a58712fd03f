"""The routes of docs/wire.md. Every handler is a few lines on top of `jobs`; `guard` has checked who may call them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute
from starlette.routing import Route as StarletteRoute

import colorizer
from colorizer.errors import ColorizerError
from colorizer.protocol import answers, describe, options
from colorizer.protocol.base import API
from colorizer.protocol.errors import Code
from colorizer.protocol.routes import BUNDLE, MEMORY, PAIR, ROUTES, Route
from colorizer.server import bundle, log, memory, pairing, request
from colorizer.server.devices import Devices
from colorizer.server.edits import Edits
from colorizer.server.failures import Refused
from colorizer.server.guard import INTERNAL, answer
from colorizer.server.jobs import Job, JobQueue
from colorizer.server.limits import ServerSettings
from colorizer.server.model_routes import ModelRoutes
from colorizer.server.model_tasks import ModelTasks
from colorizer.server.pipe import Buffer

_EVENTS_A_SECOND = 20
_PIECE = 2**18
_ENGINES_TIMEOUT_S = 60.0


class Routes:
    """The routes' handlers."""

    def __init__(
        self, queue: JobQueue, edits: Edits, settings: ServerSettings, devices: Devices | None = None
    ) -> None:
        self._queue = queue
        self._edits = edits
        self._settings = settings
        self._started = time.monotonic()
        self._parent = None if devices else memory.parent()  # other machines can't share memory
        self._remote = devices is not None

    async def health(self, _: Request) -> Response:
        """The state of the backend and its worker."""
        found = answers.Health(
            api=API,
            version=colorizer.__version__,
            uptime_s=round(time.monotonic() - self._started, 3),
            worker=self._queue.worker_state,
            waiting=self._queue.waiting,
            memory=answers.MemoryUse(**await asyncio.to_thread(_memory)),
            note=self._queue.worker.note,
        )
        return JSONResponse(found.model_dump())

    async def openapi(self, _: Request) -> Response:
        """These routes as OpenAPI."""
        return JSONResponse(
            describe.openapi(ROUTES if self._remote else [r for r in ROUTES if r is not PAIR])
        )

    async def engines(self, _: Request) -> Response:
        """The engines' capabilities; waits until the worker has imported the engines."""
        await self._wait_for_engines()
        rows = [option.model_dump() for option in options.table()]
        return JSONResponse({"ok": True, "engines": self._queue.worker.engines, "options": rows})

    async def submit(self, http: Request) -> Response:
        """Receives a bundle in the body or in shared memory, checks everything except the pixels and queues it."""
        kind = _bundle_kind(http)
        owner, job_id = http.state.owner, pairing.job_id(http, wanted=self._remote)
        if job_id is None:
            return JSONResponse((await self._take(http, kind)).status(), status_code=202)
        self._queue.claim(job_id, owner)
        try:
            job = await self._take(http, kind, job_id)
        except BaseException:
            self._queue.give_up(job_id, owner)
            raise
        return JSONResponse(job.status(), status_code=202)

    async def _take(self, http: Request, kind: str, job_id: str | None = None) -> Job:
        owner, size = http.state.owner, 0

        def count(more: int) -> None:
            nonlocal size
            self._queue.add_upload(more, owner)
            size += more

        self._queue.open_upload(owner)
        try:
            taken = await self._receive_bundle(http, kind, count)
            try:
                job_request = await asyncio.to_thread(lambda: request.read(bundle.read(_view(taken))))
                await self._wait_for_engines()
                request.check_engine(job_request, self._queue.worker.engines)
            except BaseException:
                _close(taken)
                raise
        finally:
            self._queue.close_upload(size, owner)
        return self._queue.submit(taken, owner, job_id)

    async def edit(self, http: Request) -> Response:
        """Replaces colours in layers at once, also while a job runs; answers with a bundle."""
        kind = _bundle_kind(http)
        with self._edits.place() as upload:
            taken = await self._receive_bundle(http, kind, upload.add)
            try:
                await asyncio.to_thread(lambda: request.read_edit(bundle.read(_view(taken))))
                answer = await self._edits.make(taken)
            finally:
                _close(taken)
        return _bundle_answer(answer)

    async def _receive_bundle(
        self, http: Request, kind: str, count: Callable[[int], None]
    ) -> bytearray | memory.Memory:
        """Receives a bundle in the body or in shared memory; `count` is called with the number of received bytes."""
        body = bytearray()
        await self._receive(http, body, count)
        if kind != MEMORY:
            return body
        shared = memory.open_announced(body, self._parent, self._settings.body_bytes)
        try:
            count(len(shared))
        except BaseException:
            shared.close()
            raise
        return shared

    async def _receive(self, http: Request, body: bytearray, count: Callable[[int], None]) -> None:
        too_large = Refused(Code.TOO_LARGE, f"A body may have {self._settings.body_bytes} bytes.")
        announced = http.headers.get("content-length", "0")
        if int(announced) > self._settings.body_bytes:
            raise too_large
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._settings.body_timeout_s) as silence:
                async for chunk in http.stream():
                    if len(body) + len(chunk) > self._settings.body_bytes:
                        raise too_large
                    count(len(chunk))
                    body += chunk
                    silence.reschedule(loop.time() + self._settings.body_timeout_s)
        except TimeoutError:
            raise Refused(Code.TIMEOUT, "The body was sent too slowly.") from None

    async def _wait_for_engines(self) -> None:
        try:
            await asyncio.wait_for(self._queue.worker.engines_known.wait(), _ENGINES_TIMEOUT_S)
        except TimeoutError:
            raise Refused(
                Code.NOT_READY, "The engines don't start. The reason is in the backend's log."
            ) from None

    async def status(self, http: Request) -> Response:
        """The status of one job."""
        return JSONResponse(self._job(http).status())

    async def events(self, http: Request) -> Response:
        """The status of one job at every change, as server-sent events."""
        job = self._job(http)
        self._queue.watch(job)
        return StreamingResponse(self._tell_changes(job), media_type="text/event-stream")

    async def _tell_changes(self, job: Job) -> AsyncIterator[str]:
        while True:
            change = job.next_change  # read before the status, so that no change is missed
            yield f"event: status\ndata: {json.dumps(job.status())}\n\n"
            if job.ended:
                return
            await _ends(job, within_s=1 / _EVENTS_A_SECOND)
            while not await _happens(change, within_s=self._settings.heartbeat_s):
                yield ": still here\n\n"

    async def preview(self, http: Request) -> Response:
        """The newest preview."""
        job = self._job(http)
        self._queue.watch(job)
        if not job.preview:
            raise Refused(Code.NOT_READY, "There is no preview of this job yet.")
        return Response(bytes(job.preview), media_type="image/png")

    async def result(self, http: Request) -> Response:
        """The result's bundle."""
        job = self._job(http)
        if not job.result:
            raise Refused(Code.NOT_READY, f"This job has no result: it is {job.state.value}.")
        return _bundle_answer(job.result)

    async def cancel(self, http: Request) -> Response:
        """Cancels a waiting or running job or deletes an ended one."""
        job = self._job(http)
        self._queue.cancel(job)
        return JSONResponse(job.status())

    def _job(self, http: Request) -> Job:
        return self._queue.get(http.path_params["job"], http.state.owner)


def _bundle_kind(http: Request) -> str:
    """The media type of a request's bundle, one of two. Raises `Refused` for others."""
    kind = http.headers.get("content-type", "")
    if kind not in (BUNDLE, MEMORY):
        raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, f"`Content-Type` must be {BUNDLE}.")
    return kind


def _view(taken: bytearray | memory.Memory) -> memoryview:
    return taken.view() if isinstance(taken, memory.Memory) else memoryview(taken)


def _close(taken: bytearray | memory.Memory) -> None:
    if isinstance(taken, memory.Memory):
        taken.close()


def _bundle_answer(data: Buffer) -> Response:
    headers = {"Content-Length": str(len(data))}
    return StreamingResponse(_pieces(data), headers=headers, media_type=BUNDLE)


async def _ends(job: Job, within_s: float) -> None:
    """Waits for this time, or until the job has ended."""
    until = time.monotonic() + within_s
    while not job.ended and (left := until - time.monotonic()) > 0:
        await _happens(job.next_change, left)


async def _happens(change: asyncio.Event, within_s: float) -> bool:
    try:
        return await asyncio.wait_for(change.wait(), within_s)
    except TimeoutError:
        return False


async def _pieces(data: Buffer) -> AsyncIterator[memoryview]:
    view = memoryview(data)
    for start in range(0, len(view), _PIECE):
        yield view[start : start + _PIECE]


def application(
    queue: JobQueue, edits: Edits, tasks: ModelTasks, settings: ServerSettings, devices: Devices | None = None
) -> Starlette:
    """The application without its guard; with `devices` the application for other machines."""
    routes = Routes(queue, edits, settings, devices)
    models = ModelRoutes(tasks, settings)
    pairing_route = pairing.Pairing(devices, settings) if devices is not None else None
    table = [route for route in ROUTES if route is not PAIR or devices is not None]
    bound: list[BaseRoute] = []
    for route in table:
        handler = next(
            getattr(one, route.handler)
            for one in (routes, models, pairing_route)
            if hasattr(one, route.handler)
        )
        if devices is not None and _changes_models(route):
            handler = pairing.not_from_afar
        bound.append(StarletteRoute(route.path, handler, methods=[route.method]))
    app = Starlette(
        routes=bound,
        exception_handlers={
            ColorizerError: _on_error,
            HTTPException: _on_http_exception,
            ClientDisconnect: _on_disconnect,
            Exception: _on_bug,
        },
    )
    app.router.redirect_slashes = False
    return app


def _memory() -> dict[str, int]:
    """The bytes that this process and its workers use, and the free memory of this computer."""
    import psutil

    used, this = 0, psutil.Process()
    for process in [this, *this.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):  # the process has ended in the meantime
            used += process.memory_info().rss
    return {"used": used, "free": psutil.virtual_memory().available}


def _changes_models(route: Route) -> bool:
    return route.method != "GET" and route.path.startswith(("/v1/models", "/v1/task"))


def _on_error(http: Request, error: Exception) -> Response:
    assert isinstance(error, ColorizerError)
    log.event("request refused", method=http.method, code=error.code)
    return answer(error)


def _on_http_exception(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == Code.METHOD_NOT_ALLOWED.status:
        response = answer(Refused(Code.METHOD_NOT_ALLOWED, "This route doesn't support that method."))
        response.headers.update(error.headers or {})
        return response
    return answer(Refused(Code.UNKNOWN_ROUTE, "There is no such route."))


def _on_disconnect(_: Request, __: Exception) -> Response:
    return Response(status_code=Code.BAD_REQUEST.status)  # the client is gone and doesn't read it


def _on_bug(_: Request, __: Exception) -> Response:
    return answer(
        Refused(Code.INTERNAL, INTERNAL)
    )  # `guard` logs the exception, because starlette raises it again after this answer

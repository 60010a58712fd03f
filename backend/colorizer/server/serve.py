"""Starts the backend: one line on stdout says where it is, then it serves until its stdin ends or it is told to stop.

Loopback only, a free port, a new token; the token leaves by stdout alone. See docs/wire.md, "Start".
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
import stat
import sys
import threading
from typing import TextIO

import uvicorn

import colorizer
from colorizer.server import log, memory
from colorizer.server.guard import Guard
from colorizer.server.jobs import JobQueue
from colorizer.server.limits import Settings
from colorizer.server.model_tasks import ModelTasks
from colorizer.server.protocol import bounded_to
from colorizer.server.request import API
from colorizer.server.routes import application

HOST = "127.0.0.1"
_HEAD_BYTES = 16_384


def serve(port: int = 0, *, stream: TextIO | None = None, settings: Settings | None = None) -> int:
    """Runs the backend in this process until it ends.

    Args:
        port: 0 lets the system choose.
        stream: where the ready line goes; stdout when None.
        settings: the limits; those of docs/wire.md when None.

    Returns:
        The exit status: 0 after an orderly end, 1 when it couldn't start (the line says why).
    """
    stream = stream or sys.stdout
    try:
        log.start()
    except OSError as error:
        folder = log.log_file().parent
        return _fail(
            stream, "no_home", f"The folder {folder} can't be written ({error.strerror}). Set COLORIZE_HOME."
        )
    try:
        listener = _listen(port)
    except OSError as error:
        return _fail(
            stream, "port_in_use", f"Port {port} can't be used ({error.strerror}). Choose another or 0."
        )
    with listener, contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(listener, stream, settings or Settings()))
    log.event("server ended")
    return 0


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":  # else another program could bind the same port beside us
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        listener.bind((HOST, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


async def _serve(listener: socket.socket, stream: TextIO, settings: Settings) -> None:
    port, token = listener.getsockname()[1], secrets.token_hex(32)
    queue = JobQueue(settings)
    tasks = ModelTasks(queue.models_changed, settings.model_command)
    config = uvicorn.Config(
        Guard(application(queue, tasks, settings), token, port),
        http=bounded_to(settings.connections),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=settings.request_timeout_s,  # type: ignore[arg-type]  # it goes to `call_later`
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=_HEAD_BYTES,
    )
    _say(
        stream,
        event="ready",
        api=API,
        version=colorizer.__version__,
        host=HOST,
        port=port,
        token=token,
        pid=os.getpid(),
        memory_of=memory.parent(),
    )
    log.event("server ready", version=colorizer.__version__)
    _end_with_stdin(queue, tasks)
    running = [asyncio.create_task(queue.worker.run_forever()), asyncio.create_task(queue.run_forever())]
    try:
        await uvicorn.Server(config).serve(sockets=[listener])
    finally:
        for task in running:
            task.cancel()
        queue.worker.kill()
        tasks.kill()


def _end_with_stdin(queue: JobQueue, tasks: ModelTasks) -> None:
    """When stdin is a pipe, whoever started us holds the other end: when it ends, everything ends at once."""
    if sys.stdin is None or sys.stdin.closed:
        return
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        log.event("server ends with its stdin")
        queue.worker.kill()
        tasks.kill()
        os._exit(0)

    threading.Thread(target=wait, name="life-line", daemon=True).start()


def _fail(stream: TextIO, code: str, message: str) -> int:
    _say(stream, event="failed", code=code, message=message)
    return 1


def _say(stream: TextIO, **fields: object) -> None:
    stream.write(json.dumps(fields) + "\n")
    stream.flush()

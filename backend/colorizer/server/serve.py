"""Starts the backend: it prints one line with its address to stdout and serves until its stdin closes or it is stopped.

For this machine it listens only on the loopback interface, at a free port, with a new token that only that line
contains. For other machines it uses TLS and admits only paired devices. See docs/wire.md, "Start" and "Another
machine".
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
import ssl
import stat
import sys
import threading
from dataclasses import dataclass
from typing import Any, TextIO

import uvicorn

import colorizer
from colorizer.errors import ColorizerError, InvalidInput
from colorizer.protocol.base import API
from colorizer.server import certificate, log, memory
from colorizer.server.devices import Devices
from colorizer.server.edits import Edits
from colorizer.server.failures import Refused
from colorizer.server.guard import Door, Guard, LocalDoor, RemoteDoor
from colorizer.server.jobs import JobQueue
from colorizer.server.limits import ServerSettings
from colorizer.server.model_tasks import ModelTasks
from colorizer.server.protocol import Server, bounded_to
from colorizer.server.routes import application

HOST = "127.0.0.1"
_HEAD_BYTES = 16_384
_LOOK_S = 1.0  # interval of looking for revoked devices


@dataclass(frozen=True)
class Address:
    """The address to listen on for other machines."""

    host: str
    port: int


def read_address(words: str) -> Address:
    """Parses `HOST:PORT` or `[IPV6]:PORT`. Raises `InvalidInput`."""
    host, _, port = words.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise InvalidInput(
            f"`{words}` isn't an address. Write HOST:PORT, for example 0.0.0.0:7860 to listen on all networks."
        )
    return Address(host, int(port))


@dataclass(frozen=True)
class _Opening:
    """The settings that differ between serving this machine and other machines."""

    door: Door
    ready: dict[str, Any]
    tls: ssl.SSLContext | None = None
    devices: Devices | None = None


def serve(
    port: int = 0,
    *,
    listen: Address | None = None,
    stream: TextIO | None = None,
    settings: ServerSettings | None = None,
) -> int:
    """Runs the backend in this process until it ends.

    Args:
        port: 0 lets the system choose.
        listen: the address for other machines; None serves only this machine.
        stream: where to print the ready line; None prints it to stdout.
        settings: the limits; None uses those of docs/wire.md.

    Returns:
        The exit status: 0 after an orderly end, 1 if it couldn't start (the line says why).
    """
    stream, settings = stream or sys.stdout, settings or ServerSettings()
    settings = settings.shared() if listen else settings
    try:
        log.start()
    except OSError as error:
        folder = log.log_file().parent
        return _fail(
            stream,
            "no_home",
            f"The folder {folder} can't be written ({error.strerror}). Set COLORIZE_HOME to another folder.",
        )
    address = listen or Address(HOST, port)
    try:
        listener = _listen(address)
    except OSError as error:
        words = (
            f"Port {address.port} can't be used ({error.strerror}). Choose another one, or 0 for a free one."
        )
        return _fail(stream, "port_in_use", words)
    with listener, contextlib.suppress(KeyboardInterrupt):
        try:
            opening = _for_others() if listen else _for_this_machine(listener)
        except ColorizerError as error:
            return _fail(stream, error.code, str(error))
        asyncio.run(_serve(listener, opening, stream, settings))
    log.event("server ended")
    return 0


def _for_this_machine(listener: socket.socket) -> _Opening:
    token = secrets.token_hex(32)
    door = LocalDoor(token, listener.getsockname()[1])
    return _Opening(door, {"token": token, "memory_of": memory.parent()})


def _for_others() -> _Opening:
    tls, devices = certificate.context(), Devices()
    ready = {"fingerprint": certificate.fingerprint().hex(), "code": devices.new_code()}
    return _Opening(RemoteDoor(devices), ready, tls, devices)


def _listen(address: Address) -> socket.socket:
    family, _, _, _, place = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":  # otherwise another program could bind the same port, too
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:  # otherwise the port can't be used for a minute after a crash, while the system keeps old connections
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


async def _serve(
    listener: socket.socket, opening: _Opening, stream: TextIO, settings: ServerSettings
) -> None:
    queue, edits = JobQueue(settings), Edits(settings)
    tasks = ModelTasks(queue.models_changed, settings.model_command)
    app = application(queue, edits, tasks, settings, opening.devices)
    config = uvicorn.Config(
        Guard(app, opening.door),
        http=bounded_to(settings.connections),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=settings.request_timeout_s,  # type: ignore[arg-type]  # uvicorn passes it to `call_later`
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=_HEAD_BYTES,
    )
    host, port = listener.getsockname()[:2]
    line = {"event": "ready", "api": API, "version": colorizer.__version__, "host": host, "port": port}
    _say(stream, **line, **opening.ready, pid=os.getpid())
    if opening.devices is not None:
        sys.stderr.write(
            f"Pair a docker with this machine's address, port {port} and the code {opening.ready['code']}, "
            "which is valid for ten minutes and one device.\n"
        )
    log.event("server ready", version=colorizer.__version__)
    _end_with_stdin(queue, edits, tasks)
    running = [
        asyncio.create_task(work)
        for work in (queue.worker.run_forever(), queue.run_forever(), edits.run_forever(queue.worker))
    ]
    if opening.devices is not None:
        running.append(asyncio.create_task(_forget_revoked(opening.devices, queue)))
    try:
        await Server(config, opening.tls, settings.handshake_timeout_s).serve(sockets=[listener])
    finally:
        for task in running:
            task.cancel()
        queue.worker.kill()
        edits.worker.kill()
        tasks.kill()


async def _forget_revoked(devices: Devices, queue: JobQueue) -> None:
    """Ends the jobs of revoked devices, and with them their event streams."""
    while True:
        await asyncio.sleep(_LOOK_S)
        with contextlib.suppress(Refused):  # a list that can't be read admits nobody anyway
            queue.forget_owners_but({device.id for device in devices.all()})


def _end_with_stdin(queue: JobQueue, edits: Edits, tasks: ModelTasks) -> None:
    """If stdin is a pipe, ends the backend at once when the program that started it closes the pipe or ends."""
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
        edits.worker.kill()
        tasks.kill()
        os._exit(0)

    threading.Thread(target=wait, name="life-line", daemon=True).start()


def _fail(stream: TextIO, code: str, message: str) -> int:
    _say(stream, event="failed", code=code, message=message)
    return 1


def _say(stream: TextIO, **fields: object) -> None:
    stream.write(json.dumps(fields) + "\n")
    stream.flush()

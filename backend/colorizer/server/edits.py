"""Palette edits in the HTTP process, which passes them to the edit process and answers at once.

An edit replaces colours in existing layers exactly. It needs no place in the queue (`jobs`), no engine and no machine
lock, so it is answered also while a job runs here or in another Krita's backend.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Iterator

from colorizer.errors import ColorizerError, InvalidInput
from colorizer.protocol.errors import Code
from colorizer.server.failures import Refused
from colorizer.server.limits import ServerSettings
from colorizer.server.memory import Memory
from colorizer.server.pipe import Buffer, Kind, Message
from colorizer.server.supervisor import Worker

_START_TIMEOUT_S = 20.0
_AT_ONCE = 8
_DIED = "worker_died"


class Edits:
    """The palette edits that are being made."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._bytes = 0
        self._count = 0
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self.worker = Worker(settings.edit_command, self._on_message, self._on_exit)

    async def run_forever(self, first: Worker) -> None:
        """Keeps the edit process running. It is started after the worker process, which is needed more urgently."""
        await first.ready.wait()
        await self.worker.run_forever()

    @contextlib.contextmanager
    def place(self) -> Iterator[Upload]:
        """Reserves a place for one edit and its bytes during the `with` block. Raises `Refused` if all are taken."""
        if self._count >= _AT_ONCE:
            raise Refused(
                Code.QUEUE_FULL, "Too many palette edits are being made at once. Try again in a moment."
            )
        self._count += 1
        upload = Upload(self)
        try:
            yield upload
        finally:
            self._count -= 1
            self._bytes -= upload.size

    def add(self, size: int) -> None:
        """Counts received bytes. Raises `Refused` if all edits together have too many."""
        if self._bytes + size > self._settings.waiting_bytes:
            raise Refused(Code.QUEUE_FULL, "The palette edits take too much memory. Try again in a moment.")
        self._bytes += size

    async def make(self, bundle: Buffer | Memory) -> Buffer:
        """Makes a checked edit and returns the answer's bundle. Raises `ColorizerError`."""
        message = await self._ask(bundle)
        if message.fields.get("code") == _DIED:  # it may have died earlier without being noticed
            message = await self._ask(bundle)
        if message.kind is not Kind.DONE:
            raise _failure(message.fields["code"], message.fields["message"])
        return message.payload

    async def _ask(self, bundle: Buffer | Memory) -> Message:
        try:
            # Asked again after every wait: the process may have ended meanwhile, and nobody would answer. From here to
            # the entry in `_waiting` nothing else runs.
            while not self.worker.ready.is_set():
                await asyncio.wait_for(self.worker.ready.wait(), _START_TIMEOUT_S)
        except TimeoutError:
            raise Refused(
                Code.NOT_READY,
                "Palette edits can't be made, because their process doesn't start. See the backend's log.",
            ) from None
        key = secrets.token_hex(8)
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[key] = answer
        try:
            await self.worker.run(key, bundle)
            return await answer
        finally:
            del self._waiting[key]

    def _on_message(self, message: Message) -> None:
        answer = self._waiting.get(message.job)
        if answer is not None and not answer.done():
            answer.set_result(message)

    def _on_exit(self, sentence: str) -> None:
        for key in self._waiting:
            self._on_message(Message(Kind.FAILED, key, {"code": _DIED, "message": sentence}))


def _failure(code: str, message: str) -> ColorizerError:
    """The error for a failed edit, with the message of its process."""
    ours = code in ("internal", _DIED, "out_of_memory")
    error = ColorizerError(message) if ours else InvalidInput(message)
    error.code = code
    return error


class Upload:
    """The received bytes of one edit."""

    def __init__(self, edits: Edits) -> None:
        self._edits = edits
        self.size = 0

    def add(self, size: int) -> None:
        """Counts received bytes, see `Edits.add`."""
        self._edits.add(size)
        self.size += size

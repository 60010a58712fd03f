"""Controls the worker process from the HTTP process: starts and restarts it, exchanges messages with it and ends it.

It passes on the messages without knowing about jobs. The worker itself is in `worker`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import IO, Any

from colorizer.server import log, pipe
from colorizer.server.memory import Memory
from colorizer.server.pipe import Buffer, Kind, Message

_LONGEST_PAUSE_S = 30.0


class Worker:
    """The worker process, which is started again whenever it ends."""

    def __init__(
        self, command: Sequence[str], on_message: Callable[[Message], None], on_exit: Callable[[str], None]
    ) -> None:
        self._command = command
        self._on_message = on_message
        self._on_exit = on_exit
        self._process: subprocess.Popen[bytes] | None = None
        self._writing = threading.Lock()
        self._ended: asyncio.Future[int] | None = None
        self.ready = asyncio.Event()
        self.engines_known = asyncio.Event()
        self.engines: list[dict[str, Any]] = []
        """The engines' capabilities (`EngineInfo` as JSON); kept while the worker restarts."""
        self.note = ""
        """A sentence for the artist if something works less well than it should."""
        self.was_ready = False
        """Whether this process has ever been ready for jobs."""
        self.starts = 0

    async def run_forever(self) -> None:
        """Keeps a worker process running; if it fails to start, waits longer before each further try."""
        pause_s = 0.0
        while True:
            await asyncio.sleep(pause_s)
            returncode = await self._run_once()
            sentence = ending(returncode)
            log.event("worker ended", returncode=returncode, was_ready=self.was_ready)
            self._on_exit(sentence)
            pause_s = 0.0 if self.was_ready else min(_LONGEST_PAUSE_S, 2 * pause_s + 1)

    async def _run_once(self) -> int:
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        self.was_ready = False
        self.starts += 1
        self._process = process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=worker_environment(),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # otherwise Windows opens a console
        )
        log.event("worker started", worker=process.pid)
        threading.Thread(
            target=self._listen, args=(loop, process), name="worker-messages", daemon=True
        ).start()
        threading.Thread(target=_copy_log, args=(process,), name="worker-log", daemon=True).start()
        try:
            return await self._ended
        finally:
            self.ready.clear()

    def _listen(self, loop: asyncio.AbstractEventLoop, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        try:
            while message := pipe.read(process.stdout):
                loop.call_soon_threadsafe(self._receive, message)
            process.kill()  # it has closed its pipe, so nothing can be received from it
            returncode = process.wait()
            self._close_pipes(process)
            loop.call_soon_threadsafe(self._settle, returncode)
        except RuntimeError:
            return  # the event loop has ended, and with it the program

    def _close_pipes(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.close()
        with self._writing, contextlib.suppress(OSError):
            process.stdin.close()

    def _receive(self, message: Message) -> None:
        if message.kind is Kind.READY:
            self.engines = message.fields["engines"]
            self.was_ready = True
            self.engines_known.set()
            self.ready.set()
        elif message.kind is Kind.ENGINES:
            self.engines = message.fields["engines"]
            self.engines_known.set()
        elif message.kind is Kind.NOTE:
            self.note = message.fields["note"]
            log.event("worker noted", note=self.note)
        else:
            self._on_message(message)

    def _settle(self, returncode: int) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(returncode)

    async def ask_for_engines(self) -> None:
        """Lets the worker describe its engines again; a starting worker does that anyway."""
        if self.ready.is_set():
            self.engines_known.clear()
            await self.send(Message(Kind.DESCRIBE))

    async def run(self, job: str, bundle: Buffer | Memory, **fields: Any) -> None:
        """Sends a bundle to the worker."""
        if isinstance(bundle, Memory):
            await self.send(Message(Kind.RUN, job, {**fields, "memory": bundle.place}))
        else:
            await self.send(Message(Kind.RUN, job, fields, (bundle,)))

    async def send(self, message: Message) -> None:
        """Sends a message. Raises nothing if the worker has ended; `on_exit` reports that."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        await asyncio.to_thread(self._write, process.stdin, message)

    def _write(self, stdin: IO[bytes], message: Message) -> None:
        try:
            with self._writing:
                pipe.write(stdin, message)
        except (OSError, ValueError):
            log.event("worker took no message", kind=message.kind.value)

    def kill(self) -> None:
        """Kills the process."""
        if self._process is not None:
            self._process.kill()


def worker_environment() -> dict[str, str]:
    """The environment of the worker; the user's own settings have priority.

    OpenMP's threads mustn't wait in a busy loop and leave one core free: otherwise they compete with Krita for the
    cores (measured: six times slower).
    """
    ours = {
        "OMP_WAIT_POLICY": "PASSIVE",
        "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 2) - 1)),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
    }
    return ours | dict(os.environ)


def ending(returncode: int) -> str:
    """The sentence for the artist if the worker has ended with this status during a job."""
    if returncode == -9:
        return (
            "The worker process was killed during the job, most likely because the memory was full. "
            "Close other programs or use a smaller picture, then try again."
        )
    if returncode == pipe.LOST_CARD:
        return (
            "The graphics card stopped working during the job, which can happen after the computer has slept. "
            "The worker process was started again. Try again; if it happens again, update the graphics driver."
        )
    return (
        "The worker process crashed during the job and was started again. Try again; if it happens again, "
        "update the graphics driver or choose another engine."
    )


def _copy_log(process: subprocess.Popen[bytes]) -> None:
    """Copies the worker's stderr to the log: the JSON lines of its logger, and anything else, such as crash reports."""
    assert process.stderr is not None
    with process.stderr as stderr:
        for line in stderr:
            log.worker_line(line.decode(errors="replace").rstrip())

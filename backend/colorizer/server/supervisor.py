"""The worker process as the HTTP process sees it: starting, talking, ending, starting again.

Knows nothing of jobs beyond passing messages. What the worker does is in `worker`.
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
    """The one worker process; there is a new one whenever it ends."""

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
        """What the engines say about themselves (`EngineInfo` as JSON); stays known while a worker restarts."""
        self.note = ""
        """A sentence for the artist about what works less well than it should."""
        self.was_ready = False
        """Whether this process ever got as far as taking jobs."""
        self.starts = 0

    async def run_forever(self) -> None:
        """Keeps a worker process running; waits longer each time when it doesn't even start."""
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
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # else Windows opens a console
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
            process.kill()  # it closed its pipe: whatever it is still doing, it is lost to us
            returncode = process.wait()
            self._close_pipes(process)
            loop.call_soon_threadsafe(self._settle, returncode)
        except RuntimeError:
            return  # the loop has ended, and with it the program

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
        """Has the engines described anew; a worker that is just starting does so by itself."""
        if self.ready.is_set():
            self.engines_known.clear()
            await self.send(Message(Kind.DESCRIBE))

    async def run(self, job: str, bundle: Buffer | Memory, **fields: Any) -> None:
        """Has a bundle worked on."""
        if isinstance(bundle, Memory):
            await self.send(Message(Kind.RUN, job, {**fields, "memory": bundle.place}))
        else:
            await self.send(Message(Kind.RUN, job, fields, (bundle,)))

    async def send(self, message: Message) -> None:
        """Hands a message over. A worker that is gone is no error here: its end is told by `on_exit`."""
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
        """Ends the process at once."""
        if self._process is not None:
            self._process.kill()


def worker_environment() -> dict[str, str]:
    """The environment of the worker; what the user has set himself counts more.

    Spinning OpenMP threads fight with Krita for the cores (six times slower, measured), and one core stays free for it.
    """
    ours = {
        "OMP_WAIT_POLICY": "PASSIVE",
        "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 2) - 1)),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
    }
    return ours | dict(os.environ)


def ending(returncode: int) -> str:
    """What to tell the artist about a worker that ended with this status in the middle of a job."""
    if returncode == -9:
        return (
            "The worker process was killed in the middle of the job, most likely because the memory was full. "
            "Close other programs or use a smaller picture, then try again."
        )
    if returncode == pipe.LOST_CARD:
        return (
            "The graphics card stopped working in the middle of the job, as it can after the computer slept. "
            "The worker process was started again. Try again; if it happens again, update the graphics driver."
        )
    return (
        "The worker process crashed in the middle of the job and was started again. Try again; if it happens again, "
        "update the graphics driver or choose another engine."
    )


def _copy_log(process: subprocess.Popen[bytes]) -> None:
    """Puts what the worker writes on stderr into our log: JSON lines by its own logger, else crash reports."""
    assert process.stderr is not None
    with process.stderr as stderr:
        for line in stderr:
            log.worker_line(line.decode(errors="replace").rstrip())

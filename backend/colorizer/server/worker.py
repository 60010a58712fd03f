"""The worker process: imports engines and runs one job after another. It may be killed at any time without harm.

`supervisor` starts it, with messages on stdin and stdout (`pipe`) and its log on stderr. One thread listens, the main
thread works. When stdin closes, the HTTP process has ended, and the worker ends at once. `run_job` runs a job.
"""

from __future__ import annotations

import faulthandler
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import IO, Any

from pydantic import TypeAdapter

from colorizer.engines import registry
from colorizer.engines.base import Picture
from colorizer.engines.runtime import probe
from colorizer.engines.runtime.device import lost_accelerator, ran_out_of_memory
from colorizer.errors import Cancelled, ColorizerError, OutOfMemory
from colorizer.protocol.engines import EngineInfo
from colorizer.server import log, memory, pipe
from colorizer.server.pipe import Buffer, Kind, Message

_STAGES_A_SECOND = 20
_PREVIEWS_A_SECOND = 2


class EngineFailure(ColorizerError):
    """An unexpected error in an engine or a library."""

    code = "internal"


class Worker:
    """The state that the listening thread and the main thread share."""

    def __init__(
        self, incoming: IO[bytes], outgoing: IO[bytes], run: Callable[[Buffer, JobReport], None]
    ) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._run_job = run
        self._jobs: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.cancelled: set[str] = set()
        self.watched: set[str] = set()
        self._writing = threading.Lock()

    def say(self, kind: Kind, job: str = "", *parts: Buffer, **fields: Any) -> None:
        """Sends a message to the HTTP process."""
        with self._writing:
            pipe.write(self._outgoing, Message(kind, job, fields, parts))

    def listen(self) -> None:
        """Runs in the listening thread; never returns, and ends the process when the HTTP process has ended."""
        while message := pipe.read(self._incoming):
            if message.kind is Kind.CANCEL:
                self.cancelled.add(message.job)
            elif message.kind is Kind.WATCH:
                self.watched.add(message.job)
            elif message.kind is Kind.DESCRIBE:
                self.say(Kind.ENGINES, engines=describe_engines())
            else:
                self._jobs.put(message)
        os._exit(0)

    def work(self) -> None:
        """Runs jobs for ever."""
        while True:
            message = self._jobs.get()
            if message.fields.get("watched"):
                self.watched.add(message.job)
            self._run(message)
            self.cancelled.discard(message.job)
            self.watched.discard(message.job)

    def _run(self, message: Message) -> None:
        try:
            place = message.fields.get("memory")
            data = memory.mapped(**place) if place else message.payload
            self._run_job(data, JobReport(self, message.job))
        except Cancelled:
            self.say(Kind.CANCELLED, message.job)
        except ColorizerError as error:
            self.say(Kind.FAILED, message.job, code=error.code, message=str(error))
        except Exception as error:  # noqa: BLE001 - an error in one job must not prevent the next
            told = tell(error)
            log.trouble("job failed", job=message.job, code=told.code)
            if lost_accelerator(error):
                os._exit(
                    pipe.LOST_CARD
                )  # every further job would fail, too; a new worker process can use the card again
            self.say(Kind.FAILED, message.job, code=told.code, message=str(told))
            release_memory()


class JobReport:
    """The report of a job; implements `colorizer.engines.base.Report`."""

    def __init__(self, worker: Worker, job: str) -> None:
        self._worker = worker
        self._job = job
        self._stage = ""
        self._next_stage_at = 0.0
        self._next_preview_at = time.monotonic() + 1 / _PREVIEWS_A_SECOND  # a quick job makes none

    def stage(self, name: str, done: int = 0, total: int = 1) -> None:
        """Sends the stage to the HTTP process. Raises `Cancelled` if the job was cancelled."""
        self._stop_if_cancelled()
        now = time.monotonic()
        if name != self._stage or done >= total or now >= self._next_stage_at:
            self._worker.say(Kind.STAGE, self._job, name=name, done=done, total=total)
            self._stage, self._next_stage_at = name, now + 1 / _STAGES_A_SECOND

    def preview(self, picture: Callable[[], Picture]) -> None:
        """Sends the picture if a client wants previews and the last one or the start is half a second ago."""
        self._stop_if_cancelled()
        now = time.monotonic()
        if self._job in self._worker.watched and now >= self._next_preview_at:
            from colorizer.server import pixels

            self._worker.say(Kind.PREVIEW, self._job, pixels.encode_preview(picture()))
            self._next_preview_at = now + 1 / _PREVIEWS_A_SECOND

    def finish(self, preview: bytes, bundle: list[Buffer], record: dict[str, Any]) -> None:
        """Sends the last preview and the result."""
        self._stop_if_cancelled()
        self._worker.say(Kind.PREVIEW, self._job, preview)
        self.answer(bundle)
        request = record["request"]
        log.event(
            "job done",
            job=self._job,
            seconds=record["seconds"],
            engine=request["engine"],
            mode=request["mode"],
        )

    def answer(self, bundle: list[Buffer]) -> None:
        """Sends only the result's bundle."""
        self._worker.say(Kind.DONE, self._job, *bundle)

    def _stop_if_cancelled(self) -> None:
        if self._job in self._worker.cancelled:
            raise Cancelled("The job was cancelled.")


def tell(error: BaseException) -> ColorizerError:
    """The error for the artist for an exception that isn't a `ColorizerError`."""
    if ran_out_of_memory(error):
        return OutOfMemory(
            "There is not enough memory for this job. Close other programs, or use a smaller picture or working size."
        )
    return EngineFailure("Something went wrong in the engine. The details are in the backend's log.")


def release_memory() -> None:
    """Frees the memory that a failed job still holds, also on the accelerator."""
    import gc

    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def describe_engines() -> list[dict[str, Any]]:
    """The capabilities of all engines as JSON. An engine that can't be imported is logged and left out."""
    as_json, found = TypeAdapter(EngineInfo), []
    for name in registry.names():
        try:
            found.append(as_json.dump_python(registry.get(name).info, mode="json"))
        except Exception:  # noqa: BLE001 - one broken engine must not affect the others
            log.trouble("engine left out", engine=name)
    return found


def warm_up(worker: Worker) -> None:
    """Loads torch and the built-in engine, so that the first job needn't wait for them."""
    from colorizer.engines.runtime.device import choose_device
    from colorizer.server import run_job  # noqa: F401 - imported for the first job

    try:
        device = choose_device()
        if probe.failure():
            worker.say(Kind.NOTE, note=probe.failure())
        registry.get(registry.names()[0]).load(device)
    except Exception:  # noqa: BLE001 - the worker can run jobs without this preparation
        log.trouble("warm-up failed")


def run_job_in_turn(data: Buffer, report: JobReport) -> None:
    """Runs one job as soon as no other backend of this machine runs one."""
    from colorizer.server import machine_lock, run_job

    with machine_lock.taken(report):
        run_job.run(data, report)


def start(run: Callable[[Buffer, JobReport], None]) -> Worker:
    """Starts the listening thread of this process; the worker's `work` then runs the received jobs with `run`."""
    outgoing = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # output of libraries must not mix with the messages
    faulthandler.enable()
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C in a terminal reaches this process, too; the HTTP process ends it
    log.start_on_stderr()
    worker = Worker(sys.stdin.buffer, outgoing, run)
    threading.Thread(target=worker.listen, name="listen", daemon=True).start()
    return worker


def main() -> None:
    """Runs the process; never returns while the HTTP process lives."""
    worker = start(run_job_in_turn)
    worker.say(Kind.READY, engines=describe_engines())
    warm_up(worker)
    worker.work()


if __name__ == "__main__":
    main()

"""The queue of jobs: one runs, the others wait, ended ones are kept for a while.

Every job belongs to an owner (a paired device; "" is this machine's own artist), and nobody sees or ends another's.
Owners take turns, whoever sends how much; one owner's jobs run in the order they came. Lives on the event loop of the
HTTP process and needs no locks. What a job asks for is never looked at here; the worker process is `supervisor`'s.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections import Counter, deque
from collections.abc import Coroutine, Set
from dataclasses import dataclass, field
from typing import Any, Literal

from colorizer.protocol.answers import Failure, JobState, JobStatus
from colorizer.protocol.errors import Code
from colorizer.server import log
from colorizer.server.failures import Refused
from colorizer.server.limits import ServerSettings
from colorizer.server.memory import Memory
from colorizer.server.pipe import Buffer, Kind, Message
from colorizer.server.supervisor import Worker

_REMEMBERED_IDS = 10_000
FIRST_STAGE = "Waiting for the engine"
"""What a job's stage is until the worker says something: just after a start it may still be importing."""


@dataclass
class Job:
    """One job, from the moment its bundle has come in whole."""

    bundle: Buffer | Memory | None
    """None once the worker has it."""
    owner: str = ""
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    state: JobState = JobState.QUEUED
    position: int = 0
    stage: str = ""
    done: int = 0
    total: int = 1
    previews: int = 0
    preview: Buffer = b""
    result: Buffer = b""
    error: dict[str, str] | None = None
    cancelling: bool = False
    watched: bool = False
    """Somebody looks at the events or asked for a preview."""
    number: int = field(default_factory=itertools.count().__next__)
    """Later jobs have higher ones."""
    _started: float | None = None
    _ended: float | None = None
    next_change: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at the next change; every change has its own."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state not in (JobState.QUEUED, JobState.RUNNING)

    def status(self) -> dict[str, object]:
        """The status of docs/wire.md."""
        until = self._ended or time.monotonic()
        status = JobStatus(
            id=self.id,
            state=self.state,
            position=self.position,
            stage=self.stage,
            done=self.done,
            total=self.total,
            preview=self.previews,
            error=Failure(**self.error) if self.error else None,
            seconds=round(until - self._started, 3) if self._started else 0.0,
        )
        return status.model_dump(mode="json")

    def changed(self) -> None:
        """Wakes everybody who waits for a change."""
        self.next_change.set()
        self.next_change = asyncio.Event()

    def start(self) -> None:
        """It runs from here on."""
        self.state, self._started, self.stage = JobState.RUNNING, time.monotonic(), FIRST_STAGE
        self.changed()

    def end(self, state: JobState, error: dict[str, str] | None = None) -> None:
        """It has ended; who watches is told."""
        if isinstance(self.bundle, Memory):
            self.bundle.close()
        self.state, self.error, self.bundle, self._ended = state, error, None, time.monotonic()
        self.changed()


class JobQueue:
    """All jobs of this server."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._jobs: dict[str, Job] = {}
        self._waiting: list[Job] = []  # in the order they will run, see `_number`
        self._turns: dict[str, int] = {}  # owner -> when the last job of theirs started, counted in jobs
        self._ids: dict[tuple[str, str], None] = {}  # every job there is or was, the oldest first
        self._ended: deque[Job] = deque()
        self._running: Job | None = None
        self._run_ended = asyncio.Event()
        self._work_waits = asyncio.Event()
        self._telling: set[asyncio.Future[None]] = set()
        self._incoming: Counter[str] = Counter()
        self._incoming_bytes: Counter[str] = Counter()
        self.worker = Worker(settings.worker_command, self._on_message, self._on_worker_exit)

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return len(self._waiting)

    @property
    def worker_state(self) -> Literal["idle", "busy", "starting", "restarting"]:
        """What the worker does, as in docs/wire.md."""
        if self.worker.ready.is_set():
            return "busy" if self._running else "idle"
        return "starting" if self.worker.starts <= 1 else "restarting"

    def get(self, job_id: str, owner: str = "") -> Job:
        """The owner's job of that id. Raises `Refused` when there is none."""
        job = self._jobs.get(job_id)
        if job is None or job.owner != owner:
            raise Refused(Code.UNKNOWN_JOB, "There is no such job; it may have been cleared away.")
        return job

    # -- coming in -----------------------------------------------------------------------------------------------

    def claim(self, job_id: str, owner: str) -> None:
        """Takes an id for a job that is about to come; one that was taken before is a repetition and `Refused`."""
        if (owner, job_id) in self._ids:
            raise Refused(Code.KNOWN_JOB, "This job came before; ask for it by its id.")
        self._ids[owner, job_id] = None
        while len(self._ids) > _REMEMBERED_IDS:
            del self._ids[next(iter(self._ids))]

    def give_up(self, job_id: str, owner: str) -> None:
        """The job with this id didn't come after all."""
        self._ids.pop((owner, job_id), None)

    def open_upload(self, owner: str = "") -> None:
        """Takes a place in the queue for a bundle that is about to come. Pair it with `close_upload`."""
        own = sum(job.owner == owner for job in self._waiting) + self._incoming[owner]
        if (
            self.waiting + self._incoming.total() >= self._settings.waiting_jobs
            or own >= self._settings.owner_jobs
        ):
            raise Refused(
                Code.QUEUE_FULL, "Too many jobs are waiting. Let some finish or cancel some, then try again."
            )
        self._incoming[owner] += 1

    def add_upload(self, size: int, owner: str = "") -> None:
        """Counts bytes that come in, so that uploads and waiting bundles together stay within the limits."""
        waiting: Counter[str] = Counter(self._incoming_bytes)
        for job in self._waiting:
            waiting[job.owner] += len(job.bundle or b"")
        if (
            waiting.total() + size > self._settings.waiting_bytes
            or waiting[owner] + size > self._settings.owner_bytes
        ):
            raise Refused(
                Code.QUEUE_FULL, "The waiting jobs take too much memory. Let some finish, then try again."
            )
        self._incoming_bytes[owner] += size

    def close_upload(self, size: int, owner: str = "") -> None:
        """Gives back the place and the bytes of one upload, whatever became of it."""
        for counter, by in ((self._incoming, 1), (self._incoming_bytes, size)):
            counter[owner] -= by
            if not counter[owner]:
                del counter[owner]

    def submit(self, bundle: Buffer | Memory, owner: str = "", job_id: str | None = None) -> Job:
        """Queues a checked bundle; the id is one that was claimed, or a new one."""
        job = Job(bundle, owner, job_id or secrets.token_hex(16))
        self._jobs[job.id] = job
        self._waiting.append(job)
        self._number()
        self._work_waits.set()
        log.event("job queued", job=job.id, bytes=len(bundle), waiting=self.waiting)
        return job

    # -- running -------------------------------------------------------------------------------------------------

    async def run_forever(self) -> None:
        """Hands one job after the other to the worker."""
        while True:
            await self._work_waits.wait()
            await self.worker.ready.wait()
            if not self._waiting:  # cancelled while the worker was starting
                self._work_waits.clear()
                continue
            await self._run(self._waiting.pop(0))

    async def _run(self, job: Job) -> None:
        assert job.bundle is not None
        bundle, job.bundle = job.bundle, None
        self._running = job
        self._run_ended.clear()
        job.start()
        self._turns[job.owner] = max(self._turns.values(), default=0) + 1
        self._number()
        await self.worker.run(job.id, bundle, watched=job.watched)
        kept = bundle if isinstance(bundle, Memory) else None
        del bundle  # what went through the pipe, the worker has its own copy of by now
        await self._run_ended.wait()
        if kept is not None:
            kept.close()

    def watch(self, job: Job) -> None:
        """Somebody wants previews of the job from here on."""
        if not job.watched and job is self._running:
            self._tell(Message(Kind.WATCH, job.id))
        job.watched = True

    def cancel(self, job: Job) -> None:
        """Cancels a waiting or running job; forgets an ended one."""
        if job.ended:
            self._ended.remove(job)
            del self._jobs[job.id]
        elif job is not self._running:
            self._waiting.remove(job)
            self._finish(job, JobState.CANCELLED)
        elif not job.cancelling:
            job.cancelling = True
            self._tell(Message(Kind.CANCEL, job.id))
            loop = asyncio.get_running_loop()
            loop.call_later(self._settings.cancel_grace_s, self._kill_if_stuck, job)

    def forget_owners_but(self, owners: Set[str]) -> None:
        """Cancels the jobs of everybody else and forgets their results."""
        for job in [job for job in self._jobs.values() if job.owner not in owners]:
            self.cancel(job)

    def models_changed(self) -> None:
        """The worker's engines say anew which models they have."""
        self._soon(self.worker.ask_for_engines())

    def _tell(self, message: Message) -> None:
        self._soon(self.worker.send(message))

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        telling = asyncio.ensure_future(work)
        self._telling.add(telling)  # asyncio itself only keeps weak references
        telling.add_done_callback(self._telling.discard)

    def _kill_if_stuck(self, job: Job) -> None:
        if job is self._running:
            log.event("worker ignores a cancel", job=job.id)
            self.worker.kill()

    # -- what the worker says ------------------------------------------------------------------------------------

    def _on_message(self, message: Message) -> None:
        job = self._running
        if job is None or message.job != job.id:
            return
        if message.kind is Kind.STAGE:
            job.stage, job.done, job.total = (message.fields[key] for key in ("name", "done", "total"))
            job.changed()
        elif message.kind is Kind.PREVIEW:
            job.preview = message.payload
            job.previews += 1
            job.changed()
        elif job.cancelling or message.kind is Kind.CANCELLED:
            self._finish(job, JobState.CANCELLED)
        elif message.kind is Kind.DONE:
            job.result = message.payload
            self._finish(job, JobState.DONE)
        else:
            self._finish(job, JobState.FAILED, message.fields)

    def _on_worker_exit(self, sentence: str) -> None:
        error = {"code": "worker_died", "message": sentence}
        if self._running:
            self._finish(
                self._running,
                *((JobState.CANCELLED,) if self._running.cancelling else (JobState.FAILED, error)),
            )
        elif not self.worker.was_ready:
            while self._waiting:
                self._finish(self._waiting.pop(0), JobState.FAILED, error)

    def _finish(self, job: Job, state: JobState, error: dict[str, str] | None = None) -> None:
        job.end(state, error)
        if job is self._running:
            self._running = None
            self._run_ended.set()
        self._ended.append(job)
        self._forget_oldest()
        self._number()
        log.event(
            "job ended", job=job.id, state=state.value, code=(error or {}).get("code"), bytes=len(job.result)
        )

    def _forget_oldest(self) -> None:
        def too_much() -> bool:
            kept_bytes = sum(len(job.result) for job in self._ended)
            return len(self._ended) > self._settings.kept_jobs or kept_bytes > self._settings.kept_bytes

        while len(self._ended) > 1 and too_much():
            held = Counter[str]()
            for job in self._ended:
                held[job.owner] += len(job.result) + 1
            most = held.most_common(1)[0][0]
            oldest = next(job for job in self._ended if job.owner == most)
            self._ended.remove(oldest)
            del self._jobs[oldest.id]

    def _number(self) -> None:
        """Lets owners take turns, and tells every waiting job how many are before it."""
        before: Counter[str] = Counter()
        places: dict[str, tuple[int, int]] = {}
        for job in sorted(self._waiting, key=lambda job: job.number):
            places[job.id] = (before[job.owner], self._turns.get(job.owner, 0))
            before[job.owner] += 1
        self._waiting.sort(key=lambda job: (*places[job.id], job.number))
        for position, job in enumerate(self._waiting, start=1 if self._running else 0):
            if job.position != position:
                job.position = position
                job.changed()

"""The queue of jobs: one job runs, the others wait, ended jobs are kept for a while.

Every job belongs to an owner (a paired device, or "" for this machine's own artist); owners can't see or cancel each
other's jobs. Owners take turns, however many jobs they send; the jobs of one owner run in the order in which they were
sent. The queue runs on the event loop of the HTTP process and needs no locks. It doesn't look at the content of jobs;
`supervisor` controls the worker process.
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
"""A job's stage until the worker reports one; just after its start the worker may still be importing modules."""


@dataclass
class Job:
    """One job, made when its whole bundle has been received."""

    bundle: Buffer | Memory | None
    """None once it has been sent to the worker."""
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
    """Whether a client follows the events or has asked for a preview."""
    number: int = field(default_factory=itertools.count().__next__)
    """Later jobs have higher ones."""
    _started: float | None = None
    _ended: float | None = None
    next_change: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at the next change; every change has its own."""

    @property
    def ended(self) -> bool:
        """Whether it is in a final state."""
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
        """Wakes all that wait for a change."""
        self.next_change.set()
        self.next_change = asyncio.Event()

    def start(self) -> None:
        """Marks it as running."""
        self.state, self._started, self.stage = JobState.RUNNING, time.monotonic(), FIRST_STAGE
        self.changed()

    def end(self, state: JobState, error: dict[str, str] | None = None) -> None:
        """Marks it as ended and reports this to all that watch it."""
        if isinstance(self.bundle, Memory):
            self.bundle.close()
        self.state, self.error, self.bundle, self._ended = state, error, None, time.monotonic()
        self.changed()


class JobQueue:
    """All jobs of this server."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._jobs: dict[str, Job] = {}
        self._waiting: list[Job] = []  # in the order in which they will run, see `_number`
        self._turns: dict[str, int] = {}  # by owner: when their last job started, as a number of jobs
        self._ids: dict[tuple[str, str], None] = {}  # all present and former jobs, the oldest first
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
        """The number of waiting jobs."""
        return len(self._waiting)

    @property
    def worker_state(self) -> Literal["idle", "busy", "starting", "restarting"]:
        """The state of the worker, as in docs/wire.md."""
        if self.worker.ready.is_set():
            return "busy" if self._running else "idle"
        return "starting" if self.worker.starts <= 1 else "restarting"

    def get(self, job_id: str, owner: str = "") -> Job:
        """The owner's job of that id. Raises `Refused` if there is none."""
        job = self._jobs.get(job_id)
        if job is None or job.owner != owner:
            raise Refused(Code.UNKNOWN_JOB, "There is no such job; it may have been deleted. Start it again.")
        return job

    # -- coming in -----------------------------------------------------------------------------------------------

    def claim(self, job_id: str, owner: str) -> None:
        """Reserves an id for a job that is about to be sent. Raises `Refused` if the id has been used before."""
        if (owner, job_id) in self._ids:
            raise Refused(Code.KNOWN_JOB, "This job has been sent before. Ask for it by its id.")
        self._ids[owner, job_id] = None
        while len(self._ids) > _REMEMBERED_IDS:
            del self._ids[next(iter(self._ids))]

    def give_up(self, job_id: str, owner: str) -> None:
        """Releases the id of a job that wasn't sent completely."""
        self._ids.pop((owner, job_id), None)

    def open_upload(self, owner: str = "") -> None:
        """Reserves a place in the queue for a bundle that is about to be sent. Must be followed by `close_upload`."""
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
        """Counts received bytes, so that uploads and waiting bundles together stay within the limits."""
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
        """Releases the place and the bytes of one upload, whether it succeeded or not."""
        for counter, by in ((self._incoming, 1), (self._incoming_bytes, size)):
            counter[owner] -= by
            if not counter[owner]:
                del counter[owner]

    def submit(self, bundle: Buffer | Memory, owner: str = "", job_id: str | None = None) -> Job:
        """Queues a checked bundle with an id that has been claimed, or with a new one."""
        job = Job(bundle, owner, job_id or secrets.token_hex(16))
        self._jobs[job.id] = job
        self._waiting.append(job)
        self._number()
        self._work_waits.set()
        log.event("job queued", job=job.id, bytes=len(bundle), waiting=self.waiting)
        return job

    # -- running -------------------------------------------------------------------------------------------------

    async def run_forever(self) -> None:
        """Sends the jobs to the worker, one after another."""
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
        del bundle  # the worker has its own copy now
        await self._run_ended.wait()
        if kept is not None:
            kept.close()

    def watch(self, job: Job) -> None:
        """Requests previews of the job from now on."""
        if not job.watched and job is self._running:
            self._tell(Message(Kind.WATCH, job.id))
        job.watched = True

    def cancel(self, job: Job) -> None:
        """Cancels a waiting or running job; deletes an ended one."""
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
        """Cancels the jobs of all other owners and deletes their results."""
        for job in [job for job in self._jobs.values() if job.owner not in owners]:
            self.cancel(job)

    def models_changed(self) -> None:
        """Lets the worker's engines list their models again."""
        self._soon(self.worker.ask_for_engines())

    def _tell(self, message: Message) -> None:
        self._soon(self.worker.send(message))

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        telling = asyncio.ensure_future(work)
        self._telling.add(telling)  # asyncio itself keeps only weak references
        telling.add_done_callback(self._telling.discard)

    def _kill_if_stuck(self, job: Job) -> None:
        if job is self._running:
            log.event("worker ignores a cancel", job=job.id)
            self.worker.kill()

    # -- messages of the worker ------------------------------------------------------------------------------------

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
        """Orders the waiting jobs so that owners take turns, and updates their positions."""
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

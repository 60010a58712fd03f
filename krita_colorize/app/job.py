"""One job, from packing its request to reading its result; it can be cancelled at any time.

`jobs` manages all jobs. A job has its request and pictures; documents, lists of results and widgets are elsewhere (see
`session`). This is the client side of docs/wire.md.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from krita_colorize.app import client as http
from krita_colorize.app import memory
from krita_colorize.app.backend import BackendState
from krita_colorize.app.client import Call, Client, Events, Failure
from krita_colorize.app.guard import guarded, sentence
from krita_colorize.app.memory import Body
from krita_colorize.app.servers import Servers
from krita_colorize.app.timers import single_shot
from krita_colorize.app.workers import Workers
from krita_colorize.core import job_status
from krita_colorize.core import result as results
from krita_colorize.core.failure_help import OF_JOBS, Cause
from krita_colorize.core.job_status import JobStatus, State
from krita_colorize.core.progress import Progress
from krita_colorize.core.repair import NOTHING_CHANGED
from krita_colorize.core.request import Request
from krita_colorize.core.result import Result
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, Signal

ASK_AGAIN_MS = 3000

SILENT = "The colour engine doesn't answer; still waiting"
"""The backend may be short of memory, or the computer has just resumed from sleep. Its process is alive, so the job
isn't lost."""
HUNG = "The colour engine doesn't answer. Press Restart, or wait."
HUNG_AFTER = 3
"""Number of timeouts in a row. Timeouts are counted instead of seconds, because the computer may sleep during one."""

LOST = "The other machine was restarted, and this job is lost there. Press Colorize to try again."


class JobState(Enum):
    """The states of a job."""

    PACKING = "packing"
    WAITING = "waiting"  # until the backend is ready and earlier jobs are sent
    SENDING = "sending"
    QUEUED = "queued"
    RUNNING = "running"
    RECEIVING = "receiving"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
_WITH_BACKEND = (JobState.SENDING, JobState.QUEUED, JobState.RUNNING, JobState.RECEIVING)


@dataclass(frozen=True)
class Services:
    """The objects that jobs use."""

    backend: Servers
    client: Client
    workers: Workers


class Job(QtCore.QObject):
    """One job. `changed` follows every change of its state or progress; `accepted` is emitted when the backend has
    received the whole request, `previewed` with each new preview (PNG), and `ended` once."""

    changed = Signal()
    accepted = Signal()
    ended = Signal()
    previewed = Signal(object)

    def __init__(self, services: Services, document: str, request: Request, parent: QtCore.QObject) -> None:
        super().__init__(parent)
        self.document = document
        self.request = request
        self.state = JobState.PACKING
        self.progress = Progress()
        self.error = ""
        self.cause: Cause | None = None
        """The cause in the backend, if the job failed and not because of its request."""
        self.result: Result | None = None
        self._services = services
        self._body: Body = QtCore.QByteArray()
        self._id = ""
        # The job's id, chosen by the client, by which the backend detects a repeated request.
        self._key = secrets.token_hex(16)
        self._silences = 0  # timeouts in a row; reset by every answer
        self._ask_timer = single_shot(self, self._go_on)
        self._status = JobStatus()
        self._call: Call | None = None
        self._events: Events | None = None
        self._reconnects = 1
        self._upload_ended = False

    @property
    def active(self) -> bool:
        """Whether the job has not ended."""
        return self.state not in _ENDED

    @property
    def hung(self) -> bool:
        """Whether the local backend hasn't answered for so long that it may never do so."""
        return self.active and self._silences >= HUNG_AFTER and not self._services.backend.remote

    @property
    def _adrift(self) -> bool:
        return self._silences > 0

    @property
    def with_backend(self) -> bool:
        """Whether the request is being sent, or the backend has the job."""
        return self.state in _WITH_BACKEND

    @property
    def words(self) -> str:
        """The job's state as a phrase for the artist."""
        if self._adrift and self.active:
            silent = tr(HUNG if self.hung else SILENT)
            return self._services.backend.starting if self._services.backend.remote else silent
        if self.state is JobState.RUNNING:
            return _stage_words(self._status)
        if self.state is JobState.QUEUED and (before := self._status.position):
            if before == 1:
                return tr("Waiting for 1 other job")
            return tr("Waiting for {count} other jobs", count=before)
        if self.state is JobState.WAITING and self._services.backend.state is BackendState.STARTING:
            return self._services.backend.starting
        return tr(_WORDS[self.state])

    @property
    def left_behind(self) -> str:
        """The id of a cancelled job that may still run in the backend, otherwise ""."""
        return self._key if self._adrift and self.state is JobState.CANCELLED else ""

    def pack(self, pack: Callable[[], Body]) -> None:
        """Starts the job: `pack` reads and packs the pictures on a worker thread."""
        self._services.workers.run(pack, self._on_packed, self._on_error)

    def send(self) -> None:
        """Sends the packed job; the backend must be ready."""
        self._set(JobState.SENDING)
        self._upload_ended = False
        self._call = self._services.client.post_bundle("/v1/jobs", self._body, self._key)
        self._call.sent.connect(self._on_sent)
        self._call.done.connect(self._on_accepted)
        self._call.failed.connect(self._on_not_taken)

    def cancel(self) -> None:
        """Cancels the job in any state, here and in the backend."""
        if not self.active:
            return
        if self._call is not None and self.state is JobState.SENDING and self._upload_ended:
            self._services.client.delete_when_accepted(self._call)
            self._call = None
        self._drop_connections()
        self._forget_at_backend()
        self._end(JobState.CANCELLED)

    def resume(self) -> None:
        """Continues a job whose connection was lost; called when the backend is ready again."""
        if self._adrift:
            self._go_on()

    def fail(self, sentence: str) -> None:
        """Ends the job as failed, with a sentence for the artist."""
        if self.active:
            self._drop_connections()
            self.error = sentence
            self._end(JobState.FAILED)

    report = fail
    """Ends the job if a slot raises an exception."""

    def _set(self, state: JobState) -> None:
        self.state = state
        self.changed.emit()

    def _end(self, state: JobState) -> None:
        self._drop_body()
        self._set(state)
        self.ended.emit()

    def _drop_body(self) -> None:
        memory.close(self._body)
        self._body = QtCore.QByteArray()

    def _drop_connections(self) -> None:
        for connection in (self._call, self._events):
            if connection is not None:
                connection.abort()
        self._call = self._events = None
        self._ask_timer.stop()

    def _forget_at_backend(self) -> None:
        taken = self._id or (self._key if self._adrift else "")
        if taken and self._services.backend.state is BackendState.READY:
            self._services.client.delete(f"/v1/jobs/{taken}")

    @guarded
    def _on_packed(self, body: Body) -> None:
        if not self.active:
            memory.close(body)
            return
        self._body = body
        self.progress.prepared()
        self._set(JobState.WAITING)

    @guarded
    def _on_error(self, error: Exception) -> None:
        self.fail(sentence(error))

    @guarded
    def _on_failure(self, failure: Failure) -> None:
        self._call = None
        if not self._drifts(failure):
            self.fail(_words_of(failure))

    def _drifts(self, failure: Failure | None) -> bool:
        """Handles a lost connection; returns False for other failures. The job may continue in the backend."""
        backend = self._services.backend
        if failure is None or failure.code != "gone":
            return False
        self._silences += 1
        self.changed.emit()
        if backend.remote:
            backend.lost()
        else:  # if the process has ended, `jobs` is notified and ends this job
            self._ask_timer.start(ASK_AGAIN_MS)
        return True

    @guarded
    def _go_on(self) -> None:
        if not self.active or self._call is not None or self._events is not None:
            return
        if self.state is JobState.SENDING:
            self._ask()
        elif self.state is JobState.RECEIVING:
            self._fetch()
        else:
            self._listen()

    def _ask(self) -> None:
        """Asks whether the backend has received the job, because its answer is missing."""
        self._call = self._services.client.get(f"/v1/jobs/{self._key}")
        self._call.done.connect(self._on_accepted)
        self._call.failed.connect(self._on_not_known)

    @guarded
    def _on_not_known(self, failure: Failure) -> None:
        self._call = None
        if failure.code == "unknown_job":
            self._silences = 0
            self.send()
        elif not self._drifts(failure):
            self.fail(failure.message)

    @guarded
    def _on_not_taken(self, failure: Failure) -> None:
        if failure.code == "known_job":  # the machine still waits for the rest of the previous request
            self._call = None
            self._ask_timer.start(ASK_AGAIN_MS)
        else:
            self._on_failure(failure)

    @guarded
    def _on_sent(self, sent: int, total: int) -> None:
        self._upload_ended = 0 < total <= sent
        self.progress.sending(sent, total)
        self.changed.emit()

    @guarded
    def _on_accepted(self, pieces: list[bytes]) -> None:
        self._call, self._silences = None, 0
        self._drop_body()
        self._id = job_status.read(http.read_json(pieces)).id
        self._set(JobState.QUEUED)
        self._listen()
        self.accepted.emit()

    def _listen(self) -> None:
        self._events = self._services.client.events(f"/v1/jobs/{self._id}/events")
        self._events.status.connect(self._on_status)
        self._events.ended.connect(self._on_silence)

    @guarded
    def _on_silence(self, failure: Failure | None) -> None:
        """Listens again after the stream has ended before the job."""
        self._events = None
        if self.state not in (JobState.QUEUED, JobState.RUNNING):
            return
        if self._drifts(failure):
            return
        if self._reconnects > 0:
            self._reconnects -= 1
            self._listen()
        else:
            self.fail(_words_of(failure) if failure else http.GONE)

    @guarded
    def _on_status(self, data: dict[str, Any]) -> None:
        if self.state not in (JobState.QUEUED, JobState.RUNNING):
            return
        self._silences = 0
        status = job_status.read(data)
        before, self._status = self._status.preview, status
        if status.state is State.DONE:
            self._fetch()
        elif status.state is State.FAILED:
            self.cause = OF_JOBS.get(status.error_code)
            told = tr(NOTHING_CHANGED) if status.error_code == "nothing_changed" else status.error
            self.fail(told)
        elif status.state is State.CANCELLED:
            self._end(JobState.CANCELLED)
        elif status.state is State.RUNNING:
            self.progress.stage(status.stage, status.done, status.total)
            self._set(JobState.RUNNING)
            if status.preview > before:
                self._services.client.get(f"/v1/jobs/{self._id}/preview").done.connect(self._on_preview)
        else:
            self._set(JobState.QUEUED)

    @guarded
    def _on_preview(self, pieces: list[bytes]) -> None:
        if self.active:
            self.previewed.emit(b"".join(pieces))

    def _fetch(self) -> None:
        self._set(JobState.RECEIVING)
        self._call = self._services.client.get(f"/v1/jobs/{self._id}/result")
        self._call.received.connect(self._on_received)
        self._call.done.connect(self._on_result)
        self._call.failed.connect(self._on_failure)

    @guarded
    def _on_received(self, received: int, total: int) -> None:
        self._silences = 0
        self.progress.receiving(received, total)
        self.changed.emit()

    @guarded
    def _on_result(self, pieces: list[bytes]) -> None:
        self._call, self._silences = None, 0
        request = self.request
        self._services.workers.run(lambda: results.read(request, pieces), self._on_read, self._on_error)

    @guarded
    def _on_read(self, result: Result) -> None:
        if self.active:
            self.result = result
            self.progress.finished()
            self._forget_at_backend()
            self._end(JobState.DONE)


_WORDS = {
    JobState.PACKING: "Reading the pictures",
    JobState.WAITING: "Waiting for the other jobs",
    JobState.SENDING: "Handing over",
    JobState.QUEUED: "Waiting for the colour engine",
    JobState.RECEIVING: "Fetching the result",
    JobState.DONE: "Done",
    JobState.FAILED: "Failed",
    JobState.CANCELLED: "Cancelled",
}


def _words_of(failure: Failure) -> str:
    return tr(LOST) if failure.code == "unknown_job" else failure.message


def _stage_words(status: JobStatus) -> str:
    stage = tr(status.stage or "Colouring")
    if status.total <= 1:
        return stage
    number = min(status.done + 1, status.total)
    return tr("{stage} ({number} of {count})", stage=stage, number=number, count=status.total)

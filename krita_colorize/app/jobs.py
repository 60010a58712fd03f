"""All running jobs: sends at most `MAX_IN_FLIGHT` of them at a time, fails them if the backend stops, and resumes them
if it returns.

`job` handles a single job.
"""

from __future__ import annotations

from collections.abc import Callable

from krita_colorize.app.backend import BackendState
from krita_colorize.app.guard import guarded
from krita_colorize.app.job import Job, JobState, Services
from krita_colorize.app.memory import Body
from krita_colorize.core.request import Request
from krita_colorize.qt import QtCore, Signal

MAX_IN_FLIGHT = 5
"""Number of jobs that the backend has at a time; Qt opens at most six connections to a host, and each job needs one."""

STOPPED = "The colour engine was stopped before this job was done. Press Colorize to try again."


class Jobs(QtCore.QObject):
    """All jobs that have not ended, of all documents, in the order in which they were started."""

    changed = Signal()

    def __init__(self, services: Services, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._jobs: list[Job] = []
        self._left_behind: list[
            str
        ] = []  # ids of cancelled jobs, to delete in the backend when it is ready again
        services.backend.changed.connect(self._on_backend_changed)

    def start(self, document: str, request: Request, pack: Callable[[], Body]) -> Job:
        """Starts a job, whose body `pack` makes on a worker thread; starts the backend if it isn't running."""
        job = Job(self._services, document, request, self)
        self._jobs.append(job)
        job.changed.connect(self._on_job_changed)
        self._services.backend.need()
        job.pack(pack)
        self.changed.emit()
        return job

    @property
    def working(self) -> bool:
        """Whether any job has not ended."""
        return bool(self._jobs)

    def of(self, document: str) -> list[Job]:
        """The document's jobs that have not ended, oldest first."""
        return [job for job in self._jobs if job.document == document]

    def close(self) -> None:
        """Cancels all jobs."""
        self._services.backend.changed.disconnect(self._on_backend_changed)
        for job in list(self._jobs):
            job.cancel()

    def report(self, sentence: str) -> None:
        """Ends every job as failed, if a slot of this object raises an exception."""
        for job in list(self._jobs):
            job.fail(sentence)

    @guarded
    def _on_job_changed(self) -> None:
        for job in [job for job in self._jobs if not job.active]:
            self._jobs.remove(job)
            self._left_behind += [job.left_behind] if job.left_behind else []
            job.deleteLater()
        self._hand_over()
        self.changed.emit()

    @guarded
    def _on_backend_changed(self) -> None:
        backend = self._services.backend
        if backend.state in (BackendState.ERROR, BackendState.STOPPED):
            for job in [job for job in self._jobs if job.state is not JobState.PACKING]:
                job.fail(backend.message or STOPPED)
        if backend.state is BackendState.READY:
            for left in self._left_behind:
                self._services.client.delete(f"/v1/jobs/{left}")
            self._left_behind.clear()
            for job in list(self._jobs):
                job.resume()
        self._hand_over()
        self.changed.emit()

    def _hand_over(self) -> None:
        for job in list(self._jobs):
            if job.state is not JobState.WAITING:
                continue
            if self._services.backend.state is not BackendState.READY:
                self._services.backend.need()
            elif sum(job.with_backend for job in self._jobs) < MAX_IN_FLIGHT:
                job.send()

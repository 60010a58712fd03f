"""The colour engine's memory use and the free memory; requested when the engine becomes ready and after each job."""

from __future__ import annotations

from collections.abc import Callable

from krita_colorize.app import client as http
from krita_colorize.app.backend import BackendState
from krita_colorize.app.client import Call, Client, Failure
from krita_colorize.app.guard import guarded
from krita_colorize.app.home import LOG
from krita_colorize.app.jobs import Jobs
from krita_colorize.app.servers import Servers
from krita_colorize.core.catalogue import size_words
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, Signal


class Health(QtCore.QObject):
    """The last answer, as `words`. `changed` follows every change of them; `tell` is called with each new `note` of the
    backend (docs/wire.md, Health)."""

    changed = Signal()

    def __init__(
        self,
        backend: Servers,
        client: Client,
        jobs: Jobs,
        tell: Callable[[str], None],
        parent: QtCore.QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.words = ""
        """A sentence for the artist; empty while the backend isn't ready."""
        self._backend, self._client, self._jobs = backend, client, jobs
        self._asking: Call | None = None
        self._was_busy = True
        self._tell, self._note = tell, ""
        backend.changed.connect(self._on_change)
        jobs.changed.connect(self._on_change)
        self._on_change()

    def close(self) -> None:
        """Stops requesting."""
        self._backend.changed.disconnect(self._on_change)

    def report(self, sentence: str) -> None:
        """Only logs the error, because nothing depends on the answer."""
        LOG.warning("the engine's health: %s", sentence)
        self._asking = None

    @guarded
    def _on_change(self) -> None:
        ready = self._backend.state is BackendState.READY
        busy = not ready or self._jobs.working
        asks, self._was_busy = self._was_busy and not busy, busy
        if not ready and self.words:
            self.words = ""
            self.changed.emit()
        if asks and self._asking is None:
            self._asking = self._client.get("/v1/health")
            self._asking.done.connect(self._on_answer)
            self._asking.failed.connect(self._on_failure)

    @guarded
    def _on_answer(self, pieces: list[bytes]) -> None:
        self._asking = None
        answer = http.read_json(pieces)
        note = str(answer.get("note") or "")
        if note and note != self._note:
            self._tell(note)
        self._note = note
        memory = answer.get("memory")
        if isinstance(memory, dict):
            used, free = (size_words(int(memory[name])) for name in ("used", "free"))
            self.words = tr(
                "The colour engine takes {used} of memory; {free} are free.", used=used, free=free
            )
            self.changed.emit()

    @guarded
    def _on_failure(self, failure: Failure) -> None:
        self.report(failure.message)

"""The list of engines; requested whenever the backend becomes ready or its models change."""

from __future__ import annotations

from krita_colorize.app import client as http
from krita_colorize.app.backend import BackendState
from krita_colorize.app.client import Client, Failure
from krita_colorize.app.guard import guarded
from krita_colorize.app.home import LOG
from krita_colorize.app.servers import Servers
from krita_colorize.app.timers import single_shot
from krita_colorize.core import engines
from krita_colorize.qt import QtCore, Signal

ASK_AGAIN_MS = 3000


class EngineList(QtCore.QObject):
    """The backend's last answer, `known`. `changed` follows every answer."""

    changed = Signal()

    def __init__(self, backend: Servers, client: Client, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self.known = engines.BUILT_IN
        self._backend, self._client = backend, client
        self._again = single_shot(self, self.ask)
        backend.changed.connect(self.ask)
        self.ask()

    def close(self) -> None:
        """Stops requesting."""
        self._backend.changed.disconnect(self.ask)
        self._again.stop()

    def report(self, sentence: str) -> None:
        """Keeps the previous list."""
        LOG.warning("the list of engines: %s", sentence)

    @guarded
    def ask(self) -> None:
        """Sends the request if the backend is ready."""
        if self._backend.state is BackendState.READY:
            call = self._client.get("/v1/engines")
            call.done.connect(self._on_engines)
            call.failed.connect(self._on_failure)

    @guarded
    def _on_engines(self, pieces: list[bytes]) -> None:
        self.known = engines.read(http.read_json(pieces)) or engines.BUILT_IN
        self.changed.emit()

    @guarded
    def _on_failure(self, failure: Failure) -> None:
        """Retries after a timeout, because importing the engines may take longer than that."""
        self.report(failure.message)
        if failure.code in ("gone", "not_ready"):
            self._again.start(ASK_AGAIN_MS)

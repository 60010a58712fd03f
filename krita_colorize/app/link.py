"""The connection to a paired machine, with the same interface as `backend.Backend`.

If the machine doesn't answer, it retries with increasing pauses. It gives up only if retrying can't help (another
certificate, a revoked token, another version). The callers report lost jobs.
"""

from __future__ import annotations

from krita_colorize.app import client as http
from krita_colorize.app.backend import BackendState
from krita_colorize.app.client import Client, Failure
from krita_colorize.app.guard import guarded
from krita_colorize.app.home import LOG
from krita_colorize.app.timers import single_shot
from krita_colorize.core import handshake
from krita_colorize.core.errors import UserError
from krita_colorize.core.servers import Server
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, Signal

LONGEST_PAUSE_S = 30


class Link(QtCore.QObject):
    """The connection to one machine. `changed` follows every change of `state` and `message`."""

    changed = Signal()

    def __init__(self, server: Server, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self.server = server
        self.state = BackendState.STOPPED
        self.message = ""
        self._client = Client(lambda: server.address, self)
        self._failures = 0
        self._asking: http.Call | None = None
        self._again = single_shot(self, self._ask)

    @property
    def address(self) -> handshake.Ready | None:
        """The machine's address while it is connected, otherwise None."""
        return self.server.address if self.state is BackendState.READY else None

    @property
    def starting(self) -> str:
        """The status while the machine doesn't answer."""
        if self._failures:
            return tr("No connection to {name}; trying again", name=self.server.name)
        return tr("Connecting to {name}…", name=self.server.name)

    def need(self) -> None:
        """Connects unless it is connected or connecting."""
        if self.state in (BackendState.STARTING, BackendState.READY):
            return
        self._failures = 0
        self._set(BackendState.STARTING)
        self._again.start(0)

    def restart(self) -> None:
        """Disconnects and connects again, for the artist's button."""
        self.stop()
        self.need()

    def stop(self) -> None:
        """Disconnects; jobs on the machine continue."""
        self._again.stop()
        if self._asking is not None:
            self._asking.abort()
            self._asking = None
        self._set(BackendState.STOPPED)

    def lost(self) -> None:
        """Reconnects after a request without an answer: retries until the machine answers."""
        if self.state is BackendState.READY:
            self._on_failure(Failure("gone", http.GONE))

    def report(self, sentence: str) -> None:
        """Sets the state `ERROR`, for errors that retrying can't fix."""
        self._set(BackendState.ERROR, sentence)

    def _set(self, state: BackendState, message: str = "") -> None:
        if (state, message) != (self.state, self.message):
            LOG.info("other machine: %s %s", state.value, message)
            self.state, self.message = state, message
            self.changed.emit()

    @guarded
    def _ask(self) -> None:
        self._asking = self._client.get("/v1/health")
        self._asking.done.connect(self._on_health)
        self._asking.failed.connect(self._on_failure)

    @guarded
    def _on_health(self, pieces: list[bytes]) -> None:
        self._asking = None
        handshake.check_api(http.read_json(pieces).get("api"))
        self._failures = 0
        self._set(BackendState.READY)

    @guarded
    def _on_failure(self, failure: Failure) -> None:
        self._asking = None
        if failure.code != "gone":
            raise UserError(failure.message)
        self._failures += 1
        self.state = BackendState.STARTING
        self._again.start(min(2 ** (self._failures - 1), LONGEST_PAUSE_S) * 1000)
        self.changed.emit()

"""Delays actions that would disturb a stroke until the pen is up (`KritaPort.busy`)."""

from __future__ import annotations

from collections.abc import Callable

from krita_colorize.app.guard import guarded
from krita_colorize.qt import QtCore

RETRY_MS = 250


class PenGate(QtCore.QObject):
    """Runs functions in order, at once if nothing is being painted, otherwise as soon as the pen is up."""

    def __init__(
        self, busy: Callable[[], bool], report: Callable[[str], None], parent: QtCore.QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._busy = busy
        self.report = report
        self._waiting: list[Callable[[], None]] = []
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(RETRY_MS)
        self._timer.timeout.connect(self._on_timeout)

    def when_pen_is_up(self, action: Callable[[], None]) -> None:
        """Calls `action` once the pen is up, after the actions that are already waiting."""
        self._waiting.append(action)
        self._on_timeout()

    def close(self) -> None:
        """Drops the waiting actions."""
        self._waiting.clear()
        self._timer.stop()

    @guarded
    def _on_timeout(self) -> None:
        if self._waiting and self._busy():
            self._timer.start()
            return
        self._timer.stop()
        waiting, self._waiting = self._waiting, []
        for action in waiting:
            self._run(action)

    @guarded
    def _run(self, action: Callable[[], None]) -> None:
        action()

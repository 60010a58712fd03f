"""Supervises the backend process: starts it at first use, watches it, and ends it with Krita. `client` handles HTTP.

The process ends itself when its stdin closes, which happens even if Krita is killed.
"""

from __future__ import annotations

import os
from collections import deque
from enum import Enum
from pathlib import Path

from krita_colorize.app import home as homes
from krita_colorize.app.guard import guarded
from krita_colorize.app.home import LOG
from krita_colorize.app.shared import Shared
from krita_colorize.app.timers import single_shot
from krita_colorize.core import handshake
from krita_colorize.core.errors import UserError
from krita_colorize.core.failure_help import Cause
from krita_colorize.qt import QtCore, Signal

READY_WITHIN_MS = 60_000
_PATIENCE_PIECES = 10
"""`READY_WITHIN_MS` is counted in this many intervals, so that a suspended computer uses up only one of them."""
END_WITHIN_MS = 1500
STEADY_MS = 30_000
"""A process that lives longer than this isn't counted as a failed start."""

_MAX_GREETING_BYTES = 1 << 16


class BackendState(Enum):
    """The state of the process."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    ERROR = "error"  # `message` says what is wrong and what to do


class Backend(QtCore.QObject):
    """Supervises one process. `changed` follows every change of `state` and `message`."""

    changed = Signal()

    def __init__(self, home: Path, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self.home = home
        self.state = BackendState.STOPPED
        self.message = ""
        self.cause: Cause | None = None
        """The failure, if `state` is `ERROR` and it isn't the artist's fault."""
        self.address: handshake.Ready | None = None
        self._log = homes.start_log(home)
        self._process: QtCore.QProcess | None = None
        self._greeting = b""
        self._stderr: deque[str] = deque(maxlen=40)
        self._failures = 0
        self._delay = single_shot(self, self._launch)
        self._pieces = 0
        self._patience = single_shot(self, self._on_piece_over)
        self._steady = single_shot(self, self._on_steady)

    @property
    def last_words(self) -> tuple[str, ...]:
        """The last lines that the process has written to stderr."""
        return tuple(self._stderr)

    def need(self) -> None:
        """Starts the process unless it is running or starting; after failed starts, with an increasing delay."""
        if self.state in (BackendState.STARTING, BackendState.READY):
            return
        self._set(BackendState.STARTING)
        self._delay.start(handshake.back_off_s(self._failures) * 1000)

    def restart(self) -> None:
        """Restarts the process at once in any state, for the artist's button."""
        self.stop()
        self._failures = 0
        self.need()

    def stop(self) -> None:
        """Ends the process deliberately, without an error."""
        self._delay.stop()
        process = self._let_go()
        if process is not None:
            # The process exits when its stdin closes. If it doesn't, the timer kills it; this call doesn't wait.
            process.finished.connect(process.deleteLater)
            QtCore.QTimer.singleShot(END_WITHIN_MS, process.kill)
            process.closeWriteChannel()
        self._set(BackendState.STOPPED)

    def close(self) -> None:
        """Ends the process and waits until it has exited; called when Krita quits."""
        self._delay.stop()
        process = self._let_go()
        if process is not None:
            process.closeWriteChannel()
            if not process.waitForFinished(END_WITHIN_MS):
                process.kill()
                process.waitForFinished(END_WITHIN_MS)
            process.deleteLater()
        self.state = BackendState.STOPPED
        homes.stop_log(self._log)

    def report(self, sentence: str) -> None:
        """Turns an error into the state `ERROR`."""
        self._failures += 1
        process = self._let_go()
        if process is not None:
            process.kill()
            process.deleteLater()
        if self._stderr:
            LOG.warning("the backend's last words:\n%s", "\n".join(self._stderr))
        self._set(BackendState.ERROR, sentence)

    def _set(self, state: BackendState, message: str = "") -> None:
        if (state, message) != (self.state, self.message):
            LOG.info("backend: %s %s", state.value, message)
            self.state, self.message = state, message
            if state is not BackendState.ERROR:
                self.cause = None
            self.changed.emit()

    def _let_go(self) -> QtCore.QProcess | None:
        """Disconnects from the process without ending it; returns it."""
        process, self._process = self._process, None
        self.address = None
        self._patience.stop()
        self._steady.stop()
        if process is not None:
            for signal in (process.readyReadStandardOutput, process.readyReadStandardError):
                signal.disconnect()
            process.finished.disconnect()
            process.errorOccurred.disconnect()
        return process

    @guarded
    def _launch(self) -> None:
        file = self.home / "backend.json"
        command = handshake.read_launch(file.read_text("utf-8") if file.is_file() else None).command
        process = QtCore.QProcess(self)
        self._process, self._greeting = process, b""
        self._stderr.clear()
        environment = QtCore.QProcessEnvironment()
        for name, value in handshake.environment(os.environ, str(self.home)).items():
            environment.insert(name, value)
        process.setProcessEnvironment(environment)
        process.readyReadStandardOutput.connect(self._on_stdout)
        process.readyReadStandardError.connect(self._on_stderr)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._pieces = _PATIENCE_PIECES
        self._patience.start(READY_WITHIN_MS // _PATIENCE_PIECES)
        process.start(command[0], list(command[1:]))

    @guarded
    def _on_stdout(self) -> None:
        assert self._process is not None
        data = self._process.readAllStandardOutput().data()
        if self.state is not BackendState.STARTING:
            return
        self._greeting += data
        line, end, _ = self._greeting.partition(b"\n")
        if end or len(line) > _MAX_GREETING_BYTES:
            self.address = handshake.read_greeting(line)
            self._patience.stop()
            self._steady.start(STEADY_MS)
            self._set(BackendState.READY)

    @guarded
    def _on_stderr(self) -> None:
        assert self._process is not None
        text = self._process.readAllStandardError().data().decode("utf-8", "replace")
        self._stderr.extend(text.splitlines())

    @guarded
    def _on_finished(self, code: int, status: QtCore.QProcess.ExitStatus) -> None:
        crashed = status == QtCore.QProcess.ExitStatus.CrashExit
        ended = Cause.ENDED if self.state is BackendState.READY else Cause.NOT_STARTED
        self.cause = Cause.KILLED if crashed else ended
        raise UserError(handshake.ended(code, crashed=crashed))

    @guarded
    def _on_error(self, error: QtCore.QProcess.ProcessError) -> None:
        if error == QtCore.QProcess.ProcessError.FailedToStart and self._process is not None:
            raise UserError(handshake.failed_to_start(self._process.program()))

    @guarded
    def _on_piece_over(self) -> None:
        self._pieces -= 1
        if self._pieces > 0:
            self._patience.start(READY_WITHIN_MS // _PATIENCE_PIECES)
            return
        self.cause = Cause.NOT_STARTED
        raise UserError(handshake.TOO_SLOW)

    def _on_steady(self) -> None:
        self._failures = 0


_shared = Shared(Backend)
acquire, release = _shared.acquire, _shared.release
"""The process for a home folder, shared by all windows of this Krita."""

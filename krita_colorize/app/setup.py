"""Runs the installation on a thread and reports its state; `krita_colorize.setup` installs.

Only one installation runs at a time. Quitting Krita stops it like Cancel; the next one continues with the downloaded
files.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from krita_colorize.app.guard import sentence
from krita_colorize.app.workers import Workers
from krita_colorize.core.errors import UserError
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, Signal
from krita_colorize.setup import builds, diagnostics, install, pointer, python
from krita_colorize.setup.builds import Build, Hardware
from krita_colorize.setup.download import Stopped
from krita_colorize.setup.install import Order, Progress
from krita_colorize.setup.pointer import Installed, Pointer

LOOK_MS = 200
STOPPED = "Stopped. The downloaded files are kept: Install continues from there."


class Engine(Protocol):
    """The part of the backend's interface that set-up uses."""

    def restart(self) -> None:
        """Restarts the process."""

    def stop(self) -> None:
        """Ends the process."""


@dataclass(frozen=True)
class Machine:
    """What was detected on this machine: hardware, torch builds that fit it, and Python."""

    hardware: Hardware
    builds: tuple[Build, ...]
    python: str  # its version, "" if none was found and one has to be downloaded
    problem: str = ""


class Setup(QtCore.QObject):
    """The model of the set-up page. `changed` follows every change."""

    changed = Signal()

    def __init__(
        self,
        backend: Engine,
        home: Path,
        parent: QtCore.QObject | None = None,
        *,
        bundle: Path = install.BUNDLE,
    ) -> None:
        super().__init__(parent)
        self.home = home
        self.machine: Machine | None = None
        self.progress: Progress | None = None
        self.problem = ""
        self.note = ""
        self._backend, self._bundle = backend, bundle
        self._stop = threading.Event()
        self.destroyed.connect(self._stop.set)  # closing a window doesn't wait for the end of an installation
        self._latest: Progress | None = None  # written by the thread, read by the timer
        self._workers = Workers(self.report, self, threads=1)
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._on_time)
        application = QtCore.QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.close)

    # state

    @property
    def busy(self) -> bool:
        """Whether something is being installed or removed."""
        return self.progress is not None

    @property
    def pointer(self) -> Pointer:
        """The installed version, and the one to go back to."""
        return pointer.read(self.home)

    @property
    def brought(self) -> str:
        """The backend version that is bundled with this docker, "" without one."""
        return install.bundled_version(self._bundle)

    @property
    def unfinished(self) -> bool:
        """Whether an installation was interrupted."""
        return not self.busy and pointer.is_unfinished(self.home)

    @property
    def log_file(self) -> Path:
        """The log of the installation."""
        return self.home / "logs" / "setup.log"

    def report(self, words: str) -> None:
        """Shows one sentence on the page."""
        self.problem = words
        self.changed.emit()

    # what the artist can do

    def look(self) -> None:
        """Detects the hardware on a worker thread, which then sets `machine`."""
        if self.machine is None:
            self._workers.run(lambda: _look(self.home), self._on_machine, self._on_failed)

    def install(self, build: Build, folder: Path | None = None) -> None:
        """Installs, repairs or updates. All three make a new installation beside the present one, then switch to it."""
        order = Order(self.home, build, folder, self._bundle)
        self._begin(tr("Looking for Python"))
        self._workers.run(
            lambda: install.install(order, self._on_progress, self._stop), self._on_installed, self._on_failed
        )

    def cancel(self) -> None:
        """Stops the running installation within a moment."""
        self._stop.set()

    def roll_back(self) -> None:
        """Switches back to the previous version."""
        self.problem = ""
        try:
            self._on_installed(pointer.roll_back(self.home))
        except (UserError, OSError) as error:
            self._on_failed(error)

    def uninstall(self) -> None:
        """Removes the backend; models, results and settings stay."""
        self._backend.stop()
        self._begin(tr("Removing the colour engine"))
        self._workers.run(lambda: pointer.uninstall(self.home), self._on_removed, self._on_failed)

    def save_diagnostics(self, path: Path, facts: dict[str, str]) -> None:
        """Writes the diagnostics, without personal data, to a text file."""

        def work() -> None:
            path.write_text(diagnostics.collect(self.home, facts), "utf-8")

        self._workers.run(work, lambda _: self._say(tr("Saved as {name}.", name=path.name)), self._on_failed)

    def close(self) -> None:
        """Stops and waits for the thread; called when Krita quits."""
        self._stop.set()
        self._timer.stop()
        self._workers.close()

    # progress and results

    def _begin(self, words: str) -> None:
        assert not self.busy, "one at a time"
        self._stop.clear()
        self.problem = self.note = ""
        self.progress = self._latest = Progress(words, 0.0)
        self._timer.start()
        self.changed.emit()

    def _end(self) -> None:
        self._timer.stop()
        self.progress = self._latest = None

    def _on_progress(self, progress: Progress) -> None:
        """Stores the progress; called on the worker thread."""
        self._latest = progress

    def _on_time(self) -> None:
        if self._latest is not None and self._latest != self.progress:
            self.progress = self._latest
            self.changed.emit()

    def _on_machine(self, machine: Machine) -> None:
        self.machine = machine
        self.report(machine.problem)

    def _on_installed(self, installed: Installed) -> None:
        self._end()
        self._backend.restart()
        self._say(tr("Version {version} works and is in use.", version=installed.version))

    def _on_removed(self, _: object) -> None:
        self._end()
        self._say(tr("The colour engine is removed. Models and results are still here."))

    def _on_failed(self, error: Exception) -> None:
        self._end()
        if isinstance(error, Stopped):
            self._say(tr(STOPPED))
        else:
            self.report(tr(sentence(error)))

    def _say(self, words: str) -> None:
        self.note = words
        self.changed.emit()


def _look(home: Path) -> Machine:
    hardware = builds.look()
    found = python.find(home)
    try:
        fitting, problem = builds.fitting(hardware), ""
    except UserError as error:
        fitting, problem = (), tr(str(error))
    return Machine(hardware, fitting, found.version if found else "", problem)

"""Runs the installation on a thread and reports its state; `krita_colorize.setup` installs.

Only one installation runs at a time. Closing Krita stops it like Cancel, and the next start continues from there.
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
    """The backend, as far as set-up concerns it."""

    def restart(self) -> None:
        """Starts it afresh."""

    def stop(self) -> None:
        """Ends it."""


@dataclass(frozen=True)
class Machine:
    """What was found here."""

    hardware: Hardware
    builds: tuple[Build, ...]
    python: str  # its version, "" where one has to be brought
    problem: str = ""


class Setup(QtCore.QObject):
    """The set-up page's model. `changed` says "look again"."""

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
        self.destroyed.connect(self._stop.set)  # a window that is closed doesn't wait for the end
        self._latest: Progress | None = None  # written by the thread, read by the timer
        self._workers = Workers(self.report, self, threads=1)
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._on_time)
        application = QtCore.QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.close)

    # how everything stands

    @property
    def busy(self) -> bool:
        """Whether something is being installed or removed."""
        return self.progress is not None

    @property
    def pointer(self) -> Pointer:
        """What is installed."""
        return pointer.read(self.home)

    @property
    def brought(self) -> str:
        """The version that this docker brings, "" where it brings none."""
        return install.bundled_version(self._bundle)

    @property
    def unfinished(self) -> bool:
        """Whether an installation was interrupted."""
        return not self.busy and pointer.is_unfinished(self.home)

    @property
    def log_file(self) -> Path:
        """Where every step is written down."""
        return self.home / "logs" / "setup.log"

    def report(self, words: str) -> None:
        """Shows one sentence on the page."""
        self.problem = words
        self.changed.emit()

    # what the artist can do

    def look(self) -> None:
        """Looks at the machine; `machine` is there a moment later."""
        if self.machine is None:
            self._workers.run(lambda: _look(self.home), self._on_machine, self._on_failed)

    def install(self, build: Build, folder: Path | None = None) -> None:
        """Installs, repairs or updates: all three make a new installation beside what is there, then switch."""
        order = Order(self.home, build, folder, self._bundle)
        self._begin(tr("Looking for Python"))
        self._workers.run(
            lambda: install.install(order, self._on_progress, self._stop), self._on_installed, self._on_failed
        )

    def cancel(self) -> None:
        """Stops what runs, within a moment."""
        self._stop.set()

    def roll_back(self) -> None:
        """Goes back to the version before this one."""
        self.problem = ""
        try:
            self._on_installed(pointer.roll_back(self.home))
        except (UserError, OSError) as error:
            self._on_failed(error)

    def uninstall(self) -> None:
        """Removes the colour engine; models, results and settings stay."""
        self._backend.stop()
        self._begin(tr("Removing the colour engine"))
        self._workers.run(lambda: pointer.uninstall(self.home), self._on_removed, self._on_failed)

    def save_diagnostics(self, path: Path, facts: dict[str, str]) -> None:
        """Writes the redacted text for helpers."""

        def work() -> None:
            path.write_text(diagnostics.collect(self.home, facts), "utf-8")

        self._workers.run(work, lambda _: self._say(tr("Saved as {name}.", name=path.name)), self._on_failed)

    def close(self) -> None:
        """Stops and waits: for the end of Krita."""
        self._stop.set()
        self._timer.stop()
        self._workers.close()

    # what happens

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
        """Called on the thread."""
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

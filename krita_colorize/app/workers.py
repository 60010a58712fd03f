"""Runs slow functions on worker threads and passes their results to the GUI thread.

The functions only use values; they never use widgets, Krita or QObjects of the GUI thread.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from krita_colorize.app.guard import guarded
from krita_colorize.qt import QtCore, Signal

T = TypeVar("T")

SWITCH_S = 0.0005
"""Python's switch interval while a worker thread runs: how long it keeps the interpreter lock (GIL) while the GUI
thread waits for it. Python's default of 5 ms adds up, because one run of the event loop waits for the lock many
times."""


class Workers(QtCore.QObject):
    """A small pool of worker threads."""

    _ended = Signal(object, object)

    def __init__(
        self, report: Callable[[str], None], parent: QtCore.QObject | None = None, *, threads: int = 2
    ) -> None:
        super().__init__(parent)
        self.report = report
        self._pool = QtCore.QThreadPool()
        self._pool.setMaxThreadCount(threads)
        self._ended.connect(self._on_ended)
        self._polite = _Politeness()
        self._closed = False

    def run(
        self, work: Callable[[], T], then: Callable[[T], None], failed: Callable[[Exception], None]
    ) -> None:
        """Calls `work` on a thread, then `then` with its result or `failed` with its error on the GUI thread."""

        def call() -> None:
            try:
                with self._polite.at_work():
                    result = work()
            except Exception as error:  # noqa: BLE001 - the border of a thread; the error is passed on
                self._hand_back(failed, error)
            else:
                self._hand_back(then, result)

        self._pool.start(_Task(call))

    def close(self) -> None:
        """Waits for the running functions and drops their results."""
        self._closed = True
        self._pool.clear()
        self._pool.waitForDone()

    def _hand_back(self, callback: Callable[..., None], value: object) -> None:
        with suppress(RuntimeError):  # the window was closed meanwhile, which deletes this QObject
            self._ended.emit(callback, value)

    @guarded
    def _on_ended(self, callback: Callable[[object], None], value: object) -> None:
        if not self._closed:
            callback(value)


class _Politeness:
    """Shortens the interpreter's switch interval while any thread works."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._working = 0
        self._usual_s = sys.getswitchinterval()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Counts a running function during the `with` block; called on its thread."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            if not self._working:
                self._usual_s = sys.getswitchinterval()
            self._working += change
            sys.setswitchinterval(SWITCH_S if self._working else self._usual_s)


class _Task(QtCore.QRunnable):
    def __init__(self, call: Callable[[], None]) -> None:
        super().__init__()
        self._call = call

    def run(self) -> None:
        self._call()

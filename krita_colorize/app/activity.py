"""Counts the work for each document that isn't a job: decoding results, waiting for the pen, reading layers.

`status` shows it, so that "Ready" means that the result is visible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from krita_colorize.qt import QtCore, Signal


class Activity(QtCore.QObject):
    """Counts the running work in each document."""

    changed = Signal()
    reads = Signal()  # Krita is about to block the GUI thread by reading layers: repaint the status now

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._counts: Counter[str] = Counter()
        self._read = ""

    def of(self, document: str) -> bool:
        """Whether any work is running for this document."""
        return self._counts[document] > 0

    def begin(self, document: str) -> Task:
        """Starts a task for a document; the caller ends it."""
        self._count(document, 1)
        return Task(lambda: self._count(document, -1))

    def is_read(self, document: str) -> bool:
        """Whether Krita is reading the document's layers now."""
        return self._read == document

    @contextmanager
    def reading(self, document: str) -> Iterator[None]:
        """Marks that Krita reads the document's layers during the `with` block."""
        self._read = document
        self.reads.emit()
        try:
            yield
        finally:
            self._read = ""

    def _count(self, document: str, change: int) -> None:
        self._counts[document] += change
        self.changed.emit()


class Task:
    """A running task. Ending it again has no effect."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end: Callable[[], None] | None = end

    def end(self) -> None:
        """Ends the task."""
        end, self._end = self._end, None
        if end is not None:
            end()

    def ends(self, callback: Callable[..., None]) -> Callable[..., None]:
        """Wraps a callback so that the task ends after it, also if it raises."""

        def call(*arguments: Any) -> None:
            try:
                callback(*arguments)
            finally:
                self.end()

        return call

"""Saves results to disk, so that they survive a crash and can be repaired later, and restores them with a document.

There is one file for each result in `COLORIZE_HOME/results/DOCUMENT/`, written atomically. All files together take at
most `BUDGET_BYTES`; the oldest are deleted first. Reading and writing happen on worker threads.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from pathlib import Path

from krita_colorize.app import files, pictures
from krita_colorize.app.document import RESULTS_BYTES, DocumentModel, Item, Restored
from krita_colorize.app.guard import sentence
from krita_colorize.app.home import LOG
from krita_colorize.app.workers import Workers
from krita_colorize.core import saved_results
from krita_colorize.core.saved_results import SavedResult
from krita_colorize.qt import QtCore

FOLDER = "results"
BUDGET_BYTES = 2 << 30
MAX_RESTORED = 40
SUFFIX = ".clz"


class History(QtCore.QObject):
    """Saves, restores and deletes results."""

    def __init__(
        self,
        home: Path,
        workers: Workers,
        report: Callable[[str], None],
        parent: QtCore.QObject | None = None,
        *,
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        super().__init__(parent)
        self.report = report
        self._folder = home / FOLDER
        self._workers = workers
        self._budget_bytes = budget_bytes
        self._lock = threading.Lock()
        self._turns = itertools.count(1)
        self._written: dict[Path, int] = {}

    def keep(self, model: DocumentModel, item: Item) -> None:
        """Saves a result in its present state; does nothing until its `base` is known."""
        if item.base is None:
            return
        found = SavedResult(item.result, item.base, model.document_id, item.made, item.group_id)
        path = self._folder / model.document_id / f"{item.made}{SUFFIX}"
        turn = next(self._turns)
        item.path = path
        self._workers.run(lambda: self._write(path, found, turn), lambda _: None, self._on_error)

    def forget(self, model: DocumentModel, item: Item) -> None:
        """Deletes a result's file, unless it belongs to the document of which this one is a copy."""
        path, turn = item.path, next(self._turns)
        if path is not None and path.parent.name == model.document_id:
            self._workers.run(lambda: self._delete(path, turn), lambda _: None, self._on_error)

    def restore(self, model: DocumentModel) -> None:
        """Reads the saved results of a document that has just been opened."""
        folders = [self._folder / document for document in model.document_ids]
        self._workers.run(lambda: _read_all(folders), model.add_restored, self._on_error)

    def _write(self, path: Path, found: SavedResult, turn: int) -> None:
        parts = SavedResult(
            found.result.compact(), found.base, found.document, found.made, found.group_id
        ).parts()
        with self._lock:
            if self._written.get(path, 0) > turn:
                return  # a later state of the same result has been written already
            self._written[path] = turn
            files.put(path, parts)
            files.prune(self._folder.glob(f"*/*{SUFFIX}"), self._budget_bytes, path)

    def _delete(self, path: Path, turn: int) -> None:
        with self._lock:
            self._written[path] = turn
            path.unlink(missing_ok=True)

    def _on_error(self, error: Exception) -> None:
        if isinstance(error, OSError):  # for example a full disk, which must not stop the artist
            LOG.warning("a result can't be kept: %s", error)
        else:
            self.report(sentence(error))


def _read_all(folders: list[Path]) -> list[Restored]:
    """The newest results in these folders, newest first; unreadable files are skipped."""
    paths = [path for folder in folders for path in folder.glob(f"*{SUFFIX}") if path.stem.isdigit()]
    paths.sort(key=lambda path: int(path.stem), reverse=True)
    found: list[Restored] = []
    total = 0
    for path in paths[:MAX_RESTORED]:
        try:
            data = path.read_bytes()
            one = saved_results.read(data)
            preview = pictures.read_data(one.result.preview_png, path.name, pictures.THUMBNAIL_SIDE)
        except (OSError, LookupError, TypeError, ValueError) as error:
            LOG.warning("a kept result can't be read: %s", error)
            continue
        total += len(data)
        if found and total > RESULTS_BYTES:
            break
        found.append(Restored(one, preview, path))
    return found

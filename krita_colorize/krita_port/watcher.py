"""Detects changes in a Krita window: of the document, the layers, the active layer, and all undoable changes.

It only reads. Each check compares the present state with the previous one and reports the differences. A timer runs a
check twice a second. The models of the Layers and Undo History dockers, if they are found, trigger earlier checks and
report every stroke.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from krita import Window

from krita_colorize.core.port import Change, LayerInfo
from krita_colorize.krita_port import canvas, wrappers
from krita_colorize.qt import QtCore

POLL_MS = 500
SOON_MS = 40

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DocumentState:
    """The state of a window: the document's key, its layers and the active one."""

    document: str = ""
    layers: tuple[LayerInfo, ...] = ()
    active: str | None = None


class Watcher(QtCore.QObject):
    """Watches one window; `look` returns the present state, and may do other regular work of the port."""

    def __init__(self, window: Window, look: Callable[[], DocumentState]) -> None:
        super().__init__()
        self._window = window
        self._look_now = look
        self._callbacks: list[Callable[[Change], None]] = []
        self._last = DocumentState()
        self._steps = -1
        self._touched = False
        self._followed: Sequence[QtCore.QObject | None] = (None, None, None)
        self._links: list[tuple[QtCore.QObject, Any, Callable[..., None]]] = []
        self._soon = QtCore.QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON_MS)
        self._soon.timeout.connect(self._look)
        self._poll = QtCore.QTimer(self)
        self._poll.setInterval(POLL_MS)
        self._poll.timeout.connect(self._look)

    def watch(self, callback: Callable[[Change], None]) -> None:
        """Calls `callback` at every change from now on; the first call starts the timer."""
        self._callbacks.append(callback)
        if not self._poll.isActive():
            self._last = self._look_now()
            self._connect()
            self._poll.start()

    def close(self) -> None:
        """Stops watching permanently."""
        self._poll.stop()
        self._soon.stop()
        self._callbacks.clear()
        self._disconnect()

    def _look(self) -> None:
        try:
            for change in self._changes():
                for callback in list(self._callbacks):
                    callback(change)
        except Exception:  # noqa: BLE001 - event-loop border: Krita would open a modal dialog
            log.exception("could not look at the window")

    def _changes(self) -> list[Change]:
        last, now = self._last, self._look_now()
        self._last = now
        self._connect()
        touched, self._touched = self._touched or self._stepped(), False
        if now.document != last.document:
            return [Change.DOCUMENT]
        found = [
            (now.layers != last.layers, Change.LAYERS),
            (now.active != last.active, Change.ACTIVE_LAYER),
            (touched, Change.CONTENT),
        ]
        return [change for is_so, change in found if is_so]

    def _stepped(self) -> bool:
        """Whether the length of the undo history has changed since the last check."""
        model = canvas.history_model(self._window)
        steps = model.rowCount() if model is not None else -1
        before, self._steps = self._steps, steps
        return steps != before

    def _connect(self) -> None:
        """Connects to the dockers' models, which Krita replaces when the document changes."""
        tree = canvas.layers_view(self._window)
        layers = tree.model() if tree is not None else None
        selection = tree.selectionModel() if tree is not None else None
        history = canvas.history_model(self._window)
        wanted = (layers, selection, history)
        if all(new is old for new, old in zip(wanted, self._followed, strict=True)):
            return
        self._disconnect()
        if layers is not None:
            for signal in (layers.rowsInserted, layers.rowsRemoved, layers.modelReset, layers.dataChanged):
                self._link(layers, signal, self._on_layers)
        if selection is not None:
            self._link(selection, selection.currentChanged, self._on_layers)
        if history is not None:
            self._link(history, history.modelReset, self._on_history)
        self._followed = wanted

    def _link(self, sender: QtCore.QObject, signal: Any, slot: Callable[..., None]) -> None:
        signal.connect(slot)
        self._links.append((sender, signal, slot))

    def _disconnect(self) -> None:
        for sender, signal, slot in self._links:
            if not wrappers.gone(sender):
                signal.disconnect(slot)
        self._links.clear()
        self._followed = (None, None, None)

    def _on_layers(self, *_what: object) -> None:
        self._soon.start()

    def _on_history(self) -> None:
        self._touched = True
        self._soon.start()

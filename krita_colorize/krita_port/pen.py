"""Detects whether the pen is down or was a moment ago. Changing a document then would cut off or destroy the stroke.

Qt knows the state of the mouse buttons; an event filter on the canvas widget detects tablet events and releases.
"""

from __future__ import annotations

import time

from krita_colorize.qt import QtCore, QtWidgets

REST_S = 0.3
"""Time in seconds after the release in which Krita may still be adding the stroke to the document."""

_DOWN = (QtCore.QEvent.Type.TabletPress, QtCore.QEvent.Type.MouseButtonPress)
_UP = (QtCore.QEvent.Type.TabletRelease, QtCore.QEvent.Type.MouseButtonRelease)


class Pen(QtCore.QObject):
    """Follows the pen on one canvas widget at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._canvas: QtWidgets.QWidget | None = None
        self._down = False
        self._last_s = 0.0

    def follow(self, canvas: QtWidgets.QWidget | None) -> None:
        """Watches this canvas widget from now on, and no longer the previous one."""
        if canvas is self._canvas:
            return
        self._down = False
        self._canvas = canvas
        if canvas is not None:
            canvas.installEventFilter(self)
            canvas.destroyed.connect(self._forget)

    def busy(self) -> bool:
        """Whether the pen is down or was down less than `REST_S` ago."""
        if QtWidgets.QApplication.mouseButtons() != QtCore.Qt.MouseButton.NoButton:
            self._last_s = time.monotonic()
            return True
        return self._down or time.monotonic() - self._last_s < REST_S

    def eventFilter(  # noqa: N802 - Qt's name
        self, watched: QtCore.QObject | None, event: QtCore.QEvent | None
    ) -> bool:
        """Notes presses and releases; doesn't block any events."""
        if watched is self._canvas and event is not None:
            if event.type() in _DOWN:
                self._down = True
                self._last_s = time.monotonic()
            elif event.type() in _UP:
                self._down = False
                self._last_s = time.monotonic()
        return False

    def _forget(self) -> None:
        self._canvas = None
        self._down = False

"""Receives a click on the canvas before Krita paints with it, and returns its position in the picture.

Like the overlay, this doesn't work on a rotated, mirrored or wrapped canvas, where the picture's position is unknown.
"""

from __future__ import annotations

from collections.abc import Callable

from krita import Window

from krita_colorize.krita_port import canvas as canvases
from krita_colorize.krita_port.view import target_of
from krita_colorize.qt import IS_QT6, QtCore, QtGui, QtWidgets

_PRESSES = (
    QtCore.QEvent.Type.MouseButtonPress,
    QtCore.QEvent.Type.MouseButtonDblClick,  # the second of two quick clicks
    QtCore.QEvent.Type.TabletPress,
)
_SWALLOWED = (
    *_PRESSES,
    QtCore.QEvent.Type.MouseMove,
    QtCore.QEvent.Type.TabletMove,
)
_RELEASES = (QtCore.QEvent.Type.MouseButtonRelease, QtCore.QEvent.Type.TabletRelease)


class Picker(QtCore.QObject):
    """Waits for one click on one canvas."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self._window = window
        self._canvas: QtWidgets.QWidget | None = None
        self._picked: Callable[[int, int], None] | None = None
        self._pressed = False

    def start(self, picked: Callable[[int, int], None]) -> bool:
        """Calls `picked` with the position (image pixels) of the next click on the active view's canvas.

        Returns False if that isn't possible.
        """
        self.stop()
        canvas, view = canvases.canvas_widget(self._window), self._window.activeView()
        if canvas is None or view is None or target_of(self._window) is None:
            return False
        self._canvas, self._picked = canvas, picked
        # The filter is on the application, because Krita installs its own on the canvas again at each pointer entry.
        application = QtWidgets.QApplication.instance()
        assert application is not None, "Krita is an application"
        application.installEventFilter(self)
        return True

    def stop(self) -> None:
        """Stops waiting; clicks paint again."""
        application = QtWidgets.QApplication.instance()
        if self._canvas is not None and application is not None:
            application.removeEventFilter(self)
        self._canvas = self._picked = None
        self._pressed = False

    def eventFilter(  # noqa: N802 - Qt's name
        self, watched: QtCore.QObject | None, event: QtCore.QEvent | None
    ) -> bool:
        """Blocks the events of pen and mouse between the press and the release."""
        if event is None or watched is not self._canvas:
            return False
        if event.type() in _PRESSES:
            self._pressed = True
        if event.type() in _RELEASES and self._pressed:
            place = _place(event)
            # Called later, not from the filter, because the callback may open a menu or remove the filter.
            QtCore.QTimer.singleShot(0, lambda: self._pick(place))
            return True
        return event.type() in _SWALLOWED and self._pressed

    def _pick(self, place: QtCore.QPointF) -> None:
        picked, target = self._picked, target_of(self._window)
        view = self._window.activeView()
        self.stop()
        document = view.document() if view is not None else None
        if picked is None or target is None or document is None or not target.contains(place):
            return
        scale = document.width() / target.width()
        x, y = (place - target.topLeft()).x() * scale, (place - target.topLeft()).y() * scale
        picked(min(int(x), document.width() - 1), min(int(y), document.height() - 1))


def _place(event: QtCore.QEvent) -> QtCore.QPointF:
    assert isinstance(event, QtGui.QMouseEvent | QtGui.QTabletEvent)
    if IS_QT6:
        return event.position()
    return event.localPos() if isinstance(event, QtGui.QMouseEvent) else event.posF()

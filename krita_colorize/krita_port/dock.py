"""Registers a docker in Krita, which makes a frame for each of its windows; the caller provides its widget."""

from __future__ import annotations

import logging
from collections.abc import Callable

from krita import Canvas, DockWidget, DockWidgetFactory, DockWidgetFactoryBase, Krita, Window

from krita_colorize.krita_port import placing, unstarted, wrappers
from krita_colorize.krita_port.port import LibKisPort
from krita_colorize.qt import QtCore, QtGui, QtWidgets

log = logging.getLogger(__name__)

SHOWN = "shown"
"""Key in the plugin's group of Krita's settings: whether the docker has shown itself once."""


def register(name: str, title: str, make: Callable[[LibKisPort], QtWidgets.QWidget]) -> None:
    """Registers a docker; `make` is called with the port once for each Krita window, when the window exists."""

    class Frame(DockWidget):
        """One docker in one window."""

        def __init__(self) -> None:
            super().__init__()
            self.setWindowTitle(title)
            # Krita makes its dockers before plugins can find their window.
            QtCore.QTimer.singleShot(0, self._fill)

        def canvasChanged(self, canvas: Canvas | None) -> None:  # noqa: N802 - Krita's name
            """Called by Krita whenever the active view changes; the first view with a document shows the docker."""
            if canvas is not None and canvas.view() is not None:
                # Later, because Krita restores the positions of its dockers after this call.
                QtCore.QTimer.singleShot(0, self._show_once)

        def _show_once(self) -> None:
            """Shows the docker once, because Krita 5.2 and later hide every new docker."""
            if not _was_shown(name):
                Krita.instance().writeSetting(name, SHOWN, "true")
                self.show()
                placing.share_place(self)

        def _fill(self) -> None:
            window = _window_of(self)
            if window is None:
                log.error("the docker is in no window of Krita's")
                return
            try:
                port = LibKisPort(window)
                port.prepare()
                self.setWidget(make(port))
                if not _was_shown(name):
                    placing.share_place(self)
            except Exception as error:  # noqa: BLE001 - event-loop border: Krita would open a modal dialog
                self.setWidget(unstarted.notice(error))

    factory = DockWidgetFactory(name, DockWidgetFactoryBase.DockPosition.DockRight, Frame)
    Krita.instance().addDockWidgetFactory(factory)


def _was_shown(name: str) -> bool:
    return Krita.instance().readSetting(name, SHOWN, "") == "true"


def icon(name: str) -> QtGui.QIcon:
    """One of Krita's own icons, tinted for the theme."""
    return Krita.instance().icon(name)


def _window_of(dock: QtWidgets.QWidget) -> Window | None:
    """The window that a docker belongs to, also if it floats."""
    parent = dock.parentWidget()
    return next((window for window in wrappers.windows() if window.qwindow() is parent), None)

"""Shows an error in the docker's place, and in Krita's log, if the docker can't start.

It uses as few other modules as possible, because any of them may be the one that fails.
"""

from __future__ import annotations

import traceback

from krita import Canvas, DockWidget, DockWidgetFactory, DockWidgetFactoryBase, Krita

from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtWidgets

NAME = "colorize_unstarted"


def tell(error: Exception) -> None:
    """Registers a docker that says why the plugin couldn't start; it shows itself with the first picture."""

    class Frame(DockWidget):
        """The docker in one window."""

        def __init__(self) -> None:
            super().__init__()
            self.setWindowTitle("Colorize")
            self.setWidget(notice(error))
            self._shown = False

        def canvasChanged(self, canvas: Canvas | None) -> None:  # noqa: N802 - Krita's name
            """Called by Krita at every change of view; shows the docker, because newer Kritas hide new dockers."""
            if canvas is not None and canvas.view() is not None and not self._shown:
                self._shown = True
                QtCore.QTimer.singleShot(0, self.show)

    factory = DockWidgetFactory(NAME, DockWidgetFactoryBase.DockPosition.DockRight, Frame)
    Krita.instance().addDockWidgetFactory(factory)


def notice(error: Exception) -> QtWidgets.QLabel:
    """A label with the error, which can be copied; also writes the error to Krita's log."""
    details = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    QtCore.qCritical(f"Krita Colorize could not start\n{details}")
    sentence = tr(
        "Krita Colorize could not start: {error}\n\n"
        "Install its newest version. If that doesn't help, report all of this text."
    ).format(error=f"{type(error).__name__}: {error}")
    label = QtWidgets.QLabel(f"{sentence}\n\n{details}")
    label.setObjectName(NAME + "_label")
    label.setTextFormat(QtCore.Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setMargin(8)
    label.setAlignment(QtCore.Qt.AlignmentFlag.AlignTop)
    label.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
    return label

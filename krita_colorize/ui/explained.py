"""A row of small pictures: a model's inputs, an arrow, and an example of its results."""

from __future__ import annotations

from krita_colorize.core.explained import FOLDER, TITLES, Explained
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui, QtWidgets

_SIDE = 72
_SIGN = 22
"""Width of a plus or an arrow in pixels."""


class ExplainedPicture(QtWidgets.QWidget):
    """Draws the pictures of an `Explained`, smaller if the widget is narrow."""

    def __init__(self, what: Explained, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._names = (*what.inputs, what.outcome)
        self._pictures = [QtGui.QPixmap(str(FOLDER / f"{name}.png")) for name in self._names]
        words = " + ".join(tr(TITLES[name]) for name in what.inputs) + " → " + tr(TITLES[what.outcome])
        self.setObjectName("explained_picture")
        self.setAccessibleName(words)
        self.setToolTip(words)
        self.setFixedHeight(_SIDE)

    def paintEvent(self, _: QtGui.QPaintEvent | None) -> None:
        """Draws the pictures, with signs in the text's colour between them."""
        signs = len(self._pictures) - 1
        side = min(_SIDE, (self.width() - signs * _SIGN) // len(self._pictures))
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
        left = 0
        for number, picture in enumerate(self._pictures):
            if number:
                sign = "→" if number == signs else "+"
                place = QtCore.QRect(left, 0, _SIGN, side)
                painter.drawText(place, QtCore.Qt.AlignmentFlag.AlignCenter, sign)
                left += _SIGN
            painter.drawPixmap(QtCore.QRect(left, 0, side, side), picture)
            left += side
        painter.end()

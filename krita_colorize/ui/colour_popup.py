"""A popup with swatches at the pointer: the likely colours of a region, large, then the whole palette.

It is a frameless popup like Krita's own palette; a click elsewhere closes it. 1 to 9 choose a likely colour, the arrow
keys and Enter any colour, N goes to the next place to check, Escape closes. With Shift only that region is changed.
"""

from __future__ import annotations

from collections.abc import Sequence

from krita_colorize.app.guard import guarded
from krita_colorize.app.session import Session
from krita_colorize.core.corrections import NO_COLOUR, Offer, Swatch
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui, QtWidgets, Signal

LIKELY_SIDE, PALETTE_SIDE = 40, 22
"""Sides of the swatches in pixels; the likely ones are large enough for pens."""

_COLUMNS = 12
_AWAY = 14  # distance from the pointer in pixels, so that the region stays visible
_GAP = 3
_DIGITS = tuple("123456789")
_KEYS = QtCore.Qt.Key
_ARROWS = {
    _KEYS.Key_Left: (-1, 0),
    _KEYS.Key_Right: (1, 0),
    _KEYS.Key_Up: (0, -1),
    _KEYS.Key_Down: (0, 1),
}


class ColourPopup(QtWidgets.QFrame):
    """The popup. `chosen` carries a swatch, and whether it is only for the clicked region; `next_wanted` asks for the
    next place to check."""

    chosen = Signal(object, bool)
    next_wanted = Signal()

    def __init__(self, session: Session, parent: QtWidgets.QWidget) -> None:
        super().__init__(parent, QtCore.Qt.WindowType.Popup)
        self.report = session.report
        self.setObjectName("colour_popup")
        self.setAccessibleName(tr("Colours for this region"))
        self.setFrameShape(QtWidgets.QFrame.Shape.StyledPanel)
        self._rows: list[list[SwatchButton]] = []
        self._numbered: list[SwatchButton] = []
        self._layout = QtWidgets.QVBoxLayout(self)
        self._layout.setContentsMargins(6, 6, 6, 6)
        self._layout.setSpacing(_GAP)
        self._content: QtWidgets.QWidget | None = None

    def open_at(self, offer: Offer, point: QtCore.QPoint) -> None:
        """Shows an offer beside a point of the screen."""
        self._fill(offer)
        self.adjustSize()
        screen = QtWidgets.QApplication.screenAt(point) or QtWidgets.QApplication.primaryScreen()
        assert screen is not None
        area, corner = screen.availableGeometry(), point + QtCore.QPoint(_AWAY, _AWAY)
        if corner.x() + self.width() > area.right():
            corner.setX(max(area.left(), point.x() - _AWAY - self.width()))
        if corner.y() + self.height() > area.bottom():
            corner.setY(max(area.top(), point.y() - _AWAY - self.height()))
        self.move(corner)
        self.show()
        self._rows[0][0].setFocus(QtCore.Qt.FocusReason.PopupFocusReason)

    def keyPressEvent(self, event: QtGui.QKeyEvent | None) -> None:
        """Handles digits, arrows, Enter, N and Escape."""
        if event is None:
            return
        key, alone = event.key(), _shift(event)
        number = int(event.text()) if event.text() in _DIGITS else 0
        arrow = next((step for arrow, step in _ARROWS.items() if arrow == key), None)
        if key == _KEYS.Key_Escape:
            self.hide()
        elif key == _KEYS.Key_N:
            self.hide()
            self.next_wanted.emit()
        elif arrow is not None:
            self._step(*arrow)
        elif key in (_KEYS.Key_Return, _KEYS.Key_Enter, _KEYS.Key_Space):
            self._choose(self._focused(), alone=alone)
        elif 0 < number <= len(self._numbered):
            self._choose(self._numbered[number - 1], alone=alone)
        else:
            super().keyPressEvent(event)

    def _fill(self, offer: Offer) -> None:
        """Replaces the buttons by those of an offer."""
        if self._content is not None:
            self._layout.removeWidget(self._content)
            self._content.deleteLater()
        self._content = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(self._content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2 * _GAP)
        self._numbered = [
            self._button(swatch, LIKELY_SIDE, str(number)) for number, swatch in enumerate(offer.likely, 1)
        ]
        first = [*self._numbered, self._button(NO_COLOUR, LIKELY_SIDE, "")]
        rest = [self._button(swatch, PALETTE_SIDE, "") for swatch in offer.palette]
        self._rows = [first, *(rest[start : start + _COLUMNS] for start in range(0, len(rest), _COLUMNS))]
        for row in self._rows:
            column.addLayout(_line(row))
        said = QtWidgets.QLabel(_words(offer))
        said.setObjectName("colour_popup_label")
        said.setEnabled(False)
        column.addWidget(said)
        self._layout.addWidget(self._content)

    def _button(self, swatch: Swatch, side: int, number: str) -> SwatchButton:
        button = SwatchButton(swatch, side, number)
        button.clicked.connect(lambda: self._choose(button, alone=_shift_is_down()))
        return button

    @guarded
    def _choose(self, button: SwatchButton | None, *, alone: bool) -> None:
        if button is not None:
            self.hide()
            self.chosen.emit(button.swatch, alone)

    def _focused(self) -> SwatchButton | None:
        widget = self.focusWidget()
        return widget if isinstance(widget, SwatchButton) else None

    def _step(self, across: int, down: int) -> None:
        """Moves the focus to the next swatch in the row, or to the nearest one in the row above or below."""
        now = self._focused()
        place = next(
            ((y, row.index(now)) for y, row in enumerate(self._rows) if now is not None and now in row),
            (0, 0),
        )
        y = min(max(0, place[0] + down), len(self._rows) - 1)
        row = self._rows[y]
        if down:
            middle = self._rows[place[0]][place[1]].geometry().center().x()
            x = min(range(len(row)), key=lambda number: abs(row[number].geometry().center().x() - middle))
        else:
            x = min(max(0, place[1] + across), len(row) - 1)
        row[x].setFocus(QtCore.Qt.FocusReason.TabFocusReason)


class SwatchButton(QtWidgets.QAbstractButton):
    """A square button of one colour with its number; no colour is shown as a crossed-out square."""

    def __init__(self, swatch: Swatch, side: int, number: str) -> None:
        super().__init__()
        self.swatch = swatch
        self._number = number
        words = swatch.shown or tr("No colour: keep it transparent")
        self.setToolTip(words)
        self.setAccessibleName(words)
        self.setFixedSize(side, side)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)

    def keyPressEvent(self, event: QtGui.QKeyEvent | None) -> None:
        """Passes all keys to the popup."""
        if event is not None:
            event.ignore()

    def enterEvent(self, _event: QtCore.QEvent | None) -> None:
        """Moves the focus to the swatch under the pointer, so that Enter chooses it."""
        self.setFocus(QtCore.Qt.FocusReason.MouseFocusReason)

    def paintEvent(self, _event: QtGui.QPaintEvent | None) -> None:
        """Draws the colour, the number and the focus."""
        painter = QtGui.QPainter(self)
        area, palette = self.rect(), self.palette()
        if self.swatch.shown:
            colour = QtGui.QColor(self.swatch.shown)
            painter.fillRect(area, colour)
            ink = QtGui.QColor("#000000" if colour.lightness() > 127 else "#ffffff")
        else:
            painter.fillRect(area, palette.base())
            ink = palette.text().color()
            painter.setPen(QtGui.QPen(QtGui.QColor("#d02020"), 2))
            painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
            painter.drawLine(area.bottomLeft(), area.topRight())
        if self._number:
            painter.setPen(ink)
            painter.drawText(area.adjusted(3, 1, -3, -1), QtCore.Qt.AlignmentFlag.AlignTop, self._number)
        edge = palette.highlight().color() if self.hasFocus() else QtGui.QColor(128, 128, 128)
        width = 3 if self.hasFocus() else 1
        painter.setPen(QtGui.QPen(edge, width))
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing, on=False)
        inset = width // 2
        painter.drawRect(area.adjusted(inset, inset, -inset - 1, -inset - 1))
        painter.end()


def _words(offer: Offer) -> str:
    more = len(offer.same) - 1
    if not more:
        return tr("N: next to check · Esc: close")
    return tr("Also {count} similar ones · Shift: only this one\nN: next to check · Esc: close", count=more)


def _line(buttons: Sequence[QtWidgets.QWidget]) -> QtWidgets.QHBoxLayout:
    layout = QtWidgets.QHBoxLayout()
    layout.setSpacing(_GAP)
    for button in buttons:
        layout.addWidget(button)
    layout.addStretch(1)
    return layout


def _shift(event: QtGui.QKeyEvent) -> bool:
    return bool(event.modifiers() & QtCore.Qt.KeyboardModifier.ShiftModifier)


def _shift_is_down() -> bool:
    pressed = QtWidgets.QApplication.keyboardModifiers()
    return bool(pressed & QtCore.Qt.KeyboardModifier.ShiftModifier)

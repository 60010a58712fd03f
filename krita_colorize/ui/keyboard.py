"""Going through the docker by Tab, and into it from the canvas by a key.

Krita's windows send Shift+Tab to the canvas wherever it is pressed; here it goes to the control before. At its ends
the docker begins anew: the key that leads into it (`core.actions`) leads out of it, too.
"""

from __future__ import annotations

from krita_colorize.qt import QtCore, QtWidgets


def stops(top: QtWidgets.QWidget) -> list[QtWidgets.QWidget]:
    """The controls inside of a widget that Tab leads to now, in order."""
    found, widget = [], top.nextInFocusChain()
    while widget is not None and widget is not top:
        if top.isAncestorOf(widget) and _takes_tab(widget):
            found.append(widget)
        widget = widget.nextInFocusChain()
    return found


def step(top: QtWidgets.QWidget, *, forward: bool) -> bool:
    """Leads the focus to the next control inside of a widget, or to the one before; whether there is one."""
    chain = stops(top)
    if not chain:
        return False
    now = QtWidgets.QApplication.focusWidget()
    place = chain.index(now) if now in chain else (-1 if forward else 0)
    reason = QtCore.Qt.FocusReason.TabFocusReason if forward else QtCore.Qt.FocusReason.BacktabFocusReason
    chain[(place + (1 if forward else -1)) % len(chain)].setFocus(reason)
    return True


class Way(QtCore.QObject):
    """The key's way into a widget and back to where the keyboard was."""

    def __init__(self, top: QtWidgets.QWidget) -> None:
        super().__init__(top)
        self._top = top
        self._before: QtWidgets.QWidget | None = None

    def go(self, target: QtWidgets.QWidget) -> None:
        """Into the widget, to `target` where that can be used; or, from inside, back."""
        now = QtWidgets.QApplication.focusWidget()
        if now is not None and self._top.isAncestorOf(now):
            self._go_back(now)
            return
        self._before = now
        frame = self._top.parentWidget()
        if isinstance(frame, QtWidgets.QDockWidget):
            frame.show()
            frame.raise_()
        first = target if target.isEnabled() else next(iter(stops(self._top)), target)
        first.setFocus(QtCore.Qt.FocusReason.ShortcutFocusReason)

    def _go_back(self, now: QtWidgets.QWidget) -> None:
        before, self._before = self._before, None
        try:
            (before or now).setFocus(QtCore.Qt.FocusReason.ShortcutFocusReason)
        except RuntimeError:  # Krita has deleted it since
            now.clearFocus()


def _takes_tab(widget: QtWidgets.QWidget) -> bool:
    tab = QtCore.Qt.FocusPolicy.TabFocus
    takes = (widget.focusPolicy() & tab) == tab and widget.focusProxy() is None
    return takes and widget.isVisible() and widget.isEnabled()

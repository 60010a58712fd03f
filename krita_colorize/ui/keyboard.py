"""Keyboard navigation: Tab through the docker, a key into it from the canvas, and Alt with letters in its windows.

Krita's windows send Shift+Tab to the canvas; in the docker it goes to the previous control. Tab wraps around at the
docker's ends, and the key that leads into the docker (`core.actions`) also leads out of it. The docker has no letters,
because Alt and a letter open Krita's menus, with different letters in every language.
"""

from __future__ import annotations

from krita_colorize.qt import QtCore, QtWidgets


def stops(top: QtWidgets.QWidget) -> list[QtWidgets.QWidget]:
    """The controls inside a widget that Tab can reach now, in tab order."""
    found, widget = [], top.nextInFocusChain()
    while widget is not None and widget is not top:
        if top.isAncestorOf(widget) and _takes_tab(widget):
            found.append(widget)
        widget = widget.nextInFocusChain()
    return found


def step(top: QtWidgets.QWidget, *, forward: bool) -> bool:
    """Moves the focus to the next or previous control inside a widget; returns False if there is none."""
    chain = stops(top)
    if not chain:
        return False
    now = QtWidgets.QApplication.focusWidget()
    place = chain.index(now) if now in chain else (-1 if forward else 0)
    reason = QtCore.Qt.FocusReason.TabFocusReason if forward else QtCore.Qt.FocusReason.BacktabFocusReason
    chain[(place + (1 if forward else -1)) % len(chain)].setFocus(reason)
    return True


def give_letters(window: QtWidgets.QWidget) -> None:
    """Gives every button and label of a window another mnemonic (Alt and a letter).

    Controls inside scroll areas get none, because they repeat. It is called again after texts have changed.
    """
    taken: set[str] = set()
    for widget in _lettered(window):
        text = widget.text().replace("&", "")
        words = [place for place in range(len(text)) if not text[:place] or text[place - 1] == " "]
        place = next((i for i in (*words, *range(len(text))) if _is_free(text[i], taken)), None)
        if place is not None:
            taken.add(text[place].lower())
            text = f"{text[:place]}&{text[place:]}"
        widget.setText(text)


class FocusShortcut(QtCore.QObject):
    """Moves the focus into a widget, and back to the widget that had it before."""

    def __init__(self, top: QtWidgets.QWidget) -> None:
        super().__init__(top)
        self._top = top
        self._before: QtWidgets.QWidget | None = None

    def go(self, target: QtWidgets.QWidget) -> None:
        """Moves the focus to `target`, or to the first control if that is disabled; from inside the widget, back."""
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
        except RuntimeError:  # Krita has deleted the widget
            now.clearFocus()


def _lettered(window: QtWidgets.QWidget) -> list[QtWidgets.QAbstractButton | QtWidgets.QLabel]:
    found = [
        widget
        for widget in window.findChildren(QtWidgets.QWidget)
        if isinstance(widget, QtWidgets.QAbstractButton)
        or (isinstance(widget, QtWidgets.QLabel) and widget.buddy() is not None)
    ]
    return [widget for widget in found if widget.text() and not _in_list(widget, window)]


def _in_list(widget: QtWidgets.QWidget, window: QtWidgets.QWidget) -> bool:
    parent = widget.parentWidget()
    while parent is not None and parent is not window:
        if isinstance(parent, QtWidgets.QAbstractScrollArea):
            return True
        parent = parent.parentWidget()
    return False


def _is_free(letter: str, taken: set[str]) -> bool:
    return letter.isascii() and letter.isalpha() and letter.lower() not in taken


def _takes_tab(widget: QtWidgets.QWidget) -> bool:
    tab = QtCore.Qt.FocusPolicy.TabFocus
    takes = (widget.focusPolicy() & tab) == tab and widget.focusProxy() is None
    return takes and widget.isVisible() and widget.isEnabled()

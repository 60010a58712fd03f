"""Controls the mouse pointer on a session's display: clicks widgets, chooses from combo boxes and menus, draws strokes.

Widgets are found by their Qt object names. The events come from the X server (xdotool), so a widget that is covered by
another can't be clicked, as for an artist.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from colorizer_lab.krita.session import Session

REST_S = 0.08
"""Pause between moving and pressing, so that Qt has processed the movement."""
POPUP_S = 30
"""Time limit for a list or menu to open or close."""


def click(session: Session, name: str) -> None:
    """Clicks a widget."""
    _press(session, session.call(_widget_centre, name=name))


def choose(session: Session, combo: str, value: str) -> None:
    """Opens a combo box and clicks the entry with this user data."""
    _pick(session, _opened(session, combo, _entry_centre, combo=combo, value=value))


def choose_action(session: Session, button: str, text: str) -> None:
    """Opens a button's menu and clicks the entry with this text."""
    _pick(session, _opened(session, button, _action_centre, text=text))


def stroke(session: Session, points: Sequence[Sequence[int]]) -> None:
    """Drags through points of the screen with the left button held down."""
    press(session, points[0])
    for point in points[1:]:
        move(session, point)
    release(session)


def press(session: Session, point: Sequence[int]) -> None:
    """Presses the left button at a point."""
    session.xdotool("mousemove", *point, "sleep", REST_S, "mousedown", 1)


def move(session: Session, point: Sequence[int]) -> None:
    """Moves the pointer."""
    session.xdotool("mousemove", *point, "sleep", 0.01)


def release(session: Session) -> None:
    """Releases the left button at a point."""
    session.xdotool("sleep", 0.02, "mouseup", 1)


def _press(session: Session, point: Sequence[int]) -> None:
    session.xdotool("mousemove", *point, "sleep", REST_S, "click", 1)


def _opened(session: Session, name: str, entry: Callable[..., Any], **wanted: str) -> Any:
    """Clicks a widget, and once more if its list or menu doesn't open, because clicks get lost on busy machines."""
    click(session, name)
    try:
        return session.wait_until(entry, **wanted, timeout_s=POPUP_S / 2)
    except TimeoutError:
        click(session, name)
        return session.wait_until(entry, **wanted, timeout_s=POPUP_S)


def _pick(session: Session, entry: Sequence[int]) -> None:
    """Clicks an entry of an open list or menu and waits until it has closed, because it would take the next click."""
    _press(session, entry)
    try:
        session.wait_until(_no_popup, timeout_s=5)
    except (
        TimeoutError
    ):  # Qt ignores clicks on a list that has just opened; on a busy machine this can last long
        _press(session, entry)
        session.wait_until(_no_popup, timeout_s=POPUP_S)


def _widget_centre(name: str) -> Any:
    """Runs inside Krita: scrolls a widget into view and returns its centre in screen pixels."""
    window = krita.Krita.instance().activeWindow().qwindow()  # type: ignore[name-defined] # noqa: F821
    found = window.findChild(krita.QWidget, name)  # type: ignore[name-defined] # noqa: F821
    if found is None or not found.isVisible():
        raise LookupError(f"no visible widget is called {name}")
    parent = found.parentWidget()
    while parent is not None:
        if hasattr(parent, "ensureWidgetVisible"):
            parent.ensureWidgetVisible(found)
        parent = parent.parentWidget()
    centre, ratio = found.mapToGlobal(found.rect().center()), found.devicePixelRatioF()
    return [round(centre.x() * ratio), round(centre.y() * ratio)]


def _entry_centre(combo: str, value: str) -> Any:
    """Runs inside Krita: the centre of an entry of an open combo box in screen pixels, None while it isn't open."""
    window = krita.Krita.instance().activeWindow().qwindow()  # type: ignore[name-defined] # noqa: F821
    box = window.findChild(krita.QComboBox, combo)  # type: ignore[name-defined] # noqa: F821
    row = box.findData(value)
    if row < 0:
        entries = [box.itemData(i) for i in range(box.count())]
        raise LookupError(f"{combo} has no entry {value!r}, only {entries}")
    view = box.view()
    if not view.isVisible():
        return None
    index = view.model().index(row, box.modelColumn(), view.rootIndex())
    view.scrollTo(index)
    centre = view.viewport().mapToGlobal(view.visualRect(index).center())
    return [centre.x(), centre.y()]


def _no_popup() -> bool:
    """Runs inside Krita: whether no list or menu is open."""
    return krita.QApplication.instance().activePopupWidget() is None  # type: ignore[name-defined] # noqa: F821


def _action_centre(text: str) -> Any:
    """Runs inside Krita: the centre of an entry of the open menu in screen pixels, None while no menu is open."""
    application = krita.QApplication.instance()  # type: ignore[name-defined] # noqa: F821
    menu = application.activePopupWidget()
    if menu is None or not hasattr(menu, "actionGeometry"):
        return None
    action = next((a for a in menu.actions() if a.text().strip() == text), None)
    if action is None:
        raise LookupError(f"the menu has no entry {text!r}, only {[a.text() for a in menu.actions()]}")
    centre = menu.mapToGlobal(menu.actionGeometry(action).center())
    return [centre.x(), centre.y()]

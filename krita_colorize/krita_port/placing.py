"""Where a new docker goes in Krita's window: behind the tabs of dockers that share a place already.

A docker below the others would add its height to the least height of the window; behind tabs it adds none as long as
it asks for no more than they do. Artists move dockers as they like: this happens once.
"""

from __future__ import annotations

from collections.abc import Sequence

from krita_colorize.qt import QtCore, QtWidgets

LAYERS = "KisLayerBox"
"""Krita's Layers docker, which is needed beside ours."""

HEIGHT = 420
"""What the docker gets, px, where the others can spare it: enough for what every job needs."""


def share_place(dock: QtWidgets.QDockWidget) -> None:
    """Puts a docker in front of others of its side, if there are any beside the Layers docker, and makes it high."""
    main = dock.parentWidget()
    if not isinstance(main, QtWidgets.QMainWindow) or not is_in_place(dock):
        return
    if not beside(main, dock):
        side = main.dockWidgetArea(dock)
        others = [
            other
            for other in main.findChildren(QtWidgets.QDockWidget)
            if other is not dock and main.dockWidgetArea(other) == side and is_in_place(other)
        ]
        chosen = choose([(other, beside(main, other)) for other in others])
        if chosen is None:
            return
        main.tabifyDockWidget(chosen, dock)
    dock.raise_()
    main.resizeDocks([dock], [HEIGHT], QtCore.Qt.Orientation.Vertical)


def choose(
    groups: Sequence[tuple[QtWidgets.QDockWidget, Sequence[QtWidgets.QDockWidget]]],
) -> QtWidgets.QDockWidget | None:
    """The docker with the most tabs beside it, because a first tab bar takes height, too; else the lowest one."""
    free = [
        (dock, tabs) for dock, tabs in groups if LAYERS not in {one.objectName() for one in (dock, *tabs)}
    ]
    return max(free, key=lambda group: len(group[1]), default=(None, ()))[0]


def beside(main: QtWidgets.QMainWindow, dock: QtWidgets.QDockWidget) -> list[QtWidgets.QDockWidget]:
    """The dockers that share a place with one and can be seen."""
    return [other for other in main.tabifiedDockWidgets(dock) if is_in_place(other)]


def is_in_place(dock: QtWidgets.QDockWidget) -> bool:
    """Whether a docker is switched on and in the window; another tab may hide it."""
    return not dock.isHidden() and not dock.isFloating()

"""Places a new docker in Krita's window: in the tabs of other dockers.

A docker below the others would add its height to the window's minimum height; in tabs it adds none if its own minimum
height isn't larger than theirs. This is done only once, because artists arrange dockers themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

from krita_colorize.qt import QtCore, QtWidgets

LAYERS = "KisLayerBox"
"""Krita's Layers docker, which has to stay visible beside this docker."""

HEIGHT = 420
"""The docker's height in pixels, if the other dockers leave enough space; enough for the controls of every job."""


def share_place(dock: QtWidgets.QDockWidget) -> None:
    """Puts a docker into the tabs of others at its side, if there are any beside the Layers docker, and enlarges it."""
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
    """The docker that is tabbed with the most others, because a new tab bar needs height, too; the first one if none
    has tabs; None if all share their tabs with Layers. `groups`: each docker with those in its tabs."""
    free = [
        (dock, tabs) for dock, tabs in groups if LAYERS not in {one.objectName() for one in (dock, *tabs)}
    ]
    return max(free, key=lambda group: len(group[1]), default=(None, ()))[0]


def beside(main: QtWidgets.QMainWindow, dock: QtWidgets.QDockWidget) -> list[QtWidgets.QDockWidget]:
    """The visible dockers in the same tabs as a docker."""
    return [other for other in main.tabifiedDockWidgets(dock) if is_in_place(other)]


def is_in_place(dock: QtWidgets.QDockWidget) -> bool:
    """Whether a docker is enabled and inside the window, also if another tab is in front."""
    return not dock.isHidden() and not dock.isFloating()

"""Finds widgets of a Krita window for which Krita has no API: the canvas and the models of two dockers.

They are found by Qt object names and classes. The functions return None for widgets that aren't found, and their
callers work without them.
"""

from __future__ import annotations

from krita import Window

from krita_colorize.qt import QtCore, QtWidgets

CANVASES = ("KisOpenGLCanvas2", "KisQPainterCanvas")


def scroll_area(window: Window) -> QtWidgets.QAbstractScrollArea | None:
    """The scroll area around the canvas of the active view."""
    centre = window.qwindow().centralWidget()
    area = centre.findChild(QtWidgets.QMdiArea) if centre is not None else None
    active = area.activeSubWindow() if area is not None else None
    view = active.widget() if active is not None else None
    if view is None:
        return None
    inside = view.findChildren(QtWidgets.QAbstractScrollArea)
    candidates = [view, *inside] if isinstance(view, QtWidgets.QAbstractScrollArea) else inside
    return next((area for area in candidates if class_name(area) == "KisCanvasController"), None)


def canvas_widget(window: Window) -> QtWidgets.QWidget | None:
    """The widget that shows the picture in the active view."""
    area = scroll_area(window)
    if area is None:
        return None
    return next((w for w in area.findChildren(QtWidgets.QWidget) if class_name(w) in CANVASES), None)


def layers_view(window: Window) -> QtWidgets.QAbstractItemView | None:
    """The tree of the Layers docker."""
    return _view(window, "KisLayerBox", "listLayers")


def history_model(window: Window) -> QtCore.QAbstractItemModel | None:
    """The list of the Undo History docker: one row for each undo step, the current row is the present."""
    view = history_view(window)
    return view.model() if view is not None else None


def history_view(window: Window) -> QtWidgets.QAbstractItemView | None:
    """The list view of the Undo History docker."""
    return _view(window, "History", "")


def class_name(qobject: QtCore.QObject) -> str:
    """The C++ class of a Qt object."""
    meta = qobject.metaObject()
    return (meta.className() or "") if meta is not None else ""


def _view(window: Window, docker: str, name: str) -> QtWidgets.QAbstractItemView | None:
    dock = window.qwindow().findChild(QtWidgets.QDockWidget, docker)
    if dock is None:
        return None
    views = dock.findChildren(QtWidgets.QAbstractItemView)
    return next((view for view in views if not name or view.objectName() == name), None)

"""Finds the picture's position on the canvas of a window's active view, and scrolls the canvas to a place of it.

Krita 5.2 and later have functions for the position; before, it is computed from the zoom level and the scroll bars. The
canvas is scrolled by its scroll bars in all versions. On a rotated, mirrored or wrapped canvas the position is unknown.
"""

from __future__ import annotations

from krita import Canvas, Document, View, Window

from krita_colorize.krita_port import canvas as canvases
from krita_colorize.krita_port.capabilities import probe
from krita_colorize.qt import QtCore, QtWidgets

POINTS_PER_INCH = 72.0


def target_of(window: Window) -> QtCore.QRectF | None:
    """The picture's rectangle on the canvas widget of the active view (logical pixels);
    None if the canvas isn't straight."""
    area, view = canvases.scroll_area(window), window.activeView()
    document = view.document() if view is not None else None
    if area is None or view is None or document is None or not is_straight(view.canvas()):
        return None
    return lies(area, view, document)


def is_straight(canvas: Canvas) -> bool:
    """Whether the canvas is neither rotated nor mirrored nor wrapped."""
    return not (canvas.rotation() or canvas.mirror() or canvas.wrapAroundMode())


def lies(area: QtWidgets.QAbstractScrollArea, view: View, document: Document) -> QtCore.QRectF:
    """The document's rectangle on the canvas of its view (logical pixels); the canvas must be straight."""
    picture = QtCore.QRectF(0, 0, document.width(), document.height())
    if probe().view_transforms:
        image_to_flake, _ = view.flakeToImageTransform().inverted()
        return (image_to_flake * view.flakeToCanvasTransform()).mapRect(picture)
    # In the versions of Krita without a transform, the zoom level depends on the picture's resolution.
    scale = view.canvas().zoomLevel() * POINTS_PER_INCH / document.resolution()
    horizontal, vertical = area.horizontalScrollBar(), area.verticalScrollBar()
    assert horizontal is not None
    assert vertical is not None
    corner = QtCore.QPointF(-horizontal.value(), -vertical.value())
    return QtCore.QRectF(corner, picture.size() * scale)


def look_at(window: Window, document: Document, place: QtCore.QRectF) -> bool:
    """Scrolls so that a rectangle of the picture (image pixels) is in the middle, unless all of it is visible.

    Returns whether the position is known.
    """
    area, target = canvases.scroll_area(window), target_of(window)
    canvas = canvases.canvas_widget(window)
    if area is None or target is None or canvas is None:
        return False
    scale = target.width() / document.width()
    shown = QtCore.QRectF(place.topLeft() * scale + target.topLeft(), place.size() * scale)
    if not QtCore.QRectF(canvas.rect()).contains(shown):
        move = shown.center() - QtCore.QRectF(canvas.rect()).center()
        for bar, by in ((area.horizontalScrollBar(), move.x()), (area.verticalScrollBar(), move.y())):
            assert bar is not None
            bar.setValue(bar.value() + round(by))
    return True


def on_screen(window: Window, document: Document, place: QtCore.QPointF) -> tuple[int, int] | None:
    """The screen position (logical pixels) of a point of the picture (image pixels); None if unknown or not visible."""
    target, canvas = target_of(window), canvases.canvas_widget(window)
    if target is None or canvas is None:
        return None
    scale = target.width() / document.width()
    point = (place * scale + target.topLeft()).toPoint()
    if not canvas.rect().contains(point):
        return None
    shown = canvas.mapToGlobal(point)
    return shown.x(), shown.y()

"""Where the picture lies on the canvas of a window's active view, and scrolling the canvas to a place of it.

Krita's interface doesn't tell the one and can't do the other: both go by the scroll bars around the canvas. On a
rotated, mirrored or wrapped canvas nothing is known.
"""

from __future__ import annotations

from krita import Canvas, Document, Window

from krita_colorize.krita_port import canvas as canvases
from krita_colorize.qt import QtCore, QtWidgets

POINTS_PER_INCH = 72.0


def target_of(window: Window) -> QtCore.QRectF | None:
    """Where the picture of the active view lies on its canvas widget (logical px); None where it lies askew."""
    area, view = canvases.scroll_area(window), window.activeView()
    document = view.document() if view is not None else None
    if area is None or view is None or document is None or not is_straight(view.canvas()):
        return None
    return lies(area, view.canvas(), document)


def is_straight(canvas: Canvas) -> bool:
    """Whether the canvas is neither rotated nor mirrored nor wrapped."""
    return not (canvas.rotation() or canvas.mirror() or canvas.wrapAroundMode())


def lies(area: QtWidgets.QAbstractScrollArea, canvas: Canvas, document: Document) -> QtCore.QRectF:
    """Where a document lies on a straight canvas."""
    # In logical pixels: on a HiDPI screen Krita's zoom level already counts them.
    scale = canvas.zoomLevel() * POINTS_PER_INCH / document.resolution()
    horizontal, vertical = area.horizontalScrollBar(), area.verticalScrollBar()
    assert horizontal is not None
    assert vertical is not None
    width, height = document.width() * scale, document.height() * scale
    return QtCore.QRectF(-horizontal.value(), -vertical.value(), width, height)


def look_at(window: Window, document: Document, place: QtCore.QRectF) -> bool:
    """Scrolls so that a place of the picture (image px) is in the middle, unless all of it is in sight; whether the
    place is known."""
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

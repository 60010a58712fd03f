"""The check view: circles the places of a result to check, steps through them, or selects their regions.

The circles are an overlay and don't change the document. The places come from the engine (`core.check`).
"""

from __future__ import annotations

from collections.abc import Callable

from krita_colorize.app import pictures
from krita_colorize.app.canvas import Canvas
from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.guard import sentence
from krita_colorize.app.workers import Workers
from krita_colorize.core import check
from krita_colorize.core.check import Place, PlaceKind
from krita_colorize.core.errors import UserError
from krita_colorize.core.port import KritaPort, Pixels
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui, Signal

SIDE = 2048
"""Longer side of the overlay with the circles, in pixels."""

COLOURS = {PlaceKind.DOUBTFUL: "#ff9500", PlaceKind.UNPAINTED: "#ff2dd4", PlaceKind.LEAK: "#ff3b30"}
CURRENT = "#00b4ff"


class Checks(QtCore.QObject):
    """Steps through the places of a document's result. `changed` follows every change of `places`, `index` or
    `shown`."""

    changed = Signal()

    def __init__(
        self,
        port: KritaPort,
        workers: Workers,
        canvas: Canvas,
        report: Callable[[str], None],
        parent: QtCore.QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.report = report
        self.places: tuple[Place, ...] = ()
        self.index = -1
        self.shown = False
        self._port = port
        self._workers = workers
        self._canvas = canvas
        self._item: Item | None = None
        self._changes = -1

    def follow(self, model: DocumentModel | None) -> None:
        """Takes the places of the result that Redo would repair; called after every change of the results."""
        item = model.applied() if model is not None else None
        if item is self._item and (item is None or item.changes == self._changes):
            return
        same, before, index = item is self._item, self.places, self.index
        self._item, self._changes = item, item.changes if item is not None else -1
        self.places = check.places(item.result) if item is not None else ()
        self.index = -1
        if same and index >= 0:  # continues after the previous place, which may be corrected by now
            place = before[index]
            self.index = (
                self.places.index(place) if place in self.places else min(index, len(self.places)) - 1
            )
        self.changed.emit()

    def show(self, model: DocumentModel, *, on: bool) -> None:
        """Shows or hides the circles over the canvas."""
        self.shown = on
        if not on:
            self._canvas.hide()
        elif self.places:
            self._lay(model)
        self.changed.emit()

    def step(self, model: DocumentModel, by: int) -> None:
        """Steps to the next (1) or previous (-1) place, scrolls to it and shows the circles."""
        if not self.places:
            raise UserError(tr("There is nothing to check in this result."))
        self.index = (
            (self.index + by) % len(self.places)
            if self.index >= 0
            else (0 if by > 0 else len(self.places) - 1)
        )
        place = self.places[self.index]
        self._port.look_at(model.info.key, place.x, place.y, place.width, place.height)
        self.show(model, on=True)

    def select(self, model: DocumentModel) -> None:
        """Sets the document's selection to the regions of all places."""
        item = self._item
        if item is None or not self.places:
            raise UserError(tr("There is nothing to check in this result."))

        def then(mask: Pixels | None) -> None:
            if mask is not None and not model.closed:
                self._port.set_selection(model.info.key, mask)

        self._workers.run(lambda: check.mask(item.result), then, lambda error: self.report(sentence(error)))

    def _lay(self, model: DocumentModel) -> None:
        places, index, info = self.places, self.index, model.info
        below = self._below(model)

        def work() -> bytes:
            return pictures.to_png(_circles(places, index, info.width, info.height, below))

        def then(png: bytes) -> None:
            if self.shown and not model.closed:
                self._canvas.show(info.key, png)

        self._workers.run(work, then, lambda error: self.report(sentence(error)))

    def _below(self, model: DocumentModel) -> bytes:
        """The PNG below the circles: the result's preview, or nothing if the result is in the document."""
        item = self._item
        return b"" if item is None or model.lies_here(item) else item.result.preview_png


def _circles(places: tuple[Place, ...], index: int, width: int, height: int, below: bytes) -> QtGui.QImage:
    scale = min(1.0, SIDE / max(width, height))
    image = QtGui.QImage(
        max(1, round(width * scale)), max(1, round(height * scale)), QtGui.QImage.Format.Format_ARGB32
    )
    image.fill(QtCore.Qt.GlobalColor.transparent)
    painter = QtGui.QPainter(image)
    painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
    if below:
        painter.drawImage(QtCore.QRectF(image.rect()), QtGui.QImage.fromData(below))
    thin = max(2.0, max(image.width(), image.height()) / 400)
    # The current one last: places may have the same outline.
    for number, place in sorted(enumerate(places), key=lambda one: one[0] == index):
        current = number == index
        ring = _ring(place, scale, thin)
        for colour, pen in (("#ffffff", 2.2), (CURRENT if current else COLOURS[place.kind], 1.0)):
            painter.setPen(QtGui.QPen(QtGui.QColor(colour), thin * pen * (2 if current else 1)))
            painter.drawEllipse(ring)
    painter.end()
    return image


def _ring(place: Place, scale: float, thin: float) -> QtCore.QRectF:
    """An ellipse around the place, with a minimum size."""
    box = QtCore.QRectF(place.x * scale, place.y * scale, place.width * scale, place.height * scale)
    wide, high = (max(side * 1.4, thin * 12) for side in (box.width(), box.height()))
    ring = QtCore.QRectF(0, 0, wide, high)
    ring.moveCenter(box.center())
    return ring

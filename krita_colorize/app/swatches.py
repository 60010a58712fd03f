"""The swatches of a result on the canvas: highlights the regions of a swatch, and finds the swatch under a click.

Both use a small map of the colours (`core.swatches`), computed on a worker thread once for each state of a result.
"""

from __future__ import annotations

from collections.abc import Callable

from krita_colorize.app import pictures
from krita_colorize.app.canvas import Canvas
from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.guard import guarded, sentence
from krita_colorize.app.workers import Workers
from krita_colorize.core.errors import UserError
from krita_colorize.core.port import KritaPort
from krita_colorize.core.swatches import ColourMap, Swatch, colour_map
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui, Signal

SHADE = QtGui.qRgba(0, 0, 0, 160)
"""The colour over everything that isn't highlighted."""


class Swatches(QtCore.QObject):
    """`changed` follows when `map` or `picking` changes; `picked` carries a clicked colour (#rrggbb)."""

    changed = Signal()
    picked = Signal(str)

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
        self.map: ColourMap | None = None
        self.picking = False
        self._port = port
        self._workers = workers
        self._canvas = canvas
        self._followed: tuple[int, int] | None = None  # a result's number and state
        self._document = ""

    def follow(self, model: DocumentModel | None) -> None:
        """Computes the map of the palette's result unless it is known; called after every change of the results."""
        item = model.applied() if model is not None else None
        followed = (item.number, item.changes) if item is not None else None
        if followed == self._followed:
            return
        self._followed, self.map = followed, None
        self._document = model.info.key if model is not None else ""
        self.stop_picking()
        if item is not None:
            self._find(item, followed)

    def light(self, swatch: Swatch | None) -> bool:
        """Highlights the regions of a swatch on the canvas. Returns False for None or without a map; the caller then
        shows the result again."""
        if swatch is None or self.map is None or not self._document:
            return False
        self._canvas.show(self._document, pictures.to_png(lit(self.map, swatch)))
        return True

    def pick(self) -> None:
        """Lets clicks on the canvas choose swatches instead of painting, until `stop_picking`."""
        if self.map is None:
            raise UserError(tr("There is no palette yet: press Colorize first."))
        if not self._port.pick(self._on_picked):
            raise UserError(tr("Clicks on this canvas can't be received. Use a hint layer instead."))
        self.picking = True
        self.changed.emit()

    def stop_picking(self) -> None:
        """Lets clicks paint again."""
        if self.picking:
            self.picking = False
            self._port.pick(None)
        self.changed.emit()

    def _find(self, item: Item, followed: tuple[int, int] | None) -> None:
        request, colours = item.result.request, item.result.palette

        def work() -> ColourMap:
            return colour_map(item.result.layers(), colours, request.width, request.height)

        def then(found: ColourMap) -> None:
            if followed == self._followed:
                self.map = found
                self.changed.emit()

        self._workers.run(work, then, lambda error: self.report(sentence(error)))

    @guarded
    def _on_picked(self, document: str, x: int, y: int) -> None:
        if self.picking and self.map is not None and document == self._document:
            colour = self.map.at(x, y)
            if colour:
                self.picked.emit(colour)
            self._port.pick(self._on_picked)  # again, because it receives only one click
        else:
            self.stop_picking()


def lit(where: ColourMap, swatch: Swatch) -> QtGui.QImage:
    """The regions of a swatch in their colours, everything else in `SHADE`."""
    image = QtGui.QImage(
        where.indices, where.width, where.height, where.width, QtGui.QImage.Format.Format_Indexed8
    )
    table = [SHADE] * 256
    for index, colour in enumerate(where.colours):
        if colour in swatch.members:
            table[index] = QtGui.QColor(colour).rgba()
    image.setColorTable(table)
    return image.convertToFormat(QtGui.QImage.Format.Format_ARGB32)

"""Bindings: the artist clicks a spot in a reference, then a region in the sketch, which gets that spot's colour.

This module has the enlarged picture of the reference to click in, and waits for the click on the canvas. The bindings
are stored in the sketch's settings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from krita_colorize.app import pictures
from krita_colorize.app.document import DocumentModel
from krita_colorize.app.guard import guarded, sentence
from krita_colorize.app.workers import Workers
from krita_colorize.core.edits import MAX_BINDINGS, Binding
from krita_colorize.core.errors import UserError
from krita_colorize.core.port import KritaPort, Pixels
from krita_colorize.core.settings import Source, SourceKind
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui, Signal

VIEW_SIDE = 640
"""Longer side of the shown picture of a reference, in pixels."""


@dataclass(frozen=True)
class View:
    """A reference as it is shown for clicking; `width`, `height`, `x`, `y` are those of the original, in its pixels."""

    source: Source
    image: QtGui.QImage
    width: int
    height: int
    x: int = 0
    y: int = 0


class Bindings(QtCore.QObject):
    """Binds regions of one document's sketch to spots. `changed` follows every change of `view` or `spot`."""

    changed = Signal()

    def __init__(
        self,
        port: KritaPort,
        workers: Workers,
        report: Callable[[str], None],
        parent: QtCore.QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.report = report
        self.view: View | None = None
        self.spot: tuple[int, int] | None = None
        self._waiting: tuple[DocumentModel, str, str] | None = None  # sketch and reference
        self._port = port
        self._workers = workers

    @property
    def waiting(self) -> bool:
        """Whether a spot is chosen and the click in the sketch is awaited."""
        return self.spot is not None

    def look_at(self, model: DocumentModel, source: Source) -> None:
        """Reads a reference and shows it for clicking."""
        self.stop()
        if source.kind is SourceKind.LAYER:
            pixels = self._port.snapshot(model.info.key, [source.key])[source.key]
            if not pixels.data:
                raise UserError(tr("The layer {name} is empty.", name=source.name))
            self._run(lambda: _layer_view(source, pixels))
        elif source.kind is SourceKind.FILE:
            self._run(lambda: _view(source, pictures.read_file(source.key)))
        else:
            png = self._port.read_note(model.info.key, source.key) or b""
            self._run(lambda: _view(source, pictures.read_data(png, source.name)))

    def choose_spot(self, model: DocumentModel, x: int, y: int) -> None:
        """Stores the clicked spot and waits for a click in the sketch. The spot is in pixels of the reference's
        picture, or of the canvas if the reference is a layer."""
        sketch = model.sketch
        if sketch is None or self.view is None:
            raise UserError(tr("Select the layer with your sketch first."))
        if not self._port.pick(self._on_picked):
            raise UserError(tr("Clicks on this canvas can't be received. Use a hint layer instead."))
        self.spot = (x, y)
        self._waiting = (model, sketch.id, self.view.source.key)
        self.changed.emit()

    def stop(self) -> None:
        """Stops waiting."""
        if self.spot is not None:
            self.spot = None
            self._port.pick(None)
        self.changed.emit()

    def remove(self, model: DocumentModel, index: int) -> None:
        """Removes one binding of the sketch."""
        bindings = model.settings.bindings
        model.change(bindings=bindings[:index] + bindings[index + 1 :])

    def forget(self) -> None:
        """Shows no reference any more; called when another document becomes active."""
        self.view = None
        self.stop()

    def colour(self, binding: Binding) -> QtGui.QColor | None:
        """The colour of a binding's spot; None if another reference is shown."""
        view = self.view
        if view is None or view.source.key != binding.reference:
            return None
        x = (binding.reference_x - view.x) * view.image.width() // view.width
        y = (binding.reference_y - view.y) * view.image.height() // view.height
        return view.image.pixelColor(x, y) if view.image.valid(x, y) else None

    @guarded
    def _on_picked(self, document: str, canvas_x: int, canvas_y: int) -> None:
        spot, waiting = self.spot, self._waiting
        self.stop()
        if spot is None or waiting is None:
            return
        model, sketch_id, reference = waiting
        if document == model.info.key and not model.closed:
            self._bind(model, sketch_id, Binding(canvas_x, canvas_y, reference, *spot))

    def _bind(self, model: DocumentModel, sketch_id: str, binding: Binding) -> None:
        bindings = model.settings_of(sketch_id).bindings
        others = tuple(one for one in bindings if (one.x, one.y) != (binding.x, binding.y))
        if len(others) >= MAX_BINDINGS:
            raise UserError(
                tr("There can be {count} bindings at most. Remove one first.", count=MAX_BINDINGS)
            )
        model.change_for(sketch_id, bindings=(*others, binding))

    def _run(self, work: Callable[[], View]) -> None:
        def then(view: View) -> None:
            self.view = view
            self.changed.emit()

        self._workers.run(work, then, lambda error: self.report(sentence(error)))


def _layer_view(source: Source, pixels: Pixels) -> View:
    image = _small(pictures.to_image(pixels))
    return View(source, image, pixels.width, pixels.height, pixels.x, pixels.y)


def _view(source: Source, image: QtGui.QImage) -> View:
    return View(source, _small(image), image.width(), image.height())


def _small(image: QtGui.QImage) -> QtGui.QImage:
    if max(image.width(), image.height()) <= VIEW_SIDE:
        return image
    keep = QtCore.Qt.AspectRatioMode.KeepAspectRatio
    return image.scaled(VIEW_SIDE, VIEW_SIDE, keep, QtCore.Qt.TransformationMode.SmoothTransformation)

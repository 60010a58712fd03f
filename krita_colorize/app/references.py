"""Adds reference pictures: layers, files, the clipboard, and anything that is dropped on the list.

Pictures that aren't stored elsewhere are saved as PNG in the document, equal ones only once. Reading and encoding
happen on worker threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from krita_colorize.app import pictures
from krita_colorize.app.document import DocumentModel
from krita_colorize.app.guard import sentence
from krita_colorize.app.workers import Workers
from krita_colorize.core import layers as layer_lists
from krita_colorize.core.errors import UserError
from krita_colorize.core.port import KritaPort, LayerInfo, Pixels
from krita_colorize.core.settings import Reference, Source, SourceKind
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtGui

T = TypeVar("T")

LAYER_ARCHIVE = "application/zip"
"""The MIME type of a dragged layer: a .kra file with only this layer."""


class References(QtCore.QObject):
    """Adds references to a document's sketch."""

    def __init__(
        self,
        port: KritaPort,
        workers: Workers,
        report: Callable[[str], None],
        parent: QtCore.QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.report = report
        self._port = port
        self._workers = workers

    def add_layer(self, model: DocumentModel, layer: LayerInfo) -> None:
        """Adds a layer of the document."""
        model.add_references(Reference(Source(SourceKind.LAYER, layer.id, layer.name)))

    def add_file(self, model: DocumentModel, path: str) -> None:
        """Adds a picture file, after a worker thread has read its thumbnail."""

        def then(thumbnail: QtGui.QImage) -> None:
            model.thumbnails[path] = thumbnail
            model.add_references(Reference(Source(SourceKind.FILE, path, Path(path).name)))

        self._run(lambda: pictures.read_file(path, pictures.THUMBNAIL_SIDE), then)

    def add_image(self, model: DocumentModel, image: QtGui.QImage, name: str) -> None:
        """Adds a picture that isn't stored elsewhere, and stores it in the document as an annotation."""
        if image.isNull():
            raise UserError(tr("The picture is empty or of an unknown kind."))

        def work() -> tuple[str, bytes, QtGui.QImage]:
            note, png = pictures.as_note(image)
            return note, png, pictures.read_data(png, name, pictures.THUMBNAIL_SIDE)

        def then(found: tuple[str, bytes, QtGui.QImage]) -> None:
            note, png, thumbnail = found
            model.thumbnails[note] = thumbnail
            if self._port.read_note(model.info.key, note) is None:
                self._port.write_note(model.info.key, note, png)
            model.add_references(Reference(Source(SourceKind.NOTE, note, name)))

        self._run(work, then)

    def add_mime(self, model: DocumentModel, mime: QtCore.QMimeData, name: str) -> None:
        """Adds dropped or copied data: a layer of the document, files, or a picture."""
        archive = mime.data(LAYER_ARCHIVE).data() if mime.hasFormat(LAYER_ARCHIVE) else b""
        active = self._port.active_layer(model.info.key)
        layer = layer_lists.dropped_layer(model.layers, active, archive) if archive else None
        files = [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]
        if layer is not None:
            model.stay_with_sketch(layer.id)
            self.add_layer(model, layer)
        elif files:
            for path in files:
                self.add_file(model, path)
        elif mime.hasImage():
            self.add_image(model, _image(mime), name)
        else:
            raise UserError(tr("It contains no picture. Copy or drop a picture, a picture file or a layer."))

    def load_thumbnails(self, model: DocumentModel) -> None:
        """Reads the missing thumbnails of files and stored pictures."""
        for reference in model.settings.references:
            source = reference.source
            if source.kind is SourceKind.LAYER or source.key in model.thumbnails:
                continue
            model.thumbnails[source.key] = QtGui.QImage()  # read only once
            png = self._port.read_note(model.info.key, source.key) if source.kind is SourceKind.NOTE else None
            self._load_thumbnail(model, source, png)

    def keep_thumbnails(self, model: DocumentModel, layers: Mapping[str, Pixels]) -> None:
        """Makes thumbnails of reference layers from pixels that were read for a job; reading them only for thumbnails
        would take too long."""
        keys = [one.source.key for one in model.settings.references if one.source.kind is SourceKind.LAYER]
        read = {key: layers[key] for key in keys if key in layers and layers[key].data}

        def work() -> dict[str, QtGui.QImage]:
            return {key: pictures.thumbnail(pixels) for key, pixels in read.items()}

        def then(found: dict[str, QtGui.QImage]) -> None:
            model.thumbnails |= found
            model.settings_changed.emit()

        if read:
            self._run(work, then)

    def _load_thumbnail(self, model: DocumentModel, source: Source, png: bytes | None) -> None:
        def work() -> QtGui.QImage:
            if source.kind is SourceKind.FILE:
                return pictures.read_file(source.key, pictures.THUMBNAIL_SIDE)
            return pictures.read_data(png or b"", source.name, pictures.THUMBNAIL_SIDE)

        def then(thumbnail: QtGui.QImage) -> None:
            model.thumbnails[source.key] = thumbnail
            model.settings_changed.emit()

        self._run(work, then)

    def _run(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        self._workers.run(work, then, lambda error: self.report(sentence(error)))


def _image(mime: QtCore.QMimeData) -> QtGui.QImage:
    image = mime.imageData()  # a QImage from other programs; within Krita any type
    if isinstance(image, QtGui.QPixmap):
        return image.toImage()
    return image if isinstance(image, QtGui.QImage) else QtGui.QImage()

"""Converts pictures between Qt, files and bundles: reads, converts and packs whole requests. For worker threads.

Qt holds the interpreter lock (GIL) while it converts a picture, so pictures are converted in bands of rows, each in
less time than a frame of the display. Reading and writing files releases the lock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from krita_colorize.app.memory import Body, body_of
from krita_colorize.core import bundle
from krita_colorize.core.errors import UserError
from krita_colorize.core.geometry import placed
from krita_colorize.core.placement import Placement
from krita_colorize.core.port import Pixels
from krita_colorize.core.request import Pictures, Request, Task, bundle_parts
from krita_colorize.core.settings import Reference, Source, SourceKind
from krita_colorize.core.translations import tr
from krita_colorize.qt import IS_QT6, QtCore, QtGui

THUMBNAIL_SIDE = 96
NOTE_FOLDER = "picture/"

_BAND_BYTES = 4 << 20
_Image = QtGui.QImage


@dataclass(frozen=True)
class Inputs:
    """The data of a request that the GUI thread has read from Krita: layers by id, stored PNG files by name."""

    layers: Mapping[str, Pixels]
    notes: Mapping[str, bytes]


def pack(request: Request, inputs: Inputs) -> Body:
    """The body of `POST /v1/jobs`. Raises `UserError` if a picture is missing, broken or empty."""
    return packed(request, collect(request, inputs))


def packed(request: Request, pictures: Pictures) -> Body:
    """Like `pack`, from pictures that have been read."""
    return body_of(bundle_parts(request, pictures))


def collect(request: Request, inputs: Inputs) -> Pictures:
    """Reads all pictures of a request. Raises `UserError` if one is missing, broken or empty."""
    sketch = _picture(request.sketch, inputs)
    if request.task is Task.MASK:
        return Pictures(sketch if request.sketch.kind is SourceKind.LAYER else _stretched(sketch, request))
    chosen = request.settings
    return Pictures(
        sketch=sketch,
        sketch_mask=_mask(chosen.sketch_mask, inputs) if chosen.sketch_mask else None,
        references=tuple(_reference(item, request, inputs) for item in chosen.references),
        background=_layer(chosen.background, tr("The background layer"), inputs)
        if chosen.background
        else None,
        hints=_hints(chosen.hints, inputs),
    )


def read_file(path: str, side: int = 0) -> QtGui.QImage:
    """Reads a picture file, rotated as its EXIF orientation says; if `side` isn't 0, scaled down so that no side is
    longer than that many pixels. Raises `UserError`."""
    name = Path(path).name
    if not Path(path).is_file():
        raise UserError(
            tr(
                "The picture {name} can't be found any more. Remove it from the references or put it back.",
                name=name,
            )
        )
    return _read(QtGui.QImageReader(path), name, side)


def read_data(data: bytes, name: str, side: int = 0) -> QtGui.QImage:
    """Reads an encoded picture like `read_file`; `name` is used in error sentences."""
    buffer = QtCore.QBuffer()
    buffer.setData(data)
    buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
    return _read(QtGui.QImageReader(buffer), name, side)


def to_pixels(image: QtGui.QImage) -> Pixels:
    """Converts to B, G, R, A bytes: sRGB, not premultiplied."""
    srgb = QtGui.QColorSpace(QtGui.QColorSpace.NamedColorSpace.SRgb)
    rows = []
    for band in _bands(image):
        if band.colorSpace().isValid() and band.colorSpace() != srgb:
            band.convertToColorSpace(srgb)
        rows.append(bytes_of(band.convertToFormat(_Image.Format.Format_ARGB32)))
    return Pixels(image.width(), image.height(), b"".join(rows))


def to_image(pixels: Pixels) -> QtGui.QImage:
    """Copies a picture into a QImage."""
    stride = pixels.width * 4
    return _Image(bytes(pixels.data), pixels.width, pixels.height, stride, _Image.Format.Format_ARGB32).copy()


def to_mask(pixels: Pixels) -> Pixels:
    """A mask from a picture: its brightness if all pixels are opaque, otherwise its alpha. Masks are unchanged."""
    if pixels.channels != 4:
        return pixels
    alpha = _channel(pixels, _Image.Format.Format_Alpha8)
    if alpha.count(255) == len(alpha):
        alpha = _channel(pixels, _Image.Format.Format_Grayscale8)
    return Pixels(pixels.width, pixels.height, alpha, pixels.x, pixels.y)


def to_png(image: QtGui.QImage, *, compressed: bool = True) -> bytes:
    """Encodes as PNG, or as a larger one in less time if not `compressed`. Raises `UserError`."""
    buffer = QtCore.QBuffer()
    buffer.open(QtCore.QIODevice.OpenModeFlag.WriteOnly)
    writer = QtGui.QImageWriter(buffer, b"png")
    if not compressed:
        writer.setQuality(100)  # Qt's PNG writer reads it as "no compression"
    if not writer.write(image):
        raise UserError(tr("The picture can't be stored ({reason}).", reason=writer.errorString()))
    return buffer.data().data()


def moved_preview(png: bytes, placement: Placement, width: int, height: int) -> bytes:
    """A result's preview (PNG) of a canvas of `width` x `height` pixels, moved to the changed canvas."""
    if placement.still and (placement.width, placement.height) == (width, height):
        return png
    image = read_data(png, "The preview")
    scale = max(image.width(), image.height()) / max(placement.width, placement.height)
    width_px, height_px = (max(1, round(side * scale)) for side in (placement.width, placement.height))
    moved = _Image(width_px, height_px, _Image.Format.Format_ARGB32)
    moved.fill(QtCore.Qt.GlobalColor.transparent)
    painter = QtGui.QPainter(moved)
    painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
    painter.scale(scale, scale)
    way = QtGui.QTransform(placement.xx, placement.yx, placement.xy, placement.yy, placement.dx, placement.dy)
    painter.setTransform(way, combine=True)
    painter.drawImage(QtCore.QRectF(0, 0, width, height), image)
    painter.end()
    return to_png(moved)


def limited_preview(png: bytes, selection: Pixels) -> bytes:
    """A result's preview (PNG), transparent outside a selection, which is a mask of the whole canvas."""
    image = read_data(png, "The preview").convertToFormat(_Image.Format.Format_ARGB32_Premultiplied)
    width, height = selection.width, selection.height
    mask = _Image(bytes(selection.data), width, height, width, _Image.Format.Format_Alpha8)
    painter = QtGui.QPainter(image)
    painter.setCompositionMode(QtGui.QPainter.CompositionMode.CompositionMode_DestinationIn)
    painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(QtCore.QRectF(image.rect()), mask)
    painter.end()
    return to_png(image)


def as_note(image: QtGui.QImage) -> tuple[str, bytes]:
    """The annotation (name, PNG) that stores a picture in a document; equal pictures get the same name."""
    png = to_png(image)
    return NOTE_FOLDER + hashlib.sha256(png).hexdigest(), png


def thumbnail(pixels: Pixels) -> QtGui.QImage:
    """A thumbnail with sides of at most `THUMBNAIL_SIDE` pixels, scaled without smoothing."""
    stride = pixels.width * 4
    image = _Image(bytes(pixels.data), pixels.width, pixels.height, stride, _Image.Format.Format_ARGB32)
    return image.scaled(THUMBNAIL_SIDE, THUMBNAIL_SIDE, QtCore.Qt.AspectRatioMode.KeepAspectRatio)


def _read(reader: QtGui.QImageReader, name: str, side: int) -> QtGui.QImage:
    reader.setAutoTransform(True)
    reader.setDecideFormatFromContent(True)
    if IS_QT6:
        reader.setAllocationLimit(0)  # our own limit follows
    size = reader.size()
    if max(size.width(), size.height()) > bundle.MAX_SIDE or size.width() * size.height() > bundle.MAX_PIXELS:
        raise UserError(
            tr(
                "{name} is {width} x {height} px; pictures may have {limit} px on a side. Use a smaller copy of it.",
                name=name,
                width=size.width(),
                height=size.height(),
                limit=bundle.MAX_SIDE,
            )
        )
    if side and size.isValid() and max(size.width(), size.height()) > side:
        reader.setScaledSize(size.scaled(side, side, QtCore.Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    if image.isNull():
        reason = reader.errorString()
        raise UserError(
            tr(
                "{name} can't be read as a picture ({reason}). Save it as PNG or JPEG.",
                name=name,
                reason=reason,
            )
        )
    return image


def _picture(source: Source, inputs: Inputs) -> Pixels:
    if source.kind is SourceKind.LAYER:
        return _layer(source.key, tr("The layer {name}", name=source.name), inputs)
    if source.kind is SourceKind.FILE:
        return to_pixels(read_file(source.key))
    if source.key not in inputs.notes:
        raise UserError(
            tr(
                "The picture {name} is no longer stored in the document. Add it to the references again.",
                name=source.name,
            )
        )
    return to_pixels(read_data(inputs.notes[source.key], source.name))


def _layer(layer_id: str, words: str, inputs: Inputs) -> Pixels:
    pixels = inputs.layers[layer_id]
    if not pixels.data:
        raise UserError(tr("{what} is empty. Draw or paint on it, or choose another one.", what=words))
    return pixels


def _hints(layer_id: str, inputs: Inputs) -> Pixels | None:
    """The hint layer, or None if there is none or it is still empty."""
    pixels = inputs.layers[layer_id] if layer_id else None
    return pixels if pixels is not None and pixels.data else None


def _mask(layer_id: str, inputs: Inputs) -> Pixels:
    return to_mask(_layer(layer_id, tr("The foreground mask (or the selection)"), inputs))


def _reference(reference: Reference, request: Request, inputs: Inputs) -> tuple[Pixels, Pixels | None]:
    picture = _picture(reference.source, inputs)
    if not reference.mask:
        return picture, None
    mask = _mask(reference.mask, inputs)
    if reference.source.kind is SourceKind.LAYER:
        return picture, placed(mask, picture.x, picture.y, picture.width, picture.height)
    # A picture that isn't a layer corresponds to the whole canvas, and so does its mask.
    return picture, placed(mask, 0, 0, request.width, request.height)


def _stretched(pixels: Pixels, request: Request) -> Pixels:
    smooth = QtCore.Qt.TransformationMode.SmoothTransformation
    image = to_image(pixels).scaled(
        request.width, request.height, QtCore.Qt.AspectRatioMode.IgnoreAspectRatio, smooth
    )
    return to_pixels(image)


def _bands(image: QtGui.QImage) -> Iterator[QtGui.QImage]:
    rows = max(1, _BAND_BYTES // max(1, image.bytesPerLine()))
    for top in range(0, image.height(), rows):
        yield image.copy(0, top, image.width(), min(rows, image.height() - top))


def _channel(pixels: Pixels, kind: QtGui.QImage.Format) -> bytes:
    stride = pixels.width * 4
    step = max(1, _BAND_BYTES // stride) * stride
    rows = []
    for start in range(0, len(pixels.data), step):
        data = pixels.data[start : start + step]
        band = _Image(bytes(data), pixels.width, len(data) // stride, stride, _Image.Format.Format_ARGB32)
        rows.append(bytes_of(band.convertToFormat(kind)))
    return b"".join(rows)


def bytes_of(image: QtGui.QImage) -> bytes:
    """An image's pixels without the padding at the end of Qt's rows."""
    bits = image.constBits()
    assert bits is not None
    data, stride = bits.asstring(image.sizeInBytes()), image.bytesPerLine()
    used = image.width() * image.depth() // 8
    if used == stride:
        return data
    return b"".join(data[start : start + used] for start in range(0, len(data), stride))

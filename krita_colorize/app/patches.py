"""Shows what a repair changes over the canvas until Krita has written it into the layers, which takes a second at A4.

As long as the backend computes it, a forecast of the change is shown (`core.forecast`).

The flat layers are composited before and after the change. Where that differs, the merged picture is divided by the
one and multiplied by the other: lines and shading stay, and the colours below them change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from krita_colorize.app import pictures
from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.timers import single_shot
from krita_colorize.app.workers import Workers
from krita_colorize.core import layers as layer_lists
from krita_colorize.core.geometry import pasted, placed
from krita_colorize.core.port import Box, KritaPort, Part, Pixels
from krita_colorize.qt import QtCore, QtGui

FLAT_ROLES = ("background", "figure")
MOST_PIXELS = 800_000
"""A larger patch is shown at a lower resolution: it is there for a moment."""

PAINT_MS = 20
"""Time for the canvas to show the patch, before Krita's writing holds the event loop."""

HIDE_MS = 100
"""Time after writing until Krita has repainted the canvas."""

PEN_MS = 50
"""How often the pen is looked at while a patch is shown, because strokes below it can't be seen."""

_Image = QtGui.QImage
_Mode = QtGui.QPainter.CompositionMode


@dataclass(frozen=True)
class Flat:
    """A flat layer in the box, before and after a change, with its mask."""

    before: Pixels
    after: Pixels
    mask: Pixels | None = None


class Patches(QtCore.QObject):
    """Shows changes over the canvas."""

    def __init__(self, port: KritaPort, workers: Workers, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._port = port
        self._workers = workers
        self._waiting: list[Callable[[], None]] = []
        self._forecasts = 0
        self._is_forecast = False  # what is shown
        self._paint_timer = single_shot(self, self._go_on)
        self._hide_timer = single_shot(self, port.hide_patch)
        self._pen_timer = QtCore.QTimer(self)
        self._pen_timer.setInterval(PEN_MS)
        self._pen_timer.timeout.connect(self._on_pen_timeout)

    def forecast(self, model: DocumentModel, item: Item, find: Callable[[], Mapping[str, Pixels]]) -> None:
        """Shows an expected change until `show` or `drop_forecast` is called, or until the artist paints.

        `find` runs on a worker thread and returns the pixels by layer id. If it fails, nothing is shown.
        """
        self._forecasts += 1
        number = self._forecasts

        def is_wanted() -> bool:
            return number == self._forecasts and not model.closed and not self._port.busy()

        def then(changes: Mapping[str, Pixels]) -> None:
            read = self._read(model, item, changes) if is_wanted() else None
            if read is not None:
                self._workers.run(lambda: patch(*read), shown, lambda _: None)

        def shown(found: tuple[bytes, Box] | None) -> None:
            if found is not None and is_wanted() and self._port.show_patch(model.info.key, *found):
                self._hide_timer.stop()
                self._pen_timer.start()
                self._is_forecast = True

        self._workers.run(find, then, lambda _: None)

    def drop_forecast(self) -> None:
        """Hides the forecast."""
        self._forecasts += 1
        if self._is_forecast:
            self._hide()

    def show(
        self, model: DocumentModel, item: Item, changes: Mapping[str, Pixels], then: Callable[[], None]
    ) -> None:
        """Shows what `changes` (pixels by layer id) will change, then calls `then`. Only calls it if that isn't
        possible, or if the artist is painting by then."""
        self._hide_timer.stop()
        self._forecasts += 1

        def without() -> None:
            self._hide()  # a forecast
            then()

        def shown(found: tuple[bytes, Box] | None) -> None:
            wanted = found is not None and not model.closed and not self._port.busy()
            if found is not None and wanted and self._port.show_patch(model.info.key, *found):
                self._is_forecast = False
                self._pen_timer.start()
                self._waiting.append(then)
                self._paint_timer.start(PAINT_MS)
            else:
                without()

        read = self._read(model, item, changes)
        if read is None:
            without()
        else:
            self._workers.run(lambda: patch(*read), shown, lambda _: without())

    def hide_soon(self) -> None:
        """Hides the patch once Krita has repainted the canvas."""
        self._pen_timer.stop()
        self._hide_timer.start(HIDE_MS)

    def close(self) -> None:
        """Drops what is waited for, and hides the patch."""
        for timer in (self._paint_timer, self._hide_timer):
            timer.stop()
        self._forecasts += 1
        self._waiting.clear()
        self._hide()

    def _hide(self) -> None:
        self._pen_timer.stop()
        self._is_forecast = False
        self._port.hide_patch()

    def _on_pen_timeout(self) -> None:
        if self._port.busy():
            self._forecasts += 1
            self._hide()

    def _read(
        self, model: DocumentModel, item: Item, changes: Mapping[str, Pixels]
    ) -> tuple[Pixels, list[Flat], Box] | None:
        """The merged picture and the flat layers in the box that changes; None if nothing visible changes, or if they
        can't be read: what follows the patch reports that."""
        try:
            return self._picture(model, item, changes)
        except Exception:  # noqa: BLE001 - a patch is only for a moment, the change itself must not depend on it
            return None

    def _picture(
        self, model: DocumentModel, item: Item, changes: Mapping[str, Pixels]
    ) -> tuple[Pixels, list[Flat], Box] | None:
        key = model.info.key
        parts = [part for part in self._port.group_parts(key, item.group_id) if part.role in FLAT_ROLES]
        box = _around([changes[part.layer_id].box for part in parts if part.layer_id in changes], model)
        if box is None or not all(layer_lists.is_visible(model.layers, part.layer_id) for part in parts):
            return None
        flats = [self._flat(key, part, changes.get(part.layer_id), box) for part in parts]
        return self._port.merged(key, box), flats, box

    def _flat(self, key: str, part: Part, change: Pixels | None, box: Box) -> Flat:
        now = self._port.layer_pixels(key, part.layer_id, box)
        mask = self._port.layer_pixels(key, part.mask_id) if part.mask_id else None
        return Flat(now, now if change is None else change, mask)

    def _go_on(self) -> None:
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            then()


def _around(boxes: Sequence[Box], model: DocumentModel) -> Box | None:
    """The smallest box around several boxes, inside the canvas; None if it is empty."""
    rect = QtCore.QRect()
    for box in boxes:
        rect = rect.united(QtCore.QRect(*box))
    rect = rect.intersected(QtCore.QRect(0, 0, model.info.width, model.info.height))
    return None if rect.isEmpty() else (rect.x(), rect.y(), rect.width(), rect.height())


def patch(merged: Pixels, flats: Sequence[Flat], box: Box) -> tuple[bytes, Box] | None:
    """A PNG of the merged picture as it will look where the flat layers (bottom to top) change, transparent elsewhere,
    and its box; None if nothing visible changes. Slow: for worker threads."""
    flats = [_inside(flat, box) for flat in flats]
    before = _composite([(flat.before, flat.mask) for flat in flats])
    after = _composite([(flat.after, flat.mask) for flat in flats])
    changed = _difference(before, after)
    if changed is None:
        return None
    image = _scaled(placed(merged, *box))
    divisor = before.convertToFormat(_Image.Format.Format_ARGB32)
    divisor.invertPixels(_Image.InvertMode.InvertRgb)
    # Colour dodge divides by the inverse of the source. One level is added, because Qt takes 0 / 0 for 0: black flats
    # would stay black.
    level = image.copy()
    level.fill(QtGui.QColor(1, 1, 1))
    _draw(image, level, _Mode.CompositionMode_Plus)
    _draw(image, divisor, _Mode.CompositionMode_ColorDodge)
    _draw(image, after, _Mode.CompositionMode_Multiply)
    _draw(image, changed, _Mode.CompositionMode_DestinationIn)
    return pictures.to_png(image, compressed=False), box


def _inside(flat: Flat, box: Box) -> Flat:
    """A flat layer with all pictures placed on the box."""
    before = placed(flat.before, *box)
    after = before if flat.after is flat.before else _over(before, flat.after)
    return replace(flat, before=before, after=after, mask=placed(flat.mask, *box) if flat.mask else None)


def _over(canvas: Pixels, part: Pixels) -> Pixels:
    """The canvas with a part pasted into it; what lies outside of the canvas is cut off."""
    if part.box == canvas.box:
        return part
    left, top = max(part.x, canvas.x), max(part.y, canvas.y)
    right = min(part.x + part.width, canvas.x + canvas.width)
    bottom = min(part.y + part.height, canvas.y + canvas.height)
    if left >= right or top >= bottom:
        return canvas
    return pasted(canvas, placed(part, left, top, right - left, bottom - top))


def _composite(layers: Sequence[tuple[Pixels, Pixels | None]]) -> QtGui.QImage:
    """The layers above each other, each within its mask."""
    whole: QtGui.QImage | None = None
    for pixels, mask in layers:
        image = _scaled(pixels)
        if mask is not None:
            _draw(image, _scaled_mask(mask), _Mode.CompositionMode_DestinationIn)
        if whole is None:
            whole = image
        else:
            _draw(whole, image, _Mode.CompositionMode_SourceOver)
    assert whole is not None, "a change has layers"
    return whole


def _difference(before: QtGui.QImage, after: QtGui.QImage) -> QtGui.QImage | None:
    """A mask (Alpha8) of the pixels that differ; None if there are none."""
    image = before.copy()
    _draw(image, after, _Mode.CompositionMode_Difference)
    for _ in range(3):  # the brightness of a small difference would be rounded to 0
        _draw(image, image.copy(), _Mode.CompositionMode_Plus)
    bright = pictures.bytes_of(image.convertToFormat(_Image.Format.Format_Grayscale8))
    mask = bright.translate(bytes([0]) + bytes([255]) * 255)
    if not mask.strip(b"\0"):
        return None
    width, height = image.width(), image.height()
    return _Image(mask, width, height, width, _Image.Format.Format_Alpha8).copy()


def _draw(image: QtGui.QImage, source: QtGui.QImage, mode: QtGui.QPainter.CompositionMode) -> None:
    painter = QtGui.QPainter(image)
    painter.setCompositionMode(mode)
    painter.drawImage(0, 0, source)
    painter.end()


def _scaled(pixels: Pixels) -> QtGui.QImage:
    kind = _Image.Format.Format_ARGB32
    image = _Image(bytes(pixels.data), pixels.width, pixels.height, pixels.width * 4, kind)
    return _small(image).convertToFormat(_Image.Format.Format_ARGB32_Premultiplied)


def _scaled_mask(mask: Pixels) -> QtGui.QImage:
    kind = _Image.Format.Format_Alpha8
    return _small(_Image(bytes(mask.data), mask.width, mask.height, mask.width, kind))


def _small(image: QtGui.QImage) -> QtGui.QImage:
    """The image with at most about `MOST_PIXELS`, sampled without smoothing."""
    share = MOST_PIXELS / (image.width() * image.height())
    if share >= 1:
        return image.copy()
    size = QtCore.QSize(max(1, round(image.width() * share**0.5)), max(1, round(image.height() * share**0.5)))
    return image.scaled(size)

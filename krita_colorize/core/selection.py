"""Restricts layers and repairs to a selection: a mask of the canvas, 255 = selected, as `snapshot` gives it.

Bytes in, bytes out, as in `changes`. Slow: for worker threads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from krita_colorize.core.changes import BAND_BYTES, merged
from krita_colorize.core.geometry import placed
from krita_colorize.core.port import KEY_STROKES, NewGroup, Pixels

_HALF = bytes(128) + b"\xff" * 128


def limited(pixels: Pixels, selection: Pixels) -> Pixels:
    """A picture whose alpha is multiplied with the selection."""
    if not pixels.data:
        return pixels
    where = placed(selection, pixels.x, pixels.y, pixels.width, pixels.height).data
    data = bytearray(pixels.data)
    for start in range(0, len(where), BAND_BYTES):
        band, chosen = data[start * 4 + 3 : (start + BAND_BYTES) * 4 : 4], where[start : start + BAND_BYTES]
        data[start * 4 + 3 : (start + BAND_BYTES) * 4 : 4] = _product(bytes(band), bytes(chosen))
    return Pixels(pixels.width, pixels.height, data, pixels.x, pixels.y)


def limited_group(group: NewGroup, selections: Iterable[Pixels | None]) -> NewGroup:
    """A group of which only what is in all of these selections is seen; without key strokes: they know none."""
    for selection in selections:
        if selection is not None:
            layers = (layer for layer in group.layers if layer.role != KEY_STROKES)
            shown = tuple(replace(layer, pixels=limited(layer.pixels, selection)) for layer in layers)
            group = replace(group, layers=shown)
    return group


def inside(selection: Pixels, new: Pixels, old: Pixels) -> Pixels:
    """`new`, a picture or mask, where at least half is selected, else what `old` has there."""
    box = new.x, new.y, new.width, new.height
    where = placed(selection, *box)
    chosen = replace(where, data=bytes(where.data).translate(_HALF))
    return merged(placed(old, *box) if old.data else replace(new, data=bytes(len(new.data))), new, chosen)


def _product(alpha: bytes, selection: bytes) -> bytes:
    """Both multiplied as shares of 255; quickly where either knows only all and nothing."""
    if not alpha.translate(None, b"\x00\xff") or not selection.translate(None, b"\x00\xff"):
        both = int.from_bytes(alpha, "little") & int.from_bytes(selection, "little")
        return both.to_bytes(len(alpha), "little")
    return bytes((one * other + 127) // 255 for one, other in zip(alpha, selection, strict=True))

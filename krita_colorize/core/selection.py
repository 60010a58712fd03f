"""Restricts layers to a selection: a mask of the canvas, 255 = selected, as read by `snapshot`.

It works on bytes in bands of rows. Slow: for worker threads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from krita_colorize.core.geometry import placed
from krita_colorize.core.port import KEY_STROKES, NewGroup, Pixels

_BAND_BYTES = 1 << 20
"""Arithmetic with large integers holds the interpreter lock (GIL); a megabyte takes about a millisecond."""


def limited(pixels: Pixels, selection: Pixels) -> Pixels:
    """A picture whose alpha is multiplied by the selection."""
    if not pixels.data:
        return pixels
    where = placed(selection, pixels.x, pixels.y, pixels.width, pixels.height).data
    data = bytearray(pixels.data)
    for start in range(0, len(where), _BAND_BYTES):
        band, chosen = data[start * 4 + 3 : (start + _BAND_BYTES) * 4 : 4], where[start : start + _BAND_BYTES]
        data[start * 4 + 3 : (start + _BAND_BYTES) * 4 : 4] = _product(bytes(band), bytes(chosen))
    return Pixels(pixels.width, pixels.height, data, pixels.x, pixels.y)


def limited_group(group: NewGroup, selections: Iterable[Pixels | None]) -> NewGroup:
    """The group with all layers restricted to all of these selections. Key strokes are left out, because a Colorize
    Mask can't be restricted."""
    for selection in selections:
        if selection is not None:
            layers = (layer for layer in group.layers if layer.role != KEY_STROKES)
            shown = tuple(replace(layer, pixels=limited(layer.pixels, selection)) for layer in layers)
            group = replace(group, layers=shown)
    return group


def _product(alpha: bytes, selection: bytes) -> bytes:
    """Multiplies both as fractions of 255; fast if one of them has only the values 0 and 255."""
    if not alpha.translate(None, b"\x00\xff") or not selection.translate(None, b"\x00\xff"):
        both = int.from_bytes(alpha, "little") & int.from_bytes(selection, "little")
        return both.to_bytes(len(alpha), "little")
    return bytes((one * other + 127) // 255 for one, other in zip(alpha, selection, strict=True))

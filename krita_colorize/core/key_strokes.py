"""The marks of a result, colour by colour, as Krita's Colorize Mask takes them: so little is left to do in Krita.

Small cells instead of whole pictures: Krita takes any number of rectangles for a colour, and where a colour has no
marks, neither we nor Krita need any memory. What becomes of them is `krita_port/colorize_mask.py`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from krita_colorize.core.changes import merged
from krita_colorize.core.geometry import placed
from krita_colorize.core.port import KeyStroke, NewLayer, Pixels

CELL = 64
"""Sides of a cell, px: those of Krita's own tiles, which it stores wherever anything is written."""

MAX_COLOURS = 64
"""More colours are no key strokes; the wire leaves them out."""

_MARKED = b"\xff" * CELL

_OPAQUE = bytes(255) + b"\xff"
_HALF = bytes(128) + b"\xff" * 128


def split(marks: Pixels) -> tuple[KeyStroke, ...]:
    """Takes a picture apart by its colours, but for pixels that are all 0. Raises `ValueError` where it is no picture
    or has too many colours. Slow: for worker threads."""
    if marks.channels != 4:
        raise ValueError("key strokes are no picture")
    pixels, width = memoryview(marks.data).cast("I"), marks.width
    found: dict[int, dict[tuple[int, int], bytearray]] = {}
    for y in range(marks.height):
        x = 0
        for colour, run in groupby(pixels[y * width : (y + 1) * width]):
            length = len(list(run))
            if colour:
                _mark(found.setdefault(colour, {}), x, y, length)
            x += length
        if len(found) > MAX_COLOURS:
            raise ValueError(f"key strokes have more than {MAX_COLOURS} colours")
    return tuple(KeyStroke(colour, _placed(found[colour], marks)) for colour in sorted(found))


def recoloured(marks: Pixels, layers: Sequence[NewLayer]) -> Pixels:
    """The same marks in the colours that flat layers, from bottom to top, show at them now; marks of clear areas stay,
    and all of them where there are too many colours. Slow: for worker threads."""
    found = marks
    for layer in layers:
        here, mask = (
            placed(pixels, marks.x, marks.y, marks.width, marks.height) if pixels else None
            for pixels in (layer.pixels, layer.mask)
        )
        assert here is not None
        where = _both(*(picture.data[3::4].translate(_OPAQUE) for picture in (marks, here)))
        if mask is not None:
            where = _both(where, mask.data.translate(_HALF))
        found = merged(found, here, Pixels(marks.width, marks.height, where))
    colours = set(memoryview(found.data).cast("I")) - {0}
    return found if len(colours) <= MAX_COLOURS else marks


def _both(first: bytes | bytearray, second: bytes | bytearray) -> bytes:
    both = int.from_bytes(first, "big") & int.from_bytes(second, "big")
    return both.to_bytes(len(first), "big")


def _mark(cells: dict[tuple[int, int], bytearray], x: int, y: int, length: int) -> None:
    """Marks a run of pixels in the cells that it runs through."""
    end, row = x + length, y % CELL * CELL
    while x < end:
        place = (x // CELL, y // CELL)
        if place not in cells:
            cells[place] = bytearray(CELL * CELL)
        start = x % CELL
        here = min(CELL - start, end - x)
        cells[place][row + start : row + start + here] = _MARKED[:here]
        x += here


def _placed(cells: dict[tuple[int, int], bytearray], marks: Pixels) -> tuple[Pixels, ...]:
    return tuple(
        Pixels(CELL, CELL, bytes(cell), marks.x + column * CELL, marks.y + row * CELL)
        for (column, row), cell in cells.items()
    )

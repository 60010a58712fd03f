"""Splits a result's key strokes by colour for Krita's Colorize Mask, on a worker thread, so that Krita has less work.

The marks of each colour are small cells instead of a whole picture: Krita accepts any number of rectangles for a
colour, and empty areas need no memory. `krita_port/colorize_mask.py` makes the mask.
"""

from __future__ import annotations

from itertools import groupby

from krita_colorize.core.port import KeyStroke, Pixels

CELL = 64
"""Side of a cell in pixels, the size of Krita's own tiles."""

MAX_COLOURS = 64
"""Maximum number of colours; the backend sends no key strokes for more."""

_MARKED = b"\xff" * CELL


def split(marks: Pixels) -> tuple[KeyStroke, ...]:
    """Splits a picture into the marks of each colour; pixels of only zeros are no marks. Raises `ValueError` if it is
    no picture or has too many colours. Slow: for worker threads."""
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


def _mark(cells: dict[tuple[int, int], bytearray], x: int, y: int, length: int) -> None:
    """Marks a run of pixels of one row in the cells that it crosses."""
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

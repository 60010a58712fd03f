"""Keeps the strokes that the artist paints while an answer is awaited.

This is rare and concerns only one rectangle, so it is written in plain Python, row by row. Slow: for worker threads.
"""

from __future__ import annotations

from array import array

from krita_colorize.core.geometry import pasted, placed
from krita_colorize.core.port import Pixels


def kept(before: Pixels, newest: Pixels, answer: Pixels) -> Pixels:
    """The pixels of `answer` where `newest` still equals `before`, elsewhere those of `newest`."""
    box = answer.x, answer.y, answer.width, answer.height
    return _chosen(placed(before, *box), newest := placed(newest, *box), same=answer, other=newest)


def delivered(before: Pixels, after: Pixels, newest: Pixels, put: Pixels) -> Pixels:
    """The delivered pixels of a layer after `put` was written over `newest`: those of `put`'s rectangle where it
    changed the layer, `before` where it didn't, and `after` outside the rectangle."""
    box = put.x, put.y, put.width, put.height
    return pasted(after, _chosen(placed(newest, *box), put, same=placed(before, *box), other=put))


def _chosen(first: Pixels, second: Pixels, *, same: Pixels, other: Pixels) -> Pixels:
    """Pixels of `same` where two pictures are equal, elsewhere of `other`; all four have the same size."""
    stride = first.width * 4
    rows: list[bytes | bytearray] = []
    for start in range(0, len(first.data), stride):
        one, two, low, high = (
            bytes(picture.data[start : start + stride]) for picture in (first, second, same, other)
        )
        if one == two:
            rows.append(low)
        else:
            pixels = zip(*(memoryview(row).cast("I") for row in (one, two, low, high)), strict=True)
            rows.append(array("I", [c if a == b else d for a, b, c, d in pixels]).tobytes())
    return Pixels(other.width, other.height, b"".join(rows), other.x, other.y)

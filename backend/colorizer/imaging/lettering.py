"""Detects lettering in line art: words in speech bubbles, captions, printed sound effects, notes beside a drawing.

The method is that for text in comics (Rigaud et al., 2013; stroke-based text detection): small connected components of
ink with similar heights in a row are words if they consist of thin strokes and have different, complex shapes. Rows
below each other form a block. Hatching, buttons and eyes fail at least one of these criteria.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.imaging.lines import Ink, in_short_pieces, stroke_width

SIDE = 1024
"""Longer side, in pixels, of the copy on which lettering is detected."""
_INKED = 90
"""Ink (of 255) from which a pixel belongs to a stroke."""
_LOWEST, _TALLEST = 5, 0.06
"""Least height of a letter, in pixels, and largest height, as a fraction of the copy's longer side."""
_WIDEST = 5.0
"""Largest ratio of a component's width to its height (letters may touch)."""
_FEWEST = 4
"""Least number of letters of a block; a row has at least one less."""
_LONG = 8
"""Number of letters from which a block isn't mistaken for parts of a drawing."""
_SPACE = 1.3
"""Largest space in a row, as a multiple of its letters' height."""
_LEADING = 1.8
"""Largest distance of the rows of a block, as a multiple of the letters' height."""
_UNLIKE_HEIGHT = 2.3
_STROKE = 0.48
"""Largest ratio of a stroke's width to the letters' height."""
_FULL = 0.82
"""Largest median fraction of their convex hulls that letters fill."""
_VARIETY = 0.15
"""Least standard deviation of the letters' pixels, when their boxes are scaled to `_BOX`."""
_BOX = 6, 8
"""Width and height, in pixels, to which the letters are scaled for comparing their shapes."""

_MANY, _CRUMBS = 100, 0.24
"""Number of components above which they may be crumbs of a dry brush, and the fraction of these that remains at most
when gaps of two pixels are closed. Of a page full of letters, more remain."""
_BROKEN = 0.25
"""Least fraction of the ink in short pieces if lines are broken everywhere: .30 to .62 in charcoal, .10 on pages."""
_ALONE = 0.85
"""Least fraction of the ink in a block's box that belongs to letters."""


@dataclass(frozen=True)
class Lettering:
    """The lettering of a drawing."""

    letters: NDArray[np.uint8]
    """(h, w), in the size of a small copy of the drawing: the number 1.. of the block at each pixel, 0 elsewhere. It
    includes one pixel around the strokes."""
    boxes: tuple[tuple[int, int, int, int], ...]
    """x, y, width and height of every block on the copy."""
    counts: tuple[int, ...]
    """The number of letters of every block."""

    def sure_blocks(self, drawn: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """`letters` without doubtful blocks inside a drawing, if it isn't a comic page.

        Short blocks may be a face's features. Pieces of lines that are broken everywhere look like letters.

        Args:
            drawn: (h, w), all ink.
        """
        others = (drawn & (self.letters == 0)).view(np.uint8)
        left, top, wide, tall = cv2.boundingRect(others)
        broken = in_short_pieces(others, stroke_width(others)) >= _BROKEN
        sure = [0]
        for number, (count, (x, y, w, h)) in enumerate(zip(self.counts, self.boxes, strict=True), 1):
            apart = x > left + wide or x + w < left or y > top + tall or y + h < top
            if apart or (count >= _LONG and not broken):
                sure.append(number)
        return np.where(np.isin(self.letters, sure), self.letters, np.uint8(0))


def find_lettering(ink: Ink) -> Lettering | None:
    """Detects the lettering of a drawing; None if there is none.

    Args:
        ink: (h, w), 255 = line; its longer side is about `SIDE`.
    """
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(_strokes(ink), connectivity=8)
    wide, tall = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    fits = (tall >= _LOWEST) & (tall <= _TALLEST * max(ink.shape)) & (wide <= _WIDEST * tall)
    fits[0] = False
    rows = _rows(np.flatnonzero(fits), stats)
    written = [_is_written(row, pieces, stats) for row in rows]
    # A row below a detected one belongs to it, even if its few letters don't fulfil the criteria.
    blocks = [
        [rows[index] for index in block]
        for block in _blocks(rows, stats)
        if any(written[index] for index in block) and sum(len(rows[index]) for index in block) >= _FEWEST
    ]
    if not blocks or len(blocks) > 250:
        return None
    owner = np.zeros(count, np.uint8)
    boxes: list[tuple[int, int, int, int]] = []
    counts: list[int] = []
    for block in blocks:
        number = len(boxes) + 1
        members = np.concatenate(block)
        x, y, right, bottom = _box(members, stats)
        height = int(np.median(tall[members]))
        middle_x, middle_y = stats[:, 0] + wide / 2, stats[:, 1] + tall / 2
        inside = (middle_x > x - height) & (middle_x < right + height)
        inside &= (middle_y > y - height / 2) & (middle_y < bottom + height / 2)
        inside &= (tall <= 2 * height) & (wide <= _WIDEST * height)  # includes dots and dashes
        inside[0] = False
        around = pieces[y:bottom, x:right]
        if np.isin(around, members).sum() < _ALONE * np.count_nonzero(around):
            continue
        owner[inside] = number
        boxes.append((x, y, right - x, bottom - y))
        counts.append(len(members))
    if not boxes:
        return None
    letters = cv2.dilate(owner[pieces], np.ones((5, 5), np.uint8))
    return Lettering(letters, tuple(boxes), tuple(counts))


def _strokes(ink: Ink) -> NDArray[np.uint8]:
    """(h, w), 1 = stroke; those of a dry brush are joined from their crumbs, which would look like letters."""
    strokes = (ink > _INKED).view(np.uint8)
    joined = cv2.morphologyEx(strokes, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    before, after = (cv2.connectedComponents(plane, connectivity=8)[0] - 1 for plane in (strokes, joined))
    return joined if before > _MANY and after < _CRUMBS * before else strokes


def _rows(pieces: NDArray[np.intp], stats: NDArray[np.int32]) -> list[NDArray[np.intp]]:
    """Components of similar height beside each other."""
    if not _FEWEST <= len(pieces) <= 4000:
        return []
    x, y, wide, tall = (stats[pieces, column].astype(np.float64) for column in range(4))
    order = np.argsort(x, kind="stable")
    pieces, x, y, wide, tall = pieces[order], x[order], y[order], wide[order], tall[order]
    parent = np.arange(len(pieces))

    def root(one: int) -> int:
        while parent[one] != one:
            one = int(parent[one])
        return one

    for one in range(len(pieces)):
        others = slice(one + 1, one + 1 + 120)
        gap = x[others] - (x[one] + wide[one])
        low, high = np.minimum(tall[others], tall[one]), np.maximum(tall[others], tall[one])
        common = np.minimum(y[others] + tall[others], y[one] + tall[one]) - np.maximum(y[others], y[one])
        near = (gap < _SPACE * high) & (gap > -0.3 * np.minimum(wide[others], wide[one]))
        near &= (common > 0.6 * low) & (high < _UNLIKE_HEIGHT * low)
        for other in np.flatnonzero(near) + one + 1:
            parent[root(int(other))] = root(one)
    roots = np.array([root(one) for one in range(len(pieces))])
    rows = [_not_nested(pieces[roots == group], stats) for group in np.unique(roots)]
    return [row for row in rows if len(row) >= _FEWEST - 1]


def _not_nested(row: NDArray[np.intp], stats: NDArray[np.int32]) -> NDArray[np.intp]:
    """The components of a row without those inside another one's box, which can't be letters."""
    x, y, wide, tall = (stats[row, column] for column in range(4))
    outer = (x[None] <= x[:, None]) & (y[None] <= y[:, None])
    outer &= (x + wide)[None] >= (x + wide)[:, None]
    outer &= (y + tall)[None] >= (y + tall)[:, None]
    np.fill_diagonal(outer, val=False)
    return np.asarray(row[~outer.any(axis=1)])


def _is_written(row: NDArray[np.intp], pieces: NDArray[np.int32], stats: NDArray[np.int32]) -> bool:
    """Whether the components of a row are letters."""
    tall = stats[row, cv2.CC_STAT_HEIGHT]
    bottom = stats[row, cv2.CC_STAT_TOP] + tall
    height = float(np.median(tall))
    if np.median(np.abs(bottom - np.median(bottom))) > 0.2 * height:
        return False
    filled, strokes, shapes = [], [], []
    for piece in row[:40]:
        x, y, w, h = stats[piece, :4]
        shape = (pieces[y : y + h, x : x + w] == piece).view(np.uint8)
        shapes.append(cv2.resize(shape.astype(np.float32), _BOX, interpolation=cv2.INTER_AREA))
        shape = np.pad(shape, 1)
        hull = cv2.convexHull(np.argwhere(shape)[:, ::-1].astype(np.int32))
        whole = np.zeros_like(shape)
        cv2.fillConvexPoly(whole, hull, 1)
        filled.append(shape.sum() / max(1, whole.sum()))
        depth = cv2.distanceTransform(shape, cv2.DIST_L2, 3)
        strokes.append(4 * depth[shape > 0].mean() - 1)  # the width of a stroke of constant width
    if np.median(strokes) > _STROKE * height or np.median(filled) > _FULL:
        return False
    return bool(np.std(shapes, axis=0).mean() >= _VARIETY)


def _blocks(rows: list[NDArray[np.intp]], stats: NDArray[np.int32]) -> list[list[int]]:
    """Groups rows of similar height below each other into blocks, as lists of the rows' indices."""
    blocks: list[list[int]] = []
    boxes = [_box(row, stats) for row in rows]
    heights = [float(np.median(stats[row, cv2.CC_STAT_HEIGHT])) for row in rows]
    for index in sorted(range(len(rows)), key=lambda index: boxes[index][1]):
        left, top, right, _ = boxes[index]
        for block in blocks:
            start, _, end, bottom = boxes[block[-1]]
            low, high = sorted((heights[index], heights[block[-1]]))
            beside = min(end, right) > max(start, left)
            if beside and high < _UNLIKE_HEIGHT * low and -low < top - bottom < _LEADING * high:
                block.append(index)
                break
        else:
            blocks.append([index])
    return blocks


def _box(pieces: NDArray[np.intp], stats: NDArray[np.int32]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of components."""
    left, top = stats[pieces, 0].min(), stats[pieces, 1].min()
    right = (stats[pieces, 0] + stats[pieces, 2]).max()
    bottom = (stats[pieces, 1] + stats[pieces, 3]).max()
    return int(left), int(top), int(right), int(bottom)

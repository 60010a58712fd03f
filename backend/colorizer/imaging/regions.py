"""The areas that lines enclose, openings in the lines closed: a label for every pixel, line pixels too.

What is an area is decided by `basins`. Large canvases are decided on a copy of what is drawn on and carried up along
the full-size lines; what these enclose and the copy is too small to show is an area, too.

What a region is coloured with is decided elsewhere (`colorizer.engines.match`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.imaging.basins import Basins, Labels, nearest
from colorizer.imaging.cut_off import continue_cut_off
from colorizer.imaging.lines import Ink, line_mask, stroke_width, without_grains

DECIDING_SIDE = 1024
"""Longer side, px, at which areas are decided; of a strip the shorter side is at least a third of it."""
_LONGEST = 3
"""A canvas longer than so many times its shorter side is a strip: openings are measured as if it were no longer."""
_GAP_STROKES, _GAP_SHARE = 4, 0.02
"""Up to how many strokes' widths openings are closed where nobody says how wide, and up to which share of the longer
side: pens get finer, and gaps with them, where a canvas has more pixels."""
CARRIED_PIXELS = 40_000_000
"""Borders are drawn at the canvas's own size up to here; beyond, a copy of so many pixels is enlarged."""
_LEVELS = 7
_GRAZED = 0.15
"""Share of a region that a mask may miss or catch without dividing it: hand-painted borders are never exact."""
_SMALLEST = 2.5e-5
"""Share of the canvas below which an area is given to its neighbour."""
_ENCLOSED = 2.5
"""Area from which what the full-size lines enclose is no flaw of a stroke, in squares of the strokes' width."""
_COVERED = 26
"""How much (of 255) of a pixel of the copy lines have to cover for it to be a line's: thin lines must not vanish."""
_MARGIN, _SMALL_DRAWING = 0.06, 0.7
"""Free space around a drawing that is decided by itself, and the share of the canvas up to which it is, both of its
longer side."""
_NARROW, _SHORT = 0.6, 12
"""Widest radius, in strokes, and largest area, in squares of them, of what is left between strokes of hatching,"""
_NARROWEST = 1.5
"""and the radius, px, that is always narrow."""


@dataclass(frozen=True)
class Regions:
    """Which region every pixel belongs to."""

    labels: Labels
    """(H, W), 0..count-1."""
    coarse: Labels
    """The same, small (see `DECIDING_SIDE`), for all that only needs shares and places. Every region is in it."""
    count: int
    lines: NDArray[np.uint8] | None = None
    """Of the size of `coarse`, 1 = line; None where the regions come from elsewhere."""

    @property
    def off_lines(self) -> NDArray[np.bool_]:
        """(h, w), of the size of `coarse`: where no line is."""
        return np.ones(self.coarse.shape, bool) if self.lines is None else self.lines == 0

    def areas(self) -> NDArray[np.float64]:
        """(count,): each region's share of the canvas."""
        return self._pixels / self.coarse.size

    def shares(self, mask: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(count,): how much of each region lies in `mask` (any size, > 127 inside)."""
        height, width = self.coarse.shape
        inside = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA) > 127
        hits = np.bincount(self.coarse.ravel(), weights=inside.ravel(), minlength=self.count)
        return hits / self._pixels

    def cut(self, mask: NDArray[np.uint8]) -> Regions:
        """Divides the regions that the border of `mask` (H, W) runs through, so that each lies on one side of it."""
        share = self.shares(mask)
        divided = np.flatnonzero((share > _GRAZED) & (share < 1 - _GRAZED))
        if not len(divided):
            return self
        outside = np.arange(self.count, dtype=np.int32)
        outside[divided] = self.count + np.arange(len(divided), dtype=np.int32)
        small = cv2.resize(mask, self.coarse.shape[::-1], interpolation=cv2.INTER_AREA)
        coarse = np.where(small > 127, self.coarse, np.take(outside, self.coarse))
        same = self.labels is self.coarse
        labels = coarse if same else np.where(mask > 127, self.labels, np.take(outside, self.labels))
        return Regions(labels, coarse, self.count + len(divided), self.lines)

    def divide(self, region: int, parts: NDArray[np.uint8]) -> Regions:
        """Takes `parts` (1, 2, …, of the size of `coarse`) out of a region, as regions of their own."""
        new = self.count - 1 + parts.astype(np.int32)
        coarse = np.where((self.coarse == region) & (parts > 0), new, self.coarse)
        if self.labels is self.coarse:
            return Regions(coarse, coarse, self.count + int(parts.max()), self.lines)
        new = cv2.resize(new, self.labels.shape[::-1], interpolation=cv2.INTER_NEAREST)
        labels = np.where((self.labels == region) & (new >= self.count), new, self.labels)
        return Regions(labels, coarse, self.count + int(parts.max()), self.lines)

    @cached_property
    def _pixels(self) -> NDArray[np.intp]:
        """(count,): how many pixels of `coarse` each region has."""
        return np.bincount(self.coarse.ravel(), minlength=self.count)


def find_regions(ink: Ink, *, gap: float = 0.02) -> Regions:
    """Cuts the canvas into the areas its lines enclose.

    Args:
        ink: (H, W), 255 = line.
        gap: widest opening in a line that is closed, as a share of the longer side (of the drawing's, where it covers
            only a small part of a large canvas), 0..0.1; 0: as wide as suits the strokes.
    """
    height, width = ink.shape
    scale = _scale(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if scale == 1:
        lines = line_mask(ink)
        closed = continue_cut_off(lines)
        coarse, whole = _decide_small(closed, gap)
        lines = whole if closed is lines else np.where(closed > lines, np.uint8(0), whole)
        coarse -= 1
        return Regions(coarse, coarse, int(coarse.max()) + 1, lines)
    shrink = min(1.0, (CARRIED_PIXELS / ink.size) ** 0.5)
    drawn = ink if shrink == 1 else cv2.resize(ink, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    lines = line_mask(drawn)
    closed = continue_cut_off(lines)
    top, bottom, left, right = _around(closed)
    labels = inner = _decide_large(np.ascontiguousarray(closed[top:bottom, left:right]), gap)
    if inner.shape != drawn.shape:  # around the drawing there is nothing but paper
        labels = np.full(drawn.shape, inner[0, 0])
        labels[top:bottom, left:right] = inner
    coarse = _sampled(labels, size)
    labels, coarse = _renumbered(labels, coarse)
    if shrink < 1:
        labels = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
    return Regions(labels, coarse, int(coarse.max()) + 1, without_grains(_covered(lines, size)))


def _scale(height: int, width: int) -> float:
    """By how much a canvas is reduced to decide its areas."""
    long, short = max(height, width), min(height, width)
    return min(1.0, max(DECIDING_SIDE / long, DECIDING_SIDE / _LONGEST / short))


def _around(lines: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of what is drawn on, where that is a small part of the canvas; else all of it."""
    height, width = lines.shape
    rows = np.flatnonzero(cv2.reduce(lines, 1, cv2.REDUCE_MAX).ravel())
    columns = np.flatnonzero(cv2.reduce(lines, 0, cv2.REDUCE_MAX).ravel())
    if not len(rows) or max(rows[-1] - rows[0], columns[-1] - columns[0]) > _SMALL_DRAWING * max(
        height, width
    ):
        return 0, height, 0, width
    margin = max(8, round(_MARGIN * max(rows[-1] - rows[0], columns[-1] - columns[0])))
    return (
        max(0, int(rows[0]) - margin),
        min(height, int(rows[-1]) + 1 + margin),
        max(0, int(columns[0]) - margin),
        min(width, int(columns[-1]) + 1 + margin),
    )


def _decide_small(lines: NDArray[np.uint8], gap: float) -> tuple[Labels, NDArray[np.uint8]]:
    """Labels 1..n for every pixel from a line mask (1 = line) that needs no copy, and the mask without flaws."""
    lines, pieces, areas, stroke = _mended(lines)
    whole = without_grains(np.where(np.take(areas == 0, pieces), np.uint8(1), lines))
    return _decide(whole, gap, stroke), whole


def _decide_large(lines: NDArray[np.uint8], gap: float) -> Labels:
    """Labels 1..n for every pixel from a line mask (1 = line) of any size."""
    height, width = lines.shape
    scale = _scale(height, width)
    if scale == 1:
        return _decide_small(lines, gap)[0]
    lines, pieces, areas, stroke = _mended(lines)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    coarse_lines = without_grains(_covered(lines, size))
    coarse = _decide(coarse_lines, gap, stroke * scale)
    owner = _owners(coarse, coarse_lines, pieces, areas >= _ENCLOSED * stroke**2)
    labels = np.take(owner, pieces)
    # Borders on open paper are the copy's; along lines they are drawn at the canvas's size.
    size = (width, height)
    off_line = cv2.resize(coarse_lines, size, interpolation=cv2.INTER_NEAREST) == 0
    open_paper = (labels == 0) & (pieces > 0) & off_line
    np.copyto(labels, cv2.resize(coarse, size, interpolation=cv2.INTER_NEAREST), where=open_paper)
    # Below lines half the size is enough.
    half = np.ascontiguousarray(labels[::2, ::2])
    below = cv2.resize(nearest(half), size, interpolation=cv2.INTER_NEAREST)
    np.copyto(labels, below, where=labels == 0)
    return labels


def _covered(lines: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The line mask on a smaller copy."""
    share = cv2.resize(lines * np.uint8(255), size, interpolation=cv2.INTER_AREA)
    return cv2.threshold(share, _COVERED, 1, cv2.THRESH_BINARY)[1]  # type: ignore[no-any-return]


def _mended(lines: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Labels, NDArray[np.intp], float]:
    """A line mask without the gaps that a dry brush leaves in its strokes.

    Returns:
        The mask, the pieces of paper between lines (0 = none), the area of each piece (0: a hole in a stroke), the
        strokes' width.
    """
    stroke = stroke_width(lines)
    reach = 2 * int(stroke / 5) + 1
    if reach > 1:
        lines = cv2.morphologyEx(lines, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(1 - lines, connectivity=4)
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.intp)
    areas[0] = 0
    areas[areas < stroke**2] = 0
    return lines, pieces, areas, stroke


def _owners(
    coarse: Labels, coarse_lines: NDArray[np.uint8], pieces: Labels, own: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """The label of every piece that is of one region; 0 for those of several, and of none.

    Args:
        coarse: (h, w), the copy's regions, 1..n.
        coarse_lines: (h, w), the copy's lines.
        pieces: (H, W), what the full-size lines enclose.
        own: which pieces are large enough to be a region where the copy shows none.
    """
    here = cv2.resize(pieces, coarse.shape[::-1], interpolation=cv2.INTER_NEAREST)
    seen = (coarse_lines == 0) & (here > 0)
    count = int(coarse.max()) + 1
    pairs, pixels = np.unique(here[seen].astype(np.int64) * count + coarse[seen], return_counts=True)
    piece, label = np.divmod(pairs, count)
    order = np.lexsort((pixels, label))
    last = np.append(label[order][1:] != label[order][:-1], True)[: len(order)]
    main = order[last]  # each region's largest piece; what else it has it took for want of pixels
    is_main = np.zeros(len(own), bool)
    is_main[piece[main]] = True
    kinds = np.bincount(piece, minlength=len(own))
    owner = np.zeros(len(own), np.int32)
    owner[piece] = label
    owner[is_main & (kinds > 1)] = 0
    lost = np.flatnonzero(own & ~is_main)
    owner[lost] = count + np.arange(len(lost), dtype=np.int32)
    return owner


def _sampled(labels: Labels, size: tuple[int, int]) -> Labels:
    """The labels on a smaller copy; those too small for it have one pixel."""
    coarse: Labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
    missing = np.bincount(coarse.ravel(), minlength=int(labels.max()) + 1) == 0
    missing[0] = False
    if missing.any():
        y, x = np.nonzero(np.take(missing, labels))
        order = np.argsort(labels[y, x], kind="stable")
        found, start, pixels = np.unique(labels[y, x][order], return_index=True, return_counts=True)
        middle = order[start + pixels // 2]
        rows, columns = y[middle] * size[1] // labels.shape[0], x[middle] * size[0] // labels.shape[1]
        coarse[rows, columns] = found
    return coarse


def _renumbered(labels: Labels, coarse: Labels) -> tuple[Labels, Labels]:
    """The same, 0..n-1 without holes; what has no pixel in the copy is given to the nearest that has."""
    used = np.bincount(coarse.ravel(), minlength=int(labels.max()) + 1) > 0
    if used[1:].all():
        labels -= 1
        return labels, coarse - 1
    number = np.cumsum(used, dtype=np.int32)
    number[~used] = 0
    labels = nearest(np.take(number, labels))
    labels -= 1
    return labels, np.take(number, coarse) - 1


def gap_closed(regions: Regions, gap: float) -> float:
    """The widest opening that was closed in regions found with `gap`, as a share of the longer side."""
    if gap or regions.lines is None:
        return gap or _GAP_SHARE
    return _usual_gap(stroke_width(regions.lines), max(regions.lines.shape))


def _usual_gap(stroke: float, side: float) -> float:
    return min(_GAP_SHARE, _GAP_STROKES * stroke / side)


def _decide(lines: NDArray[np.uint8], gap: float, stroke: float) -> Labels:
    """Labels 1..n for every pixel from a line mask (1 = line), whose strokes are usually `stroke` px wide."""
    distance = cv2.distanceTransform(1 - lines, cv2.DIST_L2, 3)
    side = min(max(lines.shape), _LONGEST * min(lines.shape))
    widest = max((gap or _usual_gap(stroke, side)) * side / 2, 1.5)
    narrowest = max(0.75, widest / 2 ** (_LEVELS - 2))
    basins = Basins(distance)
    for radius in (*np.geomspace(widest, narrowest, _LEVELS - 1), 0.0):
        basins.lower(float(radius))
    labels = nearest(basins.labels)
    return _numbered(_without_specks(labels, distance, stroke))


def _without_specks(labels: Labels, distance: NDArray[np.float32], stroke: float) -> Labels:
    """Gives areas too small to see, and what is left between strokes of hatching, to their neighbours."""
    area = np.bincount(labels.ravel())
    speck = area < max(4, _SMALLEST * labels.size)
    short = ~speck & (area < _SHORT * stroke**2)
    if short.any():
        inside = np.take(short, labels)
        radius = np.zeros(len(area), np.float32)
        np.maximum.at(radius, labels[inside], distance[inside])
        speck |= short & (radius < max(_NARROWEST, _NARROW * stroke))
    if not (speck & (area > 0)).any() or speck[area > 0].all():
        return labels
    return nearest(np.where(np.take(speck, labels), 0, labels))


def _numbered(labels: Labels) -> Labels:
    """The same regions, numbered 1..n without holes."""
    used = np.bincount(labels.ravel()) > 0
    number = np.cumsum(used, dtype=np.int32)
    return number[labels]

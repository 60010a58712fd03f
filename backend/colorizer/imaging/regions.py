"""Finds the areas that lines enclose, with openings in the lines closed. Every pixel gets a label, line pixels, too.

`basins` segments the areas. For large canvases this is done on a smaller copy of the drawn part, and the labels are
enlarged along the full-size lines. Areas that the full-size lines enclose and that are too small for the copy are
found, too.

`colorizer.engines.match` chooses the colours of the regions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.imaging.basins import Basins, Labels, nearest
from colorizer.imaging.cut_off import FindFigure, continue_cut_off
from colorizer.imaging.lines import (
    Ink,
    in_short_pieces,
    label_areas,
    line_mask,
    stroke_width,
    without_grains,
)
from colorizer.imaging.lookup import look_up

DECIDING_SIDE = 1024
"""Longer side, in pixels, of the copy for segmentation; the shorter side of a strip is at least a third of it."""
_LONGEST = 3
"""Ratio of the sides from which a canvas is a strip. Openings are measured as if the ratio were no larger."""
_GAP_STROKES, _GAP_SHARE = 4, 0.02
"""Default of the largest opening that is closed: a multiple of the strokes' width, but at most this fraction of the
longer side. It depends on the strokes, because canvases with more pixels have finer strokes and gaps."""
_BROKEN_STROKES, _BROKEN_SHARE, _FEWEST_OPENINGS = 8, 0.042, 10
"""The same for a drawing in lines that are broken everywhere, and the least number of openings in such a drawing."""
_SHORT_PIECES = 0.17
"""Least fraction of the ink in short pieces in such a drawing."""
CARRIED_PIXELS = 40_000_000
"""Number of pixels up to which borders are computed at full size; a larger canvas uses an enlarged copy."""
_LEVELS = 7
_GRAZED = 0.15
"""Fraction of a region that a mask may miss or include without dividing the region: painted masks are inexact."""
_SMALLEST = 2.5e-5
"""Fraction of the canvas below which an area is merged with its neighbour."""
_ENCLOSED = 2.5
"""Least area that the full-size lines enclose, in squares of the strokes' width; smaller ones are holes in a stroke."""
_COVERED = 26
"""Coverage (of 255) of the copy's pixels by lines from which they are line pixels. It is low, to keep thin lines."""
_MARGIN, _SMALL_DRAWING = 0.06, 0.7
"""Margin around a small drawing that is segmented without the rest of the canvas, and the size up to which a drawing is
small; both as fractions of the longer side."""
_NARROW, _SHORT = 0.6, 12
"""Largest radius, in strokes' widths, and largest area, in squares of these, of spaces between strokes of hatching."""
_NARROWEST = 1.5
"""Radius, in pixels, up to which a space is always narrow."""


@dataclass(frozen=True)
class Regions:
    """The region of every pixel."""

    labels: Labels
    """(H, W), 0..count-1."""
    coarse: Labels
    """The labels in the size of a small copy (see `DECIDING_SIDE`), for areas and positions, with every region."""
    count: int
    lines: NDArray[np.uint8] | None = None
    """Of the size of `coarse`, 1 = line; None if the regions weren't found from lines."""

    @property
    def off_lines(self) -> NDArray[np.bool_]:
        """(h, w), of the size of `coarse`: the pixels without lines."""
        return np.ones(self.coarse.shape, bool) if self.lines is None else self.lines == 0

    def areas(self) -> NDArray[np.float64]:
        """(count,): each region's fraction of the canvas."""
        return self._pixels / self.coarse.size

    def shares(self, mask: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(count,): the fraction of each region inside `mask` (any size, > 127 is inside)."""
        height, width = self.coarse.shape
        inside = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA) > 127
        return np.bincount(self.coarse[inside], minlength=self.count) / self._pixels

    def cut(self, mask: NDArray[np.uint8]) -> Regions:
        """Divides the regions at the border of `mask` (H, W), so that each is on one side of it."""
        share = self.shares(mask)
        divided = np.flatnonzero((share > _GRAZED) & (share < 1 - _GRAZED))
        if not len(divided):
            return self
        outside = np.arange(self.count, dtype=np.int32)
        outside[divided] = self.count + np.arange(len(divided), dtype=np.int32)
        small = cv2.resize(mask, self.coarse.shape[::-1], interpolation=cv2.INTER_AREA)
        coarse = np.where(small > 127, self.coarse, np.take(outside, self.coarse))
        same = self.labels is self.coarse
        labels = coarse if same else np.where(mask > 127, self.labels, look_up(outside, self.labels))
        return Regions(labels, coarse, self.count + len(divided), self.lines)

    def divide(self, region: int, parts: NDArray[np.uint8]) -> Regions:
        """Makes `parts` (numbers above 0, of the size of `coarse`) of a region new regions."""
        here = np.where(self.coarse == region, parts, np.uint8(0))
        used = np.bincount(here.ravel(), minlength=int(parts.max()) + 1) > 0
        used[0] = True
        numbers = (np.cumsum(used, dtype=np.int32) - 1)[here]
        new = self.count - 1 + numbers
        coarse = np.where(numbers > 0, new, self.coarse)
        if self.labels is self.coarse:
            return Regions(coarse, coarse, self.count + int(numbers.max()), self.lines)
        new = cv2.resize(new, self.labels.shape[::-1], interpolation=cv2.INTER_NEAREST)
        labels = np.where((self.labels == region) & (new >= self.count), new, self.labels)
        return Regions(labels, coarse, self.count + int(numbers.max()), self.lines)

    @cached_property
    def _pixels(self) -> NDArray[np.intp]:
        """(count,): the number of pixels of each region in `coarse`."""
        return np.bincount(self.coarse.ravel(), minlength=self.count)


def find_regions(ink: Ink, *, gap: float = 0.02, find_figure: FindFigure | None = None) -> Regions:
    """Finds the areas that the lines enclose.

    Args:
        ink: (H, W), 255 = line.
        gap: the largest opening in a line that is closed, as a fraction of the longer side (the drawing's, if it covers
            only a small part of a large canvas), 0..0.1; 0 chooses a width by the strokes.
        find_figure: see `continue_cut_off`.
    """
    height, width = ink.shape
    scale = _scale(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if scale == 1:
        lines = line_mask(ink)
        closed = continue_cut_off(lines, find_figure)
        coarse, whole = _decide_small(closed, gap)
        lines = whole if closed is lines else np.where(closed > lines, np.uint8(0), whole)
        coarse -= 1
        return Regions(coarse, coarse, int(coarse.max()) + 1, lines)
    shrink = min(1.0, (CARRIED_PIXELS / ink.size) ** 0.5)
    drawn = ink if shrink == 1 else cv2.resize(ink, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    lines = line_mask(drawn)
    closed = continue_cut_off(lines, find_figure)
    top, bottom, left, right = _around(closed)
    labels = inner = _decide_large(np.ascontiguousarray(closed[top:bottom, left:right]), gap)
    if inner.shape != drawn.shape:  # outside of the drawing there is only paper
        labels = np.full(drawn.shape, inner[0, 0])
        labels[top:bottom, left:right] = inner
    coarse = _sampled(labels, size)
    labels, coarse = _renumbered(labels, coarse)
    if shrink < 1:
        labels = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
    return Regions(labels, coarse, int(coarse.max()) + 1, without_grains(_covered(lines, size)))


def _scale(height: int, width: int) -> float:
    """The scale of the copy for segmentation."""
    long, short = max(height, width), min(height, width)
    return min(1.0, max(DECIDING_SIDE / long, DECIDING_SIDE / _LONGEST / short))


def _around(lines: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of the drawn part if it is a small part of the canvas; otherwise the whole canvas."""
    height, width = lines.shape
    x, y, wide, tall = cv2.boundingRect(lines)
    if not wide or max(tall, wide) - 1 > _SMALL_DRAWING * max(height, width):
        return 0, height, 0, width
    margin = max(8, round(_MARGIN * (max(tall, wide) - 1)))
    return (
        max(0, y - margin),
        min(height, y + tall + margin),
        max(0, x - margin),
        min(width, x + wide + margin),
    )


def _decide_small(lines: NDArray[np.uint8], gap: float) -> tuple[Labels, NDArray[np.uint8]]:
    """Labels 1..n for every pixel of a line mask (1 = line) that is small enough, and the mask with mended strokes."""
    lines, pieces, areas, stroke = _mended(lines)
    whole = without_grains(np.where(look_up(areas == 0, pieces), np.uint8(1), lines))
    return _decide(whole, gap, stroke), whole


def _decide_large(lines: NDArray[np.uint8], gap: float) -> Labels:
    """Labels 1..n for every pixel of a line mask (1 = line) of any size."""
    height, width = lines.shape
    scale = _scale(height, width)
    if scale == 1:
        return _decide_small(lines, gap)[0]
    lines, pieces, areas, stroke = _mended(lines)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    coarse_lines = without_grains(_covered(lines, size))
    coarse = _decide(coarse_lines, gap, stroke * scale)
    owner = _owners(coarse, coarse_lines, pieces, areas >= _ENCLOSED * stroke**2)
    labels = look_up(owner, pieces)
    # Borders on open paper are taken from the copy; along lines they are computed at full size.
    size = (width, height)
    shared = owner == 0
    shared[0] = False
    if shared.any():
        off_line = cv2.resize(coarse_lines, size, interpolation=cv2.INTER_NEAREST) == 0
        open_paper = (labels == 0) & (pieces > 0) & off_line
        np.copyto(labels, cv2.resize(coarse, size, interpolation=cv2.INTER_NEAREST), where=open_paper)
    # Under the lines half the size is enough.
    half = np.ascontiguousarray(labels[::2, ::2])
    below = cv2.resize(nearest(half), size, interpolation=cv2.INTER_NEAREST)
    np.copyto(labels, below, where=labels == 0)
    return labels


def _covered(lines: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The line mask in the size of a smaller copy."""
    share = cv2.resize(lines * np.uint8(255), size, interpolation=cv2.INTER_AREA)
    return cv2.threshold(share, _COVERED, 1, cv2.THRESH_BINARY)[1]  # type: ignore[no-any-return]


def _mended(lines: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Labels, NDArray[np.intp], float]:
    """Fills the holes that a dry brush leaves in its strokes.

    Returns:
        The line mask, the connected pieces of paper between lines (0 = none), the area of each piece (0: a hole in a
        stroke), and the strokes' width.
    """
    stroke = stroke_width(lines)
    reach = 2 * int(stroke / 5) + 1
    if reach > 1:
        lines = cv2.morphologyEx(lines, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    count, pieces = cv2.connectedComponents(1 - lines, connectivity=4)
    areas = label_areas(pieces, count)
    areas[0] = 0
    areas[areas < stroke**2] = 0
    return lines, pieces, areas, stroke


def _owners(
    coarse: Labels, coarse_lines: NDArray[np.uint8], pieces: Labels, own: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """The label of every piece that belongs to one region; 0 for those of several regions or of none.

    Args:
        coarse: (h, w), the copy's regions, 1..n.
        coarse_lines: (h, w), the copy's lines.
        pieces: (H, W), the areas that the full-size lines enclose.
        own: which pieces are large enough for a region of their own if the copy has none there.
    """
    here = cv2.resize(pieces, coarse.shape[::-1], interpolation=cv2.INTER_NEAREST)
    seen = (coarse_lines == 0) & (here > 0)
    count = int(coarse.max()) + 1
    pairs, pixels = np.unique(here[seen].astype(np.int64) * count + coarse[seen], return_counts=True)
    piece, label = np.divmod(pairs, count)
    order = np.lexsort((pixels, label))
    last = np.append(label[order][1:] != label[order][:-1], True)[: len(order)]
    main = order[
        last
    ]  # each region's largest piece; it has others only because the copy's pixels are too large
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
    """The labels in the size of a smaller copy; labels that are too small for it get one pixel."""
    coarse: Labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
    missing = np.bincount(coarse.ravel(), minlength=int(labels.max()) + 1) == 0
    missing[0] = False
    if missing.any():
        y, x = np.nonzero(look_up(missing, labels))
        order = np.argsort(labels[y, x], kind="stable")
        found, start, pixels = np.unique(labels[y, x][order], return_index=True, return_counts=True)
        middle = order[start + pixels // 2]
        rows, columns = y[middle] * size[1] // labels.shape[0], x[middle] * size[0] // labels.shape[1]
        coarse[rows, columns] = found
    return coarse


def _renumbered(labels: Labels, coarse: Labels) -> tuple[Labels, Labels]:
    """The labels renumbered to 0..n-1; regions without a pixel in the copy are merged with the nearest other one."""
    used = np.bincount(coarse.ravel(), minlength=int(labels.max()) + 1) > 0
    if used[1:].all():
        labels -= 1
        return labels, coarse - 1
    number = np.cumsum(used, dtype=np.int32)
    number[~used] = 0
    labels = nearest(look_up(number, labels))
    labels -= 1
    return labels, np.take(number, coarse) - 1


def gap_closed(regions: Regions, gap: float) -> float:
    """The largest opening that `find_regions` closes with `gap`, as a fraction of the longer side."""
    if gap or regions.lines is None:
        return gap or _GAP_SHARE
    return _usual_gap(stroke_width(regions.lines), max(regions.lines.shape))


def _usual_gap(stroke: float, side: float) -> float:
    return min(_GAP_SHARE, _GAP_STROKES * stroke / side)


def _decide(lines: NDArray[np.uint8], gap: float, stroke: float) -> Labels:
    """Labels 1..n for every pixel of a line mask (1 = line) with a typical stroke width of `stroke` pixels."""
    distance = cv2.distanceTransform(1 - lines, cv2.DIST_L2, 3)
    side = min(max(lines.shape), _LONGEST * min(lines.shape))
    labels = _segmented(distance, (gap or _usual_gap(stroke, side)) * side, stroke)
    if not gap and _is_broken(labels, lines, stroke):
        return _segmented(distance, min(_BROKEN_SHARE * side, _BROKEN_STROKES * stroke), stroke)
    return labels


def _is_broken(labels: Labels, lines: NDArray[np.uint8], stroke: float) -> bool:
    """Whether the lines are broken everywhere, as those of charcoal are: with more openings than there are regions, and
    into many short pieces."""
    border = np.zeros(lines.shape, np.uint8)
    border[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    border[1:] |= labels[1:] != labels[:-1]
    stats = cv2.connectedComponentsWithStats(border & (1 - lines), connectivity=8)[2][1:]
    openings = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1) > 1
    if np.count_nonzero(openings) < max(_FEWEST_OPENINGS, int(labels.max())):
        return False
    return in_short_pieces(lines, stroke) >= _SHORT_PIECES


def _segmented(distance: NDArray[np.float32], gap: float, stroke: float) -> Labels:
    """Labels 1..n for every pixel by its distance from lines, with openings up to `gap` pixels closed."""
    widest = max(gap / 2, 1.5)
    narrowest = max(0.75, widest / 2 ** (_LEVELS - 2))
    basins = Basins(distance)
    for radius in (*np.geomspace(widest, narrowest, _LEVELS - 1), 0.0):
        basins.lower(float(radius))
    return _numbered(_without_specks(nearest(basins.labels), distance, stroke))


def _without_specks(labels: Labels, distance: NDArray[np.float32], stroke: float) -> Labels:
    """Merges areas that are too small to see, and spaces between strokes of hatching, with their neighbours."""
    area = np.bincount(labels.ravel())
    speck = area < max(4, _SMALLEST * labels.size)
    short = ~speck & (area < _SHORT * stroke**2)
    if short.any():
        inside = look_up(short, labels)
        radius = np.zeros(len(area), np.float32)
        np.maximum.at(radius, labels[inside], distance[inside])
        speck |= short & (radius < max(_NARROWEST, _NARROW * stroke))
    if not (speck & (area > 0)).any() or speck[area > 0].all():
        return labels
    return nearest(np.where(look_up(speck, labels), 0, labels))


def _numbered(labels: Labels) -> Labels:
    """The same regions, renumbered to 1..n."""
    used = np.bincount(labels.ravel()) > 0
    number = np.cumsum(used, dtype=np.int32)
    return look_up(number, labels)

"""Cuts a page along its gutters into convex polygons (X-Y cut with slanted cuts).

A gutter is a strip of paper from one end of an area to the other, with a straight border on at least one side. Drawn
things may cross it in few places. An area is a panel if most of its sides have a frame. Sides at the page's edge don't
count, and a missing side is drawn between the ends of its neighbours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
"""(h, w), 1 = drawn, 0 = paper."""
Polygon = NDArray[np.float64]
"""(N, 2): the corners of a convex polygon in order, x and y in pixels."""

_SIDE = 384
"""Longer side, in pixels, of the copy on which gutters are searched."""
_SLOPES = tuple(math.tan(math.radians(angle)) for angle in range(-32, 33))
_UPRIGHT = slice(24, 41)
"""The slopes of a page's outer borders."""
_CLEAN = 0.75
"""Least fraction of a gutter's length on which nothing crosses it."""
_WIDEST, _USUAL = 0.1, 0.02
"""Largest width of a gutter, and of one with a border on one side only, as fractions of the page's longer side."""
_OTHER_BORDER, _BOTH_BORDERS, _ONE_BORDER = 0.5, 1.4, 0.85
"""Least lengths of the borders, as fractions of the gutter's length: of the shorter one, of both together, and of a
single one."""
_WHOLE = 0.95
"""Least length of a gutter with a single border, as a fraction of the longest line of its slope."""
_OUTER_BORDER = 0.6
"""Least length of the border between a page's margin and its panels, as a fraction."""
_END = 0.08
"""Fraction of a gutter's length at each end on which nothing may close it."""
_SMALLEST = 0.015
"""Least fraction of the page for an area."""
_FRAMED = 0.55
"""Least fraction of a panel's sides that have a frame, without the sides along the page's edge."""
_ALL_FRAMED = 0.6
"""Least fraction of the sides of all panels that have a frame."""
_NOTES = 0.12
"""Height, as a fraction of the page's, up to which things outside of all frames are treated as a title or notes."""
_STICKING_OUT = 0.1
"""How far something may extend from a frame into the margin, as a fraction of the page's longer side."""
_DEEPEST = 6


@dataclass(frozen=True)
class _Cut:
    """A gutter between two parallel lines x + slope * y = `start` and = `end` (with x and y swapped if `level`)."""

    level: bool
    slope: float
    start: float
    end: float
    score: float


class _Field:
    """The content of an area, transposed if needed so that the gutters run from top to bottom."""

    def __init__(self, area: Plane, drawn: Plane, *, level: bool) -> None:
        ink = drawn & area
        area, ink = (np.ascontiguousarray(plane.T) for plane in (area, ink)) if level else (area, ink)
        self.level = level
        self.height, self.width = area.shape
        self.rows = np.flatnonzero(area.any(axis=1))
        self.first = area[self.rows].argmax(axis=1)
        self.last = self.width - 1 - area[self.rows, ::-1].argmax(axis=1)
        self.ink = ink
        self.ink_runs = _runs(ink)
        self.near_runs = _runs(cv2.dilate(ink, np.ones((1, 5), np.uint8)))

    def profile(self, slope: float) -> _Profile:
        """The columns after a shear that makes the lines x + `slope` * y = constant vertical."""
        moved = np.rint(slope * np.arange(self.height)).astype(np.intp)
        shift = -int(moved.min())
        moved += shift
        size = self.width + int(moved.max()) + 1
        length = _covered((self.rows, self.first, self.last + 1), moved, size).astype(np.float64)
        return _Profile(self, slope, length, _covered(self.ink_runs, moved, size), moved, shift)


def _runs(plane: Plane) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """The runs of set pixels in the rows of (h, w): row, first column, and the column after the last one."""
    edges = np.diff(np.pad(plane.view(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, starts = np.nonzero(edges > 0)
    return rows, starts, np.nonzero(edges < 0)[1]


def _covered(
    runs: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]], moved: NDArray[np.intp], size: int
) -> NDArray[np.intp]:
    """(size,): the number of runs over each column, after every row has been moved to the right."""
    rows, starts, ends = runs
    begun = np.bincount(starts + moved[rows], minlength=size)
    return np.cumsum(begun - np.bincount(ends + moved[rows], minlength=size))


@dataclass(frozen=True)
class _Profile:
    """The sheared columns of an area."""

    field: _Field
    slope: float
    length: NDArray[np.float64]
    """Number of the area's pixels in each column."""
    drawn: NDArray[np.intp]
    """Number of drawn pixels in each column."""
    moved: NDArray[np.intp]
    """How far the shear moves each row."""
    shift: int
    """Distance of column 0 to the left of the page."""

    @property
    def level(self) -> bool:
        """Whether the columns are horizontal on the page."""
        return self.field.level

    @cached_property
    def crossed(self) -> NDArray[np.float64]:
        """Fraction of each column that is drawn."""
        return self.drawn / np.maximum(self.length, 1)

    @cached_property
    def bordered(self) -> NDArray[np.float64]:
        """Fraction of each column with something drawn at most two pixels to the left or right."""
        near = _covered(self.field.near_runs, self.moved, len(self.length))
        return near / np.maximum(self.length, 1)

    def is_open(self, start: int, end: int) -> bool:
        """Whether columns `start`..`end` are open at both ends; a frame that they don't divide would close them."""
        y, x = np.nonzero(self.field.ink)
        columns = x + self.moved[y]
        drawn = np.bincount(y[(columns >= start) & (columns < end)], minlength=self.field.height)
        rows = np.flatnonzero(np.bincount(self.field.rows, minlength=self.field.height))
        moved = np.rint(self.slope * rows) + self.shift
        low = np.maximum(self.field.first + moved, start)
        inside = np.minimum(self.field.last + moved + 1, end) - low
        rows, inside = rows[inside > 0], inside[inside > 0]
        closed = drawn[rows] >= np.maximum(0.9 * inside, 1)
        reach = max(2, round(_END * len(rows)))
        return not (closed[:reach].any() or closed[-reach:].any())


def find_polygons(drawn: Plane) -> list[Polygon] | None:
    """Finds the panels of a page; None if it has no gutters.

    Args:
        drawn: (h, w), at any size.
    """
    if not _Page(_smaller(drawn, _SIDE // 2)[0]).may_have_gutters():
        return None
    small, step = _smaller(drawn, _SIDE)
    found = _Page(small).panels()
    if len(found) < 2:
        return None
    return [(polygon + 0.5) * step for polygon in found]


def _smaller(drawn: Plane, side: int) -> tuple[Plane, int]:
    """A smaller copy that keeps all lines, and the factor of reduction."""
    step = max(1, math.ceil(max(drawn.shape) / side))
    small = cv2.dilate(drawn, np.ones((step, step), np.uint8), anchor=(0, 0))[::step, ::step]
    return np.ascontiguousarray(small), step


class _Page:
    """A page that is being cut."""

    def __init__(self, drawn: Plane) -> None:
        self.drawn = drawn
        self.height, self.width = drawn.shape
        self.side = max(drawn.shape)

    def may_have_gutters(self) -> bool:
        """A quick test whether paper with a long straight border runs through the page; in most drawings it doesn't."""
        mask = np.ones_like(self.drawn)
        for level in (True, False):
            field = _Field(mask, self.drawn, level=level)
            for slope in _SLOPES[::2]:
                profile = field.profile(slope)
                usable = profile.length >= 0.6 * profile.length.max()
                clean = (usable & (profile.crossed <= 1.2 * (1 - _CLEAN))).view(np.uint8)[None]
                near = cv2.dilate(clean, np.ones((1, 9), np.uint8))[0] > 0
                border = np.flatnonzero(usable & near & (profile.bordered >= 0.8 * _OUTER_BORDER))
                if len(border) and clean[0, border[0] : border[-1] + 1].any():
                    return True  # paper between two borders, not only the margin around
        return False

    def panels(self) -> list[Polygon]:
        """The framed polygons; fewer than two if this isn't a comic page."""
        right, bottom = self.width - 1.0, self.height - 1.0
        whole = np.array([(0, 0), (right, 0), (right, bottom), (0, bottom)], np.float64)
        found = self._divide(whole, 0)
        if found is None or len(found) < 2:
            return []
        framed, sides = (
            sum(values) for values in zip(*(self._framed(one)[:2] for one in found), strict=True)
        )
        return found if framed >= _ALL_FRAMED * sides else []

    def _divide(self, area: Polygon, depth: int) -> list[Polygon] | None:
        """The panels in an area; None if it isn't a panel and contains none."""
        cut = self._best_cut(area) if depth < _DEEPEST else None
        if cut is not None:
            found, loose = [], 0
            for before in (True, False):
                part = self._clip(area, cut, before=before)
                inside = self._divide(part, depth + 1)
                loose += inside is None
                if inside is None and (loose == 2 or not self._is_note(part)):
                    break
                found += inside or []
            else:
                return found
        if depth == 0:
            return None
        panel = self._closed(self._trimmed(area))
        framed, _, counted = self._framed(panel)
        return [panel] if framed >= _FRAMED * counted > 0 else None

    def _is_note(self, area: Polygon) -> bool:
        """Whether the area's content outside of frames is empty or small enough for a title."""
        rows = np.flatnonzero((self._mask(area) & self.drawn).any(axis=1))
        return len(rows) == 0 or rows[-1] - rows[0] < _NOTES * self.height

    def _mask(self, area: Polygon) -> Plane:
        mask = np.zeros(self.drawn.shape, np.uint8)
        cv2.fillConvexPoly(mask, np.round(area).astype(np.int32), 1)
        return mask

    def _best_cut(self, area: Polygon) -> _Cut | None:
        mask = self._mask(area)
        best: _Cut | None = None
        for level in (True, False):
            field = _Field(mask, self.drawn, level=level)
            for slope in _SLOPES:
                for cut in self._cuts(field.profile(slope)):
                    if (best is None or cut.score > best.score) and self._parts_hold_something(area, cut):
                        best = cut
        return best

    def _cuts(self, profile: _Profile) -> list[_Cut]:
        """The gutters of one slope."""
        if profile.bordered.max() < min(_BOTH_BORDERS / 2, _ONE_BORDER):
            return []
        usable = profile.length >= max(0.6 * profile.length.max(), 0.1 * self.side)
        clean = usable & (profile.crossed <= 1 - _CLEAN)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], clean, [False]]).astype(np.int8)))
        usual, widest = _USUAL * self.side, _WIDEST * self.side
        cuts = []
        for start, end in edges.reshape(-1, 2):
            left = profile.bordered[max(0, start - 4) : start + 2].max() if start > 0 else 0.0
            right = profile.bordered[max(0, end - 2) : end + 4].max() if end < len(clean) else 0.0
            strips = [(start, end, left, right)]
            if (
                end - start > widest
            ):  # the strip would contain the paper of a panel without a frame on that side
                strips = [(start, start + usual, left, 0.0), (end - usual, end, 0.0, right)]
            for first, last, before, after in strips:
                from_, to = int(first), max(int(first) + 1, int(last))
                whole = profile.length[from_:to].min() >= _WHOLE * profile.length.max()
                both = min(before, after) >= _OTHER_BORDER and before + after >= _BOTH_BORDERS
                if not both and not (whole and max(before, after) >= _ONE_BORDER):
                    continue
                if profile.is_open(from_, to):
                    crossed = profile.crossed[from_:to].mean()
                    score = before + after - crossed - 0.2 * abs(profile.slope)
                    cuts.append(
                        _Cut(
                            profile.level,
                            profile.slope,
                            first - profile.shift,
                            last - 1 - profile.shift,
                            score,
                        )
                    )
        return cuts

    def _parts_hold_something(self, area: Polygon, cut: _Cut) -> bool:
        for before in (True, False):
            part = self._clip(area, cut, before=before)
            if len(part) < 3 or cv2.contourArea(part.astype(np.float32)) < _SMALLEST * self.drawn.size:
                return False
            inner = cv2.erode(self._mask(part), np.ones((7, 7), np.uint8))
            if not (inner & self.drawn).any():
                return False
        return True

    def _clip(self, area: Polygon, cut: _Cut, *, before: bool) -> Polygon:
        """The part of the area before or after a gutter (Sutherland-Hodgman clipping)."""
        across, along = (1, 0) if cut.level else (0, 1)
        at = area[:, across] + cut.slope * area[:, along]
        inside = cut.start - at if before else at - cut.end
        corners = []
        for index in range(len(area)):
            here, there = inside[index - 1], inside[index]
            if (here >= 0) != (there >= 0):
                corners.append(area[index - 1] + (area[index] - area[index - 1]) * (here / (here - there)))
            if there >= 0:
                corners.append(area[index])
        return np.array(corners).reshape(-1, 2)

    def _trimmed(self, area: Polygon) -> Polygon:
        """The area without the margin outside of its frame."""
        for level in (True, False):
            for before in (True, False):
                best: _Cut | None = None
                field = _Field(self._mask(area), self.drawn, level=level)
                for slope in _SLOPES[_UPRIGHT]:
                    cut = self._margin(field.profile(slope), before=before)
                    if cut is not None and (best is None or cut.score > best.score):
                        best = cut
                if best is not None:
                    clipped = self._clip(area, best, before=not before)
                    area = clipped if len(clipped) >= 3 else area
        return area

    def _margin(self, profile: _Profile, *, before: bool) -> _Cut | None:
        """The margin on one side of an area, up to the first line of one slope along most of it."""
        order = slice(None) if before else slice(None, None, -1)
        usable = np.flatnonzero(profile.length[order] >= 0.8 * profile.length.max())
        bordered, crossed = profile.bordered[order], profile.crossed[order]
        drawn = np.flatnonzero(profile.drawn[order])
        if not len(drawn):
            return None
        for column in usable[usable <= drawn[0] + _STICKING_OUT * self.side]:
            if bordered[column] >= _OUTER_BORDER:
                last = column + int(np.argmax(crossed[column : column + 6]))  # the middle of the line
                at = last if before else len(bordered) - 1 - last
                end = float(at - profile.shift)
                return _Cut(
                    profile.level, profile.slope, end, end, bordered[column] - 0.5 * abs(profile.slope)
                )
            if crossed[column] > 1 - _CLEAN:
                return None
        return None

    def _closed(self, panel: Polygon) -> Polygon:
        """The panel, in which each side without a frame is replaced by a line between the ends of its neighbours."""
        corners = panel.copy()
        count = len(corners)
        carried = [self._carried(corners[i], corners[(i + 1) % count]) for i in range(count)]
        for side, places in enumerate(carried):
            if places.mean() >= 0.4:
                continue
            for corner, other in ((side, side - 1), ((side + 1) % count, (side + 2) % count)):
                neighbour = self._carried(corners[other], corners[corner])
                if neighbour.mean() >= 0.4:
                    reach = (np.flatnonzero(neighbour)[-1] + 1) / len(neighbour)
                    if reach < 0.97:
                        corners[corner] = corners[other] + (corners[corner] - corners[other]) * reach
        return corners

    def _carried(self, start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Where along a side there is a frame."""
        count = max(2, round(float(np.linalg.norm(end - start))))
        points = start + (end - start) * (np.arange(count) / (count - 1))[:, None]
        x = np.clip(np.round(points[:, 0]).astype(int), 0, self.width - 1)
        y = np.clip(np.round(points[:, 1]).astype(int), 0, self.height - 1)
        return np.asarray(self._near[y, x] > 0)

    @cached_property
    def _near(self) -> Plane:
        return cv2.dilate(self.drawn, np.ones((5, 5), np.uint8))  # type: ignore[no-any-return]

    def _framed(self, panel: Polygon) -> tuple[float, float, float]:
        """The lengths of a panel's frame, of its sides, and of its sides that aren't along the page's edge."""
        framed = total = counted = 0.0
        for index, corner in enumerate(panel):
            following = panel[(index + 1) % len(panel)]
            length = float(np.linalg.norm(following - corner))
            total += length
            if length and not self._is_edge(corner, following):
                counted += length
                framed += length * float(self._carried(corner, following).mean())
        return framed, total, counted

    def _is_edge(self, start: NDArray[np.float64], end: NDArray[np.float64]) -> bool:
        """Whether a side is along the page's edge."""
        near = 0.006 * self.side
        low = (np.maximum(start, end) <= near).any()
        high = (np.minimum(start, end) >= np.array([self.width, self.height]) - 1 - near).any()
        return bool(low or high)

"""Closes drawings that are cut off below: their lines end side by side at one level, like those of a bust.

The ends are extended in their direction and joined: along the outline of the figure if a reference shows it, otherwise
by a straight border after a short distance. This closes the areas between them. Only the mask for finding regions is
changed. `colorizer.engines.match.open_figures` closes figures that are open elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.imaging.values import Mask

Lines = NDArray[np.uint8]
"""(H, W), 1 = line."""
FindFigure = Callable[[], Mask | None]
"""Finds where the figure is, of any size, 255 = figure; None if that is unknown."""

_LEVEL = 0.004
"""Tolerance of the height at which lines end, as a fraction of the longer side."""
_SEEN = 0.04
"""Length on which a line is followed from its end, as a fraction of the longer side."""
_WIDEST = 0.03
"""Largest width of a line, as a fraction of the longer side."""
_FARTHEST, _LITTLE = 0.035, 0.005
"""Largest length by which a line is extended near the canvas's lower edge, where the drawing was meant to go on to it,
and elsewhere, as fractions of the longer side."""
_FARTHEST_SHOWN = 0.15
"""Largest length by which a line is extended to the end of the figure, as a fraction of the longer side. A figure that
goes on farther has been cut off on purpose."""
_ABOVE = 0.02
"""Distance above the ends from which the figure is looked at, as a fraction of the longer side."""
_BESIDE = 0.02
"""Distance from the figure's outline up to which an end belongs to it, as a fraction of the longer side."""
_NEAR = 0.11
"""Distance up to which the drawing ends near that edge, as a fraction of the longer side."""
_COPY = 512
"""Longer side, px, of the copy on which connected lines are found."""
_STEEPEST = 1.2
"""Largest slope of a line that ends, in columns per row."""


@dataclass(frozen=True, order=True)
class _End:
    x: float
    """Column at which its middle reaches the level at which the drawing ends."""
    slope: float
    """Columns per row."""

    def at(self, below: float) -> float:
        """The column so many rows below that level."""
        return self.x + self.slope * below


def continue_cut_off(lines: Lines, find_figure: FindFigure | None = None) -> Lines:
    """The lines, with an added border below them if the drawing is cut off there.

    Args:
        lines: the lines.
        find_figure: finds the whole figure; only called if the drawing is cut off.
    """
    _, top, _, tall = cv2.boundingRect(lines)
    height, side = lines.shape[0], max(lines.shape)
    level = max(2, round(_LEVEL * side))
    bottom = top + tall - 1
    if not tall or bottom >= height - 1 - level:  # the canvas's edge closes the areas
        return lines
    ends = _ends(lines[: bottom + 1], level, side)
    if len(ends) < 2:
        return lines
    result = lines.copy()
    figure = find_figure() if find_figure else None
    if figure is not None:
        figure = cv2.resize(figure, lines.shape[::-1], interpolation=cv2.INTER_NEAREST)
    farthest = _FARTHEST if height - bottom <= _NEAR * side else _LITTLE
    rows = bottom - level, bottom, min(height - 1, bottom + max(2, round(farthest * side)))
    for outer, *inner in _joined(lines, ends, bottom - level, side):
        shown = None if figure is None else _shown(figure, outer, side, bottom)
        if shown is None:
            _close(result, outer, rows)
        else:
            _follow(result, outer, rows, shown)
        for group in inner:
            _close(result, group, rows)
    return result


def _close(lines: Lines, ends: list[_End], rows: tuple[int, int, int]) -> None:
    """Extends the ends from a row above the lowest one to one below it, and joins them there."""
    start, bottom, low = rows
    feet = sorted(round(end.at(low - bottom)) for end in ends)
    for end in ends:
        cv2.line(lines, (round(end.at(start - bottom)), start), (round(end.at(low - bottom)), low), 1, 2)
    cv2.line(lines, (feet[0], low), (feet[-1], low), 1, 2)


def _follow(lines: Lines, ends: list[_End], rows: tuple[int, int, int], shown: Lines) -> None:
    """Draws the outline of `shown`, the figure below the ends; joins its ends to it, and extends the others inside."""
    start, bottom, _ = rows
    lines[bottom + 1 :] |= (shown & ~cv2.erode(shown, np.ones((5, 5), np.uint8)))[bottom + 1 :]
    joins = _on_outline(ends, shown[bottom + 1], _BESIDE * max(lines.shape))
    extended = np.zeros_like(lines)
    low = len(lines) - 1
    for end in ends:
        above = round(end.at(start - bottom)), start
        if end in joins:
            cv2.line(lines, above, (joins[end], bottom + 1), 1, 2)
        else:
            cv2.line(extended, above, (round(end.at(low - bottom)), low), 1, 2)
    lines[:bottom] |= extended[:bottom]
    lines[bottom:] |= extended[bottom:] & shown[bottom:]


def _on_outline(ends: list[_End], row: NDArray[np.uint8], near: float) -> dict[_End, int]:
    """The ends of the figure's outline, and the column at which it goes on in `row` (W,), 1 = figure."""
    found: dict[_End, int] = {}
    change = np.diff(np.pad(row, 1).astype(np.int8))
    for columns, first in ((np.flatnonzero(change > 0), min), (np.flatnonzero(change < 0) - 1, max)):
        for column in columns.tolist():
            beside = [end for end in ends if abs(end.x - column) <= near]
            if beside:
                found[first(beside)] = column
    return found


def _shown(figure: Mask, ends: list[_End], side: int, bottom: int) -> Lines | None:
    """The figure from a little above the ends to its lower end, 1 = figure; None if it isn't there, goes on too far, or
    has other borders than the drawing."""
    top = max(0, bottom - round(_ABOVE * side))
    left, right = (round(x) for x in _span(ends))
    _, pieces = cv2.connectedComponents((figure[top:] > 127).view(np.uint8), connectivity=4)
    chosen = np.isin(pieces, np.setdiff1d(pieces[0, max(0, left) : right + 1], [0]))
    if not chosen.any():
        return None
    shown = np.zeros_like(figure)
    shown[top:] = chosen
    long = shown[bottom + 1 :, max(0, left) : right + 1].sum(axis=0)
    if long.any() and np.median(long[long > 0]) > _FARTHEST_SHOWN * side:
        return None
    last = shown[bottom] if shown[bottom].any() else shown[top]
    shown[bottom : bottom + 4] |= last  # what ends at once is closed at once
    near = cv2.dilate(last[None], np.ones((1, 2 * round(_BESIDE * side) + 1), np.uint8))[0]
    if not near[[max(0, left), min(len(near) - 1, right)]].all():
        return None
    return shown


def _joined(lines: Lines, ends: list[_End], row: int, side: int) -> list[list[list[_End]]]:
    """The ends grouped by connected lines, so that things side by side are closed separately.

    Returns:
        For each group that isn't between the ends of another: the group, and then those between its ends.
    """
    scale = min(1.0, _COPY / side)
    small = cv2.resize(lines * np.uint8(255), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, pieces = cv2.connectedComponents((small > 0).view(np.uint8), connectivity=8)
    tall, wide = pieces.shape
    found: dict[int, list[_End]] = {}
    for end in ends:
        x, y = round(end.x * scale), min(tall - 1, round(row * scale))
        around = pieces[max(0, y - 1) : y + 2, max(0, min(wide, x) - 2) : x + 3]
        found.setdefault(int(around.max()), []).append(end)
    groups = sorted(found.values(), key=lambda group: _span(group)[0] - _span(group)[1])
    things: list[list[list[_End]]] = []
    for group in groups:
        low, high = _span(group)
        around_it = [thing for thing in things if _span(thing[0])[0] < low and high < _span(thing[0])[1]]
        if around_it:
            around_it[0].append(group)
        elif low < high:
            things.append([group])
    return things


def _span(ends: list[_End]) -> tuple[float, float]:
    return min(end.x for end in ends), max(end.x for end in ends)


def _ends(lines: Lines, level: int, side: int) -> list[_End]:
    """The ends of strokes in the last `level` rows, and where two of them meet; empty if no stroke ends alone."""
    seen = max(3 * level, round(_SEEN * side))
    rows = _runs(lines[::-1][level : level + seen])
    _, pieces = cv2.connectedComponents(np.ascontiguousarray(lines[-1 - level :]), connectivity=8)
    widest = max(6.0, _WIDEST * side)
    runs: dict[int, list[tuple[int, int]]] = {}
    for run in rows[0] if rows else []:
        runs.setdefault(int(pieces[0, run[0]]), []).append(run)
    ends, meet = [], []
    for beside in runs.values():
        first, last = beside[0][0], beside[-1][1]
        if last - first > widest * len(beside):  # strokes that meet are as wide as all of them
            continue
        middles, parts = _followed(rows, (first, last), 2 * (last - first) + 2)
        if parts or len(beside) > 1 or len(middles) < max(4, level):
            meet.append(_End((first + last - 1) / 2, 0))
        else:
            slope, start = np.polyfit(-np.arange(len(middles)), middles, 1)
            slope = float(np.clip(slope, -_STEEPEST, _STEEPEST))
            ends.append(_End(float(start) + slope * level, slope))
    return ends + meet if ends else []


def _followed(
    rows: list[list[tuple[int, int]]], run: tuple[int, int], widest: int
) -> tuple[list[float], bool]:
    """The middles of a stroke from its end upwards, as long as it is one stroke, and whether it divides into two."""
    middles: list[float] = []
    for row in rows:
        above = [other for other in row if other[0] <= run[1] and other[1] >= run[0]]
        if len(above) > 1:
            return middles, True
        if not above or above[0][1] - above[0][0] > widest:
            break
        run = above[0]
        middles.append((run[0] + run[1] - 1) / 2)
    return middles, False


def _runs(rows: Lines) -> list[list[tuple[int, int]]]:
    """The runs of ink in each row: the first column, and the one after the last."""
    found: list[list[tuple[int, int]]] = [[] for _ in rows]
    row, column = np.nonzero(np.diff(np.pad(rows, ((0, 0), (1, 1))).view(np.int8), axis=1))
    for at, start, end in zip(row[::2].tolist(), column[::2].tolist(), column[1::2].tolist(), strict=True):
        found[at].append((start, end))
    return found

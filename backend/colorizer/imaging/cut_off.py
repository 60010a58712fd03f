"""Closes drawings that are cut off below: their lines end side by side at one level, like those of a bust.

The ends are extended a little in their direction and joined by a straight border, which closes the areas between them.
Only the mask for finding regions is changed. `colorizer.engines.match.open_figures` closes figures that are open
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Lines = NDArray[np.uint8]
"""(H, W), 1 = line."""

_LEVEL = 0.004
"""Tolerance of the height at which lines end, as a fraction of the longer side."""
_SEEN = 0.04
"""Length on which a line is followed from its end, as a fraction of the longer side."""
_WIDEST = 0.03
"""Largest width of a line, as a fraction of the longer side."""
_FARTHEST, _LITTLE = 0.035, 0.005
"""Largest length by which a line is extended near the canvas's lower edge, where the drawing was meant to go on to it,
and elsewhere, as fractions of the longer side."""
_NEAR = 0.11
"""Distance up to which the drawing ends near that edge, as a fraction of the longer side."""
_COPY = 512
"""Longer side, px, of the copy on which connected lines are found."""
_STEEPEST = 1.2
"""Largest slope of a line that ends, in columns per row."""


@dataclass(frozen=True)
class _End:
    x: float
    """Column at which its middle reaches the level at which the drawing ends."""
    slope: float
    """Columns per row."""


def continue_cut_off(lines: Lines) -> Lines:
    """The lines, with an added border below them if the drawing is cut off there."""
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
    farthest = _FARTHEST if height - bottom <= _NEAR * side else _LITTLE
    low = min(height - 1, bottom + max(2, round(farthest * side)))
    for joined in _joined(lines, ends, bottom - level, side):
        feet = [round(end.x + end.slope * (low - bottom)) for end in joined]
        for end, foot in zip(joined, feet, strict=True):
            start = round(end.x - end.slope * level), bottom - level
            cv2.line(result, start, (foot, low), 1, 2)
        cv2.line(result, (min(feet), low), (max(feet), low), 1, 2)
    return result


def _joined(lines: Lines, ends: list[_End], row: int, side: int) -> list[list[_End]]:
    """The ends grouped by connected lines, so that things side by side are closed separately."""
    scale = min(1.0, _COPY / side)
    small = cv2.resize(lines * np.uint8(255), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, pieces = cv2.connectedComponents((small > 0).view(np.uint8), connectivity=8)
    tall, wide = pieces.shape
    found: dict[int, list[_End]] = {}
    for end in ends:
        x, y = round(end.x * scale), min(tall - 1, round(row * scale))
        around = pieces[max(0, y - 1) : y + 2, max(0, min(wide, x) - 2) : x + 3]
        found.setdefault(int(around.max()), []).append(end)
    spans = [(min(end.x for end in group), max(end.x for end in group)) for group in found.values()]
    widest = [span for span in spans if not any(low < span[0] and span[1] < high for low, high in spans)]
    return [[end for end in ends if low <= end.x <= high] for low, high in widest if low < high]


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

"""Coloured lines beside black ones: a rough below the inks, trace lines between light and shade, or ordinary lines.

A rough accompanies the ink on most of its length. Trace lines end on ink and divide areas. Which of them it is, is
found on a small copy of the sketch; where the coloured lines are, at its own size.
"""

from __future__ import annotations

from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.imaging.paper import Paper
from colorizer.imaging.values import Picture

Plane = NDArray[np.uint8]

_SIDE = 1024
"""Longer side, px, of the copy on which coloured lines are looked at."""
_FAINTEST = 14
"""How much of the paper's light (of 255) a line takes away at least."""
_HUE = 0.4
"""Share of that by which the channels differ from which on a line is coloured."""
_FEW = 0.02
"""Share of all lines below which coloured ones are specks."""
_NEAR = 0.025
"""How far a rough lies from its ink, as a share of the drawing's longer side,"""
_ALONG = 0.5
"""and the share of the ink that a rough accompanies, and of the rough that accompanies ink, at least."""


class ColouredLines(StrEnum):
    """What coloured lines are, where there is black ink, too."""

    AUTOMATIC = "automatic"
    """Found from the drawing."""
    BORDERS = "borders"
    ROUGHS = "roughs"
    TRACE_LINES = "trace_lines"


def what_coloured_are(sketch: Picture, paper: Paper, told: ColouredLines) -> ColouredLines | None:
    """What the coloured lines of a sketch (H, W, 4) are, unless told; None where there are none beside black ones."""
    return _found(sketch, paper) if told is ColouredLines.AUTOMATIC else told


def _found(sketch: Picture, paper: Paper) -> ColouredLines | None:
    height, width = sketch.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    taken, spread = _taken(
        cv2.resize(sketch, size, interpolation=cv2.INTER_AREA) if scale < 1 else sketch, paper
    )
    if int(spread.max()) <= _FAINTEST:
        return None
    lines = taken > _FAINTEST
    coloured = lines & _is_coloured(taken, spread)
    # The soft edge of black ink on a coloured line is coloured, too.
    ink = lines & ~cv2.dilate(coloured.view(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    coloured = cv2.morphologyEx(coloured.view(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)) > 0
    total = int(np.count_nonzero(lines))
    if np.count_nonzero(coloured) < _FEW * total or np.count_nonzero(ink) < _FEW * total:
        return None
    if _accompanies(coloured, ink):
        return ColouredLines.ROUGHS
    return ColouredLines.TRACE_LINES if _divides(coloured, ink) else ColouredLines.BORDERS


def where_coloured(sketch: Picture, paper: Paper) -> NDArray[np.bool_]:
    """(H, W): where the ink of a sketch (H, W, 4) is coloured."""
    return _is_coloured(*_taken(sketch, paper))


def _is_coloured(taken: Plane, spread: Plane) -> NDArray[np.bool_]:
    least = cv2.max(cv2.convertScaleAbs(taken, alpha=_HUE), _FAINTEST)
    return cv2.compare(spread, least, cv2.CMP_GT) > 0  # type: ignore[no-any-return]


def _taken(sketch: Picture, paper: Paper) -> tuple[Plane, Plane]:
    """(H, W) each: how much of the paper's light is taken away at most, and by how much its channels differ."""
    alpha = cv2.extractChannel(sketch, 3)
    planes = []
    for channel in range(3):
        ground = cv2.resize(np.ascontiguousarray(paper.colours[..., channel]), alpha.shape[::-1])
        values = np.ascontiguousarray(sketch[..., channel])
        apart = cv2.subtract(values, ground) if paper.is_dark else cv2.subtract(ground, values)
        planes.append(cv2.multiply(apart, alpha, scale=1 / 255))
    most, least = planes[0], planes[0]
    for plane in planes[1:]:
        most, least = cv2.max(most, plane), cv2.min(least, plane)
    return most, cv2.subtract(most, least)


def _accompanies(coloured: NDArray[np.bool_], ink: NDArray[np.bool_]) -> bool:
    """Whether coloured lines run along the ink nearly everywhere, and nowhere else."""
    if np.count_nonzero(coloured) < _ALONG * np.count_nonzero(ink):
        return False
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    reach = _NEAR * max(rows[-1] - rows[0], columns[-1] - columns[0], 1)
    shares = [
        (cv2.distanceTransform((~there).view(np.uint8), cv2.DIST_L2, 3)[here] <= reach).mean()
        for here, there in ((ink, coloured), (coloured, ink))
    ]
    return bool(min(shares) > _ALONG)


def _divides(coloured: NDArray[np.bool_], ink: NDArray[np.bool_]) -> bool:
    """Whether most coloured lines divide an area that the ink encloses."""
    both = cv2.morphologyEx((coloured | ink).view(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    alone = cv2.morphologyEx(ink.view(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    more = _areas(both) - _areas(alone)
    _, _, stats, _ = cv2.connectedComponentsWithStats(coloured.view(np.uint8))
    longest = stats[1:, :4][:, 2:4].max(axis=1)
    strokes = np.count_nonzero(longest > 0.02 * max(ink.shape))
    return bool(strokes and more >= 0.5 * strokes)


def _areas(lines: Plane) -> int:
    """How many areas lines enclose, specks left out."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(1 - lines, connectivity=4)
    return int(np.count_nonzero(stats[1:, cv2.CC_STAT_AREA] > 30))

"""Classifies coloured lines beside black ones: a rough below the inks, trace lines between light and shade, or borders.

A rough runs along most of the ink. Trace lines end at the ink and divide areas. The kind is detected on a small copy of
the sketch; the coloured pixels are found at full size.
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
"""Longer side, in pixels, of the copy on which coloured lines are classified."""
_FAINTEST = 14
"""Least difference (of 255) between a line and the paper."""
_HUE = 0.4
"""Difference between the channels, as a fraction of the difference from the paper, from which a line is coloured."""
_FEW = 0.02
"""Fraction of all lines below which coloured ones are ignored as specks."""
_NEAR = 0.025
"""Largest distance of a rough from its ink, as a fraction of the drawing's longer side."""
_ALONG = 0.5
"""Least fraction of the ink that is near the rough, and of the rough that is near ink."""


class ColouredLines(StrEnum):
    """The kinds of coloured lines beside black ink."""

    AUTOMATIC = "automatic"
    """Detected from the drawing."""
    BORDERS = "borders"
    ROUGHS = "roughs"
    TRACE_LINES = "trace_lines"


def what_coloured_are(sketch: Picture, paper: Paper, told: ColouredLines) -> ColouredLines | None:
    """The kind of a sketch's coloured lines: `told`, or detected; None if there are no coloured lines beside black
    ones.

    Args:
        sketch: (H, W, 4).
        paper: the sketch's paper.
        told: the user's choice; `AUTOMATIC` detects the kind.
    """
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
    # The soft edge of black ink on a coloured line also looks coloured.
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
    """(H, W) each: the largest difference from the paper over the channels, and the difference between the channels."""
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
    """Whether the coloured lines run along most of the ink and only there."""
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
    """The number of areas that lines enclose, without specks."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(1 - lines, connectivity=4)
    return int(np.count_nonzero(stats[1:, cv2.CC_STAT_AREA] > 30))

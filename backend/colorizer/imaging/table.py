"""Removes the table from the photo of a sheet that lies on one: it isn't paper, and the sheet's edge is no line.

The photo is divided where its tone changes in a step. What reaches the photo's corners is the table; the rest, without
small dark parts, is the sheet if it is lighter and has the outline of a sheet in perspective, perhaps cut off by the
photo's edges. If lines run on across its edge, it is the lit part of a sheet, and the rest lies in shadow. Other
pictures are left as they are. `colorizer.imaging.paper` detects the paper itself.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.imaging.values import Picture

Plane = NDArray[np.uint8]

_SIDE = 256
"""Longer side, in pixels, of the copy on which the sheet is searched."""
_STEP = 0.12
"""Change of the tone within three pixels, as a fraction, from which it is a step instead of uneven light."""
_DARKER = 0.75
"""Largest tone of the table, as a fraction of the sheet's."""
_ON_TABLE = 3
"""Least number of the photo's corners at which the table is seen."""
_SMALLEST, _SPECK, _STRIPE = 0.15, 0.002, 0.05
"""Fractions of the photo: the least that the sheet covers, and that each of its parts does, and the most of a part of
the table that doesn't reach the corners, such as the grain of wood."""
_CONCAVE = 0.02
"""Largest fraction of the sheet's convex hull in which the table is seen."""
_SIDES, _BENT = 8, 0.012
"""Most sides of a sheet that is cut off by the photo's edges, and how far its sides may be from straight, as a
fraction of the longer side."""
_LINE = 0.84
"""Largest tone of a line, as a fraction of what lies around it."""
_BESIDE, _AROUND = 3, 6
"""Distances from the sheet's edge, in pixels of the copy: a line that crosses it is seen beyond the first on both
sides, and followed up to the second."""
_CROSSINGS, _CROSSING = 2, 0.5
"""Number of the lines that cross the sheet's edge if it is the edge of a shadow, and their share of the lines that
reach it from inside."""


def without_table(sketch: Picture) -> Picture:
    """The sketch (H, W, 4) with everything around its sheet transparent; `sketch` itself if it isn't such a photo."""
    sheet = _find_sheet(sketch)
    if sheet is None:
        return sketch
    height, width = sketch.shape[:2]
    inside = cv2.resize(sheet * np.uint8(255), (width, height), interpolation=cv2.INTER_LINEAR)
    result = sketch.copy()
    result[inside < 250] = 0
    return result


def _find_sheet(sketch: Picture) -> Plane | None:
    """(h, w), 1 = sheet, in the size of a copy; None if no sheet lies on a darker table."""
    step = max(1, max(sketch.shape[:2]) // _SIDE)
    if len(_dark_corners(_tone(sketch[::step, ::step]))) < _ON_TABLE:  # in most pictures
        return None
    scale = min(1.0, _SIDE / max(sketch.shape[:2]))
    size = (max(1, round(sketch.shape[1] * scale)), max(1, round(sketch.shape[0] * scale)))
    copy = cv2.resize(sketch, size, interpolation=cv2.INTER_AREA)
    tone = cv2.GaussianBlur(_tone(copy), (0, 0), 1)
    dark = _dark_corners(tone)
    if len(dark) < _ON_TABLE or copy[..., 3].min() < 128:
        return None
    square = np.ones((3, 3), np.uint8)
    even = cv2.dilate(tone, square) < (1 + _STEP) * np.maximum(cv2.erode(tone, square), 8)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(even.view(np.uint8), connectivity=4)
    area = stats[:, cv2.CC_STAT_AREA]
    corners = np.isin(np.arange(len(stats)), [pieces[corner] for corner in dark])
    corners[0] = False
    table = corners[pieces]
    if not table.any():
        return None
    limit = np.percentile(tone[table], 90) / _DARKER
    stripes = (np.bincount(pieces.ravel(), tone.ravel()) < limit * area) & (area < _STRIPE * tone.size)
    is_sheet = (area > _SPECK * tone.size) & ~corners & ~stripes
    is_sheet[0] = False
    parts = is_sheet[pieces]
    if not parts.any() or np.median(tone[table]) > _DARKER * np.median(tone[parts]):
        return None
    sheet, sides = _hull(parts)
    inside = sheet > 0
    is_one = inside.mean() >= _SMALLEST and sides <= _SIDES and table[inside].mean() <= _CONCAVE
    return sheet if is_one and not _is_crossed(_tone(copy), sheet) else None


def _is_crossed(tone: Plane, sheet: Plane) -> bool:
    """Whether lines run on across the sheet's edge (h, w), as they do across the edge of a shadow on paper."""
    # Padded, so that a narrow strip of table along the photo's edge is no line.
    tone = cv2.copyMakeBorder(cv2.GaussianBlur(tone, (0, 0), 0.7), 9, 9, 9, 9, cv2.BORDER_REPLICATE)
    around = cv2.morphologyEx(tone, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    lines = (tone < _LINE * around)[9:-9, 9:-9]
    within, beyond = (cv2.distanceTransform(side, cv2.DIST_L2, 3) for side in (sheet, 1 - sheet))
    near = (lines & (within <= _AROUND) & (beyond <= _AROUND)).view(np.uint8)
    count, pieces = cv2.connectedComponents(near, connectivity=8)
    inside, outside = (
        np.bincount(pieces[side > _BESIDE], minlength=count)[1:] > 2 for side in (within, beyond)
    )
    return int((inside & outside).sum()) >= max(_CROSSINGS, _CROSSING * int(inside.sum()))


def _tone(copy: Picture) -> Plane:
    return np.ascontiguousarray(copy[..., :3].max(axis=2))


def _dark_corners(tone: Plane) -> list[tuple[int, int]]:
    """The row and column of the pixels near the corners that are much darker than most of the picture."""
    if min(tone.shape) < 8:
        return []
    limit = _DARKER * float(np.percentile(tone, 75))
    return [(y, x) for y in (1, -2) for x in (1, -2) if tone[y, x] < limit]


def _hull(parts: NDArray[np.bool_]) -> tuple[Plane, int]:
    """(h, w), 1 = in the convex hull; and the number of its sides."""
    hull = cv2.convexHull(cv2.findNonZero(parts.view(np.uint8)))
    whole = np.zeros(parts.shape, np.uint8)
    cv2.fillConvexPoly(whole, hull, 1)
    return whole, len(cv2.approxPolyDP(hull, _BENT * max(parts.shape), closed=True))

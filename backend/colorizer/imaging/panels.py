"""The panels of a comic page, in reading order, whatever shape their frames have.

It uses two methods from the literature on comic pages. Areas that aren't connected to the page's edge by gutters are
panels if their outlines are mostly straight (connected components; Rigaud et al., 2013). If frames are open, or drawn
things cross a gutter, the page is cut recursively along its gutters (X-Y cut, with slanted cuts as in Pang et al., "A
robust panel extraction method for manga", 2014; see `gutters`). A single picture has no panels, even if it has a frame.

`colorizer.engines.pages` colours the panels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.imaging.gutters import Polygon, find_polygons
from colorizer.imaging.lines import Ink
from colorizer.imaging.values import Mask, Picture

Plane = NDArray[np.uint8]
"""(h, w), 1 = drawn, 0 = paper; a copy of the page whose longer side is at most `SIDE` pixels."""

SIDE = 768
"""Longer side, in pixels, of the copy on which panels are detected."""
_DRAWN = 60
"""Ink (of 255) from which a pixel is treated as drawn."""
_TONE = 14
"""Least difference (of 255) between toned areas and the lightest places of a page."""
_TONED = 0.3
"""Fraction of the page that must be toned for tones to be used."""
_THICK = 9
"""Width, in pixels of the copy, of a tone that is broader than lines."""
_THICKEST = 0.02
"""Largest thickness of a frame, as a fraction of the longer side."""
_SMALLEST = 0.015
"""Least fraction of the page for a panel."""
_COVERED, _FILLED = 0.35, 0.7
"""Least fractions of the page, and of the bounding box of the drawing, that all panels cover together."""
_STRAIGHT, _LONG = 0.65, 0.11
"""Least fraction of a panel's outline that consists of long straight sides; least length of such a side, as a fraction
of the outline."""
_CONVEX = 0.75
"""Least fraction of its convex hull that a panel fills; bubbles and figures may extend beyond it."""


@dataclass(frozen=True)
class Panels:
    """The panels of a page."""

    labels: NDArray[np.uint8]
    """(h, w), in the size of a small copy: 0 = gutter, 1..count = panel in reading order, including figures and bubbles
    that extend beyond it."""
    count: int

    def mask(self, number: int, width: int, height: int) -> Mask:
        """(height, width), 255 in panel 1..count."""
        inside = np.where(self.labels == number, np.uint8(255), np.uint8(0))
        enlarged = cv2.resize(inside, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.where(enlarged > 127, np.uint8(255), np.uint8(0))

    def bare_frame(self, number: int, drawn: Plane) -> Plane:
        """(h, w), 1 = the parts of a panel's frame that its picture doesn't touch.

        Args:
            number: 1..count.
            drawn: (h, w), 1 = drawn.
        """
        inside = (self.labels == number).view(np.uint8)
        depth = cv2.distanceTransform(
            cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 3
        )
        depth = depth[1:-1, 1:-1]
        deepest = max(3, round(_THICKEST * max(inside.shape)))
        ring = np.where(inside > 0, np.minimum(np.rint(depth), deepest + 1), 0).astype(int)
        lined = np.bincount(ring.ravel(), drawn.ravel(), deepest + 2) / np.maximum(
            np.bincount(ring.ravel(), minlength=deepest + 2), 1
        )
        framed = np.flatnonzero(lined[1 : deepest + 1] >= 0.3)
        if not len(framed) or framed[-1] + 1 == deepest:  # no frame, or a tone instead of lines
            return np.zeros_like(inside)
        band = (inside > 0) & (depth <= framed[-1] + 2)
        picture = ((drawn > 0) & (inside > 0) & ~band).view(np.uint8)
        touched = cv2.dilate(picture, np.ones((2 * deepest + 1,) * 2, np.uint8))
        return np.asarray((band & (touched == 0)).view(np.uint8))


def find_panels(sketch: Picture, ink: Ink) -> Panels | None:
    """Detects the panels of a page; None for a single picture.

    Args:
        sketch: (H, W, 4); a small copy of about 1024 pixels is enough.
        ink: (H, W), the sketch's ink without lettering.
    """
    for drawn in _drawn(sketch, ink):
        labels = _enclosed(drawn)
        if labels is None:
            polygons = find_polygons(drawn)
            labels = None if polygons is None else _with_what_sticks_out(drawn, polygons)
        if labels is not None:
            ordered, count = _in_reading_order(labels)
            return Panels(ordered, count)
    return None


def _drawn(sketch: Picture, ink: Ink) -> Iterable[Plane]:
    """Yields the drawn pixels: the lines and, if the page is toned, the pixels darker than its lightest places."""
    yield (_small(ink) > _DRAWN).view(np.uint8)
    alpha = _small(cv2.extractChannel(sketch, 3))
    darkness = _small(255 - cv2.min(cv2.min(sketch[..., 0], sketch[..., 1]), sketch[..., 2]))
    tone = cv2.multiply(darkness, alpha, scale=1 / 255)
    toned = (tone > int(np.percentile(tone, 2)) + _TONE).view(np.uint8)
    if _TONED <= toned.mean() < 1 and not _is_uneven_light(tone, toned, alpha):
        yield toned


def _is_uneven_light(tone: NDArray[np.uint8], toned: Plane, alpha: NDArray[np.uint8]) -> bool:
    """Whether the toned areas, without lines, end gradually: in a photo, where the light becomes less."""
    wide = np.ones((_THICK, _THICK), np.uint8)
    areas = cv2.morphologyEx(toned, cv2.MORPH_OPEN, wide)
    ends = (cv2.dilate(areas, np.ones((3, 3), np.uint8)) > areas) & (toned == 0)
    ends &= cv2.erode(alpha, wide) > 0.9 * alpha.max()  # the sheet's own edge doesn't count
    step = cv2.morphologyEx(cv2.medianBlur(tone, 5), cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8))
    return bool(ends.any() and np.median(step[ends]) < _TONE)


def _small(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = plane.shape
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return (
        plane if scale == 1 else np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.uint8)
    )


def _enclosed(drawn: Plane) -> NDArray[np.int32] | None:
    """(h, w), panels 1..: the areas that the gutters don't connect to the edge; None if some of them aren't panels."""
    open_ground = cv2.copyMakeBorder(1 - drawn, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    pieces = cv2.connectedComponents(open_ground, connectivity=4)[1]
    solid = (pieces != pieces[0, 0]).view(np.uint8)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
    boxes = stats[:, cv2.CC_STAT_WIDTH] * stats[:, cv2.CC_STAT_HEIGHT]
    large = [part for part in range(1, count) if boxes[part] >= _SMALLEST * drawn.size]
    if not 2 <= len(large) <= 64:
        return None
    labels = np.zeros(parts.shape, np.int32)
    for number, part in enumerate(large, 1):
        x, y, wide, tall = stats[part, :4]
        inside = (parts[y : y + tall, x : x + wide] == part).view(np.uint8)
        outline = max(
            cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=cv2.contourArea
        )
        if not _is_straight(outline):
            return None
        shown = labels[y : y + tall, x : x + wide]
        cv2.drawContours(shown, [outline], -1, number, cv2.FILLED)
    labels = np.where(cv2.erode((labels > 0).view(np.uint8), np.ones((3, 3), np.uint8)) > 0, labels, 0)
    labels = labels[1:-1, 1:-1]
    return labels if _is_page(labels > 0, drawn) else None


def _is_straight(outline: NDArray[np.int32]) -> bool:
    """Whether a closed outline is a panel's: nearly convex, and mostly a few long straight sides."""
    length = cv2.arcLength(outline, closed=True)
    area, hull = cv2.contourArea(outline), cv2.contourArea(cv2.convexHull(outline))
    if length == 0 or area < _CONVEX * hull:
        return False
    corners = cv2.approxPolyDP(outline, 0.006 * length, closed=True)[:, 0].astype(np.float64)
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    return bool(sides[sides >= _LONG * length].sum() >= _STRAIGHT * length)


def _is_page(panels: NDArray[np.bool_], drawn: Plane) -> bool:
    """Whether the panels cover enough of the page."""
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    box = (rows[-1] + 1 - rows[0]) * (columns[-1] + 1 - columns[0])
    covered = np.count_nonzero(panels)
    return bool(covered >= _COVERED * drawn.size and covered >= _FILLED * box)


def _with_what_sticks_out(drawn: Plane, polygons: Sequence[Polygon]) -> NDArray[np.int32] | None:
    """(h, w), panels 1..: the polygons, and enclosed areas in the gutters as parts of the panels that they touch."""
    labels = np.zeros(drawn.shape, np.int32)
    for number, polygon in enumerate(polygons, 1):
        cv2.fillConvexPoly(labels, np.round(polygon).astype(np.int32), number)
    if not _is_page(labels > 0, drawn):
        return None
    free = ((drawn == 0) & (labels == 0)).view(np.uint8)
    around = cv2.copyMakeBorder(free, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(around, connectivity=4)
    pieces = pieces[1:-1, 1:-1]
    outside = pieces[0, 0] if free[0, 0] else cv2.connectedComponents(around, connectivity=4)[1][0, 0]
    reach = np.ones((7, 7), np.uint8)
    for piece in range(1, count):
        if piece == outside or stats[piece, cv2.CC_STAT_AREA] < 12:
            continue
        pocket = (pieces == piece).view(np.uint8)
        near = cv2.dilate(pocket, reach) > 0
        neighbours = np.bincount(labels[near & (drawn == 0)], minlength=len(polygons) + 1)
        neighbours[0] = 0
        if neighbours.any():
            grown = (cv2.dilate(pocket, np.ones((3, 3), np.uint8)) > 0) & (labels == 0)
            labels[grown] = int(neighbours.argmax())
    return labels


def _in_reading_order(labels: NDArray[np.int32]) -> tuple[NDArray[np.uint8], int]:
    """The panels numbered in reading order (rows from the top, in a row from the left), and their number."""
    numbers = [number for number in np.unique(labels) if number > 0]
    boxes = {number: cv2.boundingRect((labels == number).view(np.uint8)) for number in numbers}
    left, order = sorted(numbers, key=lambda number: (boxes[number][1], boxes[number][0])), []
    while left:
        _, top, _, tall = boxes[left[0]]
        row = [number for number in left if _overlap(boxes[number], top, tall) >= 0.5]
        order += sorted(row, key=lambda number: (boxes[number][0] // 8, boxes[number][1]))
        left = [number for number in left if number not in row]
    new = np.zeros(int(max(numbers)) + 1, np.uint8)
    new[order] = np.arange(1, len(order) + 1)
    return new[labels], len(order)


def _overlap(box: Sequence[int], top: int, tall: int) -> float:
    """The fraction of the height of the lower of two boxes at which both are beside each other."""
    common = min(box[1] + box[3], top + tall) - max(box[1], top)
    return common / max(1, min(box[3], tall))

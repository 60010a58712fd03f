"""Where a result may be wrong: regions an engine doubts, what stayed unpainted, and colour that may have leaked.

A mask to look at and a list of places to go through. How sure a region is, is the engine's business; here is only the
geometry, on the regions' small copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.imaging.basins import Labels
from colorizer.imaging.regions import Regions
from colorizer.imaging.values import Check, Layer, Place, PlaceKind, Role

MOST_PLACES = 20
"""Nobody goes through more of them."""
_SMALLEST = 1e-3
"""Share of the canvas below which something is marked in the mask but is no place to go to."""
_NEAR = 0.02
"""How far apart, as a share of the longer side, suspects of one kind are still one place,"""
_ONE_LOOK = 0.2
"""and how large such a place may grow. On 25 drawings of the public corpus this leaves 8 places of 22 (19 of 115 on
the worst); as many of them are worth the look (.88), and they show as much of what is wrong (.41)."""
_AROUND = 3
"""Side of an opening's place, in widths of the opening."""
_MARK = (255, 0, 96, 110)


@dataclass(frozen=True)
class Opening:
    """A place where two regions meet on open paper, px of the regions' small copy."""

    x: int
    y: int
    width: float
    first: int
    second: int
    """The labels on either side."""


@dataclass(frozen=True)
class _Spot:
    """Something to look at, px of the regions' small copy."""

    kind: PlaceKind
    box: tuple[float, float, float, float]
    """Left, top, right, bottom."""
    area: float
    """Share of the canvas."""
    confidence: float

    @property
    def weight(self) -> float:
        """How much it matters: its size, and for a doubted colour how much that is doubted."""
        return self.area * (1 - self.confidence if self.kind is PlaceKind.DOUBTFUL else 1)

    @property
    def side(self) -> float:
        """Its longer side."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)

    def gap(self, other: _Spot) -> float:
        """How far apart two are; below 0 they overlap."""
        left, top, right, bottom = self.box
        return max(other.box[0] - right, left - other.box[2], other.box[1] - bottom, top - other.box[3])

    def joined(self, other: _Spot) -> _Spot:
        """Both as one."""
        area = self.area + other.area
        sure = (self.confidence * self.area + other.confidence * other.area) / area
        (left, top, right, bottom), its = self.box, other.box
        box = (min(left, its[0]), min(top, its[1]), max(right, its[2]), max(bottom, its[3]))
        return _Spot(self.kind, box, area, sure)


@dataclass(frozen=True)
class Suspects:
    """Regions to look at, for one reason."""

    kind: PlaceKind
    regions: NDArray[np.bool_]
    """(n,)."""


def find_openings(regions: Regions, *, least: float) -> list[Opening]:
    """Openings in the lines that were closed although they are wider than `least`, a share of the longer side.

    Args:
        regions: as `find_regions` gave them; a border that a mask drew lies on open paper, too.
        least: 0..1.
    """
    height, width = regions.coarse.shape
    distance = cv2.distanceTransform(regions.off_lines.view(np.uint8), cv2.DIST_L2, 3)
    found: dict[tuple[int, int], Opening] = {}
    for step in ((0, 1), (1, 0)):
        for opening in _meetings(regions.coarse, distance, step, least * max(height, width)):
            pair = (min(opening.first, opening.second), max(opening.first, opening.second))
            if pair not in found or found[pair].width < opening.width:
                found[pair] = opening
    return list(found.values())


def make_check(
    regions: Regions,
    confidence: NDArray[np.float32],
    suspects: Sequence[Suspects],
    openings: Sequence[Opening],
) -> Check:
    """The mask and the places.

    Args:
        regions: of the canvas.
        confidence: (n,), 0..1.
        suspects: a region that is suspect for several reasons counts for the first.
        openings: those worth a look.
    """
    flagged = np.zeros(regions.count, bool)
    spots: list[_Spot] = []
    for suspect in suspects:
        spots += _spots(regions, suspect.kind, suspect.regions & ~flagged, confidence)
        flagged |= suspect.regions
    mask = np.take(flagged * np.uint8(255), regions.labels)
    for opening in openings:
        spot = _spot_of_opening(opening, regions, confidence)
        place = _place(spot, regions)
        mask[place.y : place.y + place.height, place.x : place.x + place.width] = 255
        spots.append(spot)
    found = [spot for spot in _together(spots, max(regions.coarse.shape)) if spot.area >= _SMALLEST]
    found.sort(key=lambda spot: (-spot.weight, spot.box[1], spot.box[0]))
    sure = np.rint(confidence * 255).clip(0, 255).astype(np.uint8)
    return Check(mask, tuple(_place(spot, regions) for spot in found[:MOST_PLACES]), sure[regions.coarse])


def check_layer(check: Check) -> Layer:
    """The check as a layer to switch on above a result."""
    marked = np.where(check.mask > 127, np.uint32(1), np.uint32(0))
    colours = np.array([(0, 0, 0, 0), _MARK], np.uint8)
    return Layer("Check me", Role.MASK, colours[marked])


def _meetings(
    labels: Labels, distance: NDArray[np.float32], step: tuple[int, int], least: float
) -> list[Opening]:
    """Where neighbours one `step` (rows, columns) apart differ, further than `least` / 2 from any line."""
    rows, columns = labels.shape[0] - step[0], labels.shape[1] - step[1]
    here, there = labels[:rows, :columns], labels[step[0] :, step[1] :]
    space = np.minimum(distance[:rows, :columns], distance[step[0] :, step[1] :])
    y, x = np.nonzero((here != there) & (space > least / 2))
    order = np.argsort(-space[y, x], kind="stable")
    pair = here[y, x].astype(np.int64) * (int(labels.max()) + 1) + there[y, x]
    _, first = np.unique(pair[order], return_index=True)
    return [
        Opening(
            int(x[i]), int(y[i]), float(2 * space[y[i], x[i]]), int(here[y[i], x[i]]), int(there[y[i], x[i]])
        )
        for i in order[first]
    ]


def _spots(
    regions: Regions, kind: PlaceKind, wanted: NDArray[np.bool_], confidence: NDArray[np.float32]
) -> list[_Spot]:
    """One for each wanted region."""
    rows, columns = np.nonzero(wanted[regions.coarse])
    label = regions.coarse[rows, columns]
    ends = [np.full(regions.count, 2**30), np.full(regions.count, 2**30), np.zeros(regions.count, int)]
    left, top, right = ends
    bottom = right.copy()
    np.minimum.at(left, label, columns)
    np.minimum.at(top, label, rows)
    np.maximum.at(right, label, columns + 1)
    np.maximum.at(bottom, label, rows + 1)
    area = regions.areas()
    return [
        _Spot(
            kind,
            (float(left[i]), float(top[i]), float(right[i]), float(bottom[i])),
            float(area[i]),
            float(confidence[i]),
        )
        for i in np.unique(label)
    ]


def _spot_of_opening(opening: Opening, regions: Regions, confidence: NDArray[np.float32]) -> _Spot:
    half = opening.width * _AROUND / 2
    height, width = regions.coarse.shape
    left, right = max(0.0, opening.x - half), min(float(width), opening.x + half)
    top, bottom = max(0.0, opening.y - half), min(float(height), opening.y + half)
    area = (right - left) * (bottom - top) / (width * height)
    sure = min(confidence[opening.first], confidence[opening.second])
    return _Spot(PlaceKind.LEAK, (left, top, right, bottom), area, float(sure))


def _together(spots: Sequence[_Spot], side: int) -> list[_Spot]:
    """Neighbours of one kind as one spot, from the weightiest on, as long as it can be taken in at a glance."""
    left = sorted(spots, key=lambda spot: (-spot.weight, spot.box))
    found = []
    while left:
        spot, looking = left.pop(0), True
        while looking:
            looking, others, left = False, left, []
            for other in others:
                near = other.kind is spot.kind and spot.gap(other) <= _NEAR * side
                if near and (both := spot.joined(other)).side <= _ONE_LOOK * side:
                    spot, looking = both, True
                else:
                    left.append(other)
        found.append(spot)
    return found


def _place(spot: _Spot, regions: Regions) -> Place:
    """A spot on the canvas, cut off at its edges."""
    height, width = regions.labels.shape
    scale_x, scale_y = width / regions.coarse.shape[1], height / regions.coarse.shape[0]
    left, right = max(0, int(spot.box[0] * scale_x)), min(width, -int(-spot.box[2] * scale_x // 1))
    top, bottom = max(0, int(spot.box[1] * scale_y)), min(height, -int(-spot.box[3] * scale_y // 1))
    return Place(spot.kind, left, top, right - left, bottom - top, round(spot.confidence, 4))

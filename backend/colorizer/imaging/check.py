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

from colorizer.imaging.lines import Ink, line_mask, without_grains
from colorizer.imaging.regions import Labels, Regions
from colorizer.imaging.values import Check, Layer, Place, PlaceKind, Role

MOST_PLACES = 200
_SMALLEST = 3e-4
"""Share of the canvas below which a region is marked in the mask but no place of its own."""
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
class Suspects:
    """Regions to look at, for one reason."""

    kind: PlaceKind
    regions: NDArray[np.bool_]
    """(n,)."""


def find_openings(regions: Regions, ink: Ink, *, least: float) -> list[Opening]:
    """Openings in the lines that were closed although they are wider than `least`, a share of the longer side.

    Args:
        regions: as `find_regions` gave them; a border that a mask drew lies on open paper, too.
        ink: what they were found in.
        least: 0..1.
    """
    height, width = regions.coarse.shape
    small = cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA)
    lines = without_grains(line_mask(small))
    distance = cv2.distanceTransform(1 - lines, cv2.DIST_L2, 3)
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
    height, width = regions.labels.shape
    flagged = np.zeros(regions.count, bool)
    sized: list[tuple[float, Place]] = []
    for suspect in suspects:
        sized += _places(regions, suspect.kind, suspect.regions & ~flagged, confidence)
        flagged |= suspect.regions
    mask = np.take(flagged * np.uint8(255), regions.labels)
    for opening in openings:
        place = _place_of_opening(opening, regions, confidence)
        mask[place.y : place.y + place.height, place.x : place.x + place.width] = 255
        sized.append((place.width * place.height / (width * height), place))
    sized.sort(key=lambda one: (-one[0], one[1].y, one[1].x))
    sure = np.rint(confidence * 255).clip(0, 255).astype(np.uint8)
    return Check(mask, tuple(place for _, place in sized[:MOST_PLACES]), sure[regions.coarse])


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
    y, x = np.nonzero((here != there) & (2 * space > least))
    order = np.argsort(-space[y, x], kind="stable")
    pair = here[y, x].astype(np.int64) * (int(labels.max()) + 1) + there[y, x]
    _, first = np.unique(pair[order], return_index=True)
    return [
        Opening(
            int(x[i]), int(y[i]), float(2 * space[y[i], x[i]]), int(here[y[i], x[i]]), int(there[y[i], x[i]])
        )
        for i in order[first]
    ]


def _places(
    regions: Regions, kind: PlaceKind, wanted: NDArray[np.bool_], confidence: NDArray[np.float32]
) -> list[tuple[float, Place]]:
    """One place for each wanted region that isn't tiny, with its share of the canvas."""
    area = regions.areas()
    wanted = wanted & (area >= _SMALLEST)
    if not wanted.any():
        return []
    rows, columns = np.nonzero(wanted[regions.coarse])
    label = regions.coarse[rows, columns]
    ends = [np.full(regions.count, 2**30), np.full(regions.count, 2**30), np.zeros(regions.count, int)]
    left, top, right = ends
    bottom = right.copy()
    np.minimum.at(left, label, columns)
    np.minimum.at(top, label, rows)
    np.maximum.at(right, label, columns + 1)
    np.maximum.at(bottom, label, rows + 1)
    return [
        (float(area[i]), _scaled(kind, (left[i], top[i], right[i], bottom[i]), regions, float(confidence[i])))
        for i in np.flatnonzero(wanted)
    ]


def _place_of_opening(opening: Opening, regions: Regions, confidence: NDArray[np.float32]) -> Place:
    half = opening.width * _AROUND / 2
    box = (opening.x - half, opening.y - half, opening.x + half, opening.y + half)
    sure = min(confidence[opening.first], confidence[opening.second])
    return _scaled(PlaceKind.LEAK, box, regions, float(sure))


def _scaled(
    kind: PlaceKind, box: tuple[float, float, float, float], regions: Regions, confidence: float
) -> Place:
    """A box (left, top, right, bottom) of the small copy on the canvas, cut off at its edges."""
    height, width = regions.labels.shape
    scale_x, scale_y = width / regions.coarse.shape[1], height / regions.coarse.shape[0]
    left, right = max(0, int(box[0] * scale_x)), min(width, -int(-box[2] * scale_x // 1))
    top, bottom = max(0, int(box[1] * scale_y)), min(height, -int(-box[3] * scale_y // 1))
    return Place(kind, left, top, right - left, bottom - top, round(confidence, 4))

"""Divides regions whose common border has large openings, such as that of charcoal, by a reference in the same pose.

The reference shows where the border is. A part of the reference inside a region is divided from it if the sketch's
lines follow about half of the part's outline; a border of light and shade, for example, and glasses that the sketch
doesn't show, have no lines. The new border follows the lines, and in their openings the outline in the reference.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.engines.match.registration import Overlay
from colorizer.imaging import color
from colorizer.imaging.lines import stroke_width
from colorizer.imaging.palette import find_palette
from colorizer.imaging.regions import Regions

_SMALLEST = 6e-4
"""Least area of a part, as a fraction of the canvas."""
_NEAR = 0.008
"""Distance up to which a line follows an outline, as a fraction of the longer side."""
_FOLLOWED = 0.45
"""Least fraction of a part's outline that lines follow, away from the border of its region."""
_OTHER = 12.0
"""Least CIELAB distance of a part's colour from the region's most frequent one."""
_MOST = 254
"""Largest number of parts of a region."""

Grid = NDArray[np.int32]
"""(H, W), of the size of the overlay."""
Part = NDArray[np.bool_]
"""(H, W): the pixels of a part."""


def divide_open_parts(regions: Regions, laid: Overlay) -> Regions:
    """Divides regions along outlines in the reference that the lines follow.

    Args:
        regions: the regions that the lines enclose.
        laid: a reference in the sketch's pose, warped to the sketch.
    """
    if not laid.inside.any() or not laid.inked.any():
        return regions
    labels: Grid = cv2.resize(regions.coarse, laid.inked.shape[::-1], interpolation=cv2.INTER_NEAREST)
    near = max(1.0, _NEAR * max(labels.shape))
    lines = _without_solid(laid.inked, max(4 * near, 2 * stroke_width(laid.inked.view(np.uint8))))
    lowest = np.flatnonzero(laid.inked.any(axis=1))[-1]
    at_edge = set(labels[-1].tolist())
    for region, parts in _parts_inside(labels, laid, near).items():
        inside = labels == region
        # There are always lines along the region's own border; they don't show a part inside it.
        deep = cv2.distanceTransform(inside.view(np.uint8), cv2.DIST_L2, 5) > 2 * near
        apart = cv2.distanceTransform((~(lines & deep)).view(np.uint8), cv2.DIST_L2, 5)
        if (
            region not in at_edge
        ):  # below the lowest line there is only the figure's end, closed by its outline
            apart[lowest + 1 :] = 0
        followed = [part for part in parts if _share(apart <= near, _outline(part) & deep) >= _FOLLOWED]
        if followed:
            divided = _divided(inside, followed[:_MOST], laid.inked, near)
            divided = cv2.resize(divided, regions.coarse.shape[::-1], interpolation=cv2.INTER_NEAREST)
            pixels = np.bincount(divided[regions.coarse == region])
            if not pixels[0]:  # the largest part takes the place of the region
                divided[divided == pixels.argmax()] = 0
            regions = regions.divide(region, divided)
    return regions


def _parts_inside(labels: Grid, laid: Overlay, near: float) -> dict[int, list[Part]]:
    """For each region the connected areas of one colour inside it that differ from its most frequent colour."""
    kinds, lab = _kinds(laid)
    count, least = int(labels.max()) + 1, _SMALLEST * labels.size
    pixels = np.bincount((labels * len(lab) + kinds)[laid.inside], minlength=count * len(lab))
    pixels = pixels.reshape(count, len(lab))
    usual = pixels.argmax(axis=1)
    found: dict[int, list[Part]] = {}
    for kind in np.flatnonzero(pixels.max(axis=0) > least):
        differs = np.linalg.norm(lab[usual] - lab[kind], axis=1) > _OTHER
        if not (differs & (pixels[:, kind] > least)).any():
            continue
        shown = cv2.morphologyEx(
            ((kinds == kind) & laid.inside).view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)
        )
        _, number, stats, _ = cv2.connectedComponentsWithStats(shown, connectivity=4)
        depth = cv2.distanceTransform(shown, cv2.DIST_L2, 5)
        for piece in np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] >= least) + 1:
            here = number == piece
            inside = np.bincount(labels[here], minlength=count)
            for region in np.flatnonzero(differs & (inside > least)).tolist():
                part = here & (labels == region)
                # Lines of the reference are narrower than its parts.
                if depth[part].max() > near:
                    found.setdefault(region, []).append(part)
    return found


def _kinds(laid: Overlay) -> tuple[Grid, NDArray[np.float32]]:
    """The index of the palette's colour at each pixel of the reference, and the palette (P, 3) in CIELAB."""
    visible = np.where(laid.inside, np.uint8(255), np.uint8(0))
    lab = color.lab(find_palette(np.dstack([laid.colours, visible])).colours)
    packed, which = np.unique(color.pack(laid.colours), return_inverse=True)
    kinds = color.nearest(color.lab(color.unpack(packed)), lab)[which.reshape(visible.shape)]
    return kinds.astype(np.int32), lab


def _without_solid(inked: Part, width: float) -> Part:
    """Without ink wider than `width`, such as pupils: what merely touches an outline doesn't follow it."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (round(width) + 1,) * 2)
    solid = cv2.morphologyEx(inked.view(np.uint8), cv2.MORPH_OPEN, disc)
    return np.asarray(inked & (cv2.dilate(solid, np.ones((5, 5), np.uint8)) == 0))


def _outline(part: Part) -> Part:
    """The pixels just outside of a part."""
    grown = cv2.dilate(part.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.asarray(grown & ~part)


def _share(which: Part, among: Part) -> float:
    """The fraction of pixels; 0 of none."""
    return float(which[among].mean()) if among.any() else 0.0


def _divided(inside: Part, parts: list[Part], inked: Part, near: float) -> NDArray[np.uint8]:
    """The parts 1, 2, … of a region, (H, W), and 0 elsewhere: a watershed of the lines, from the middles of the parts
    and of the rest.
    """
    markers = np.zeros(inside.shape, np.int32)
    rest = inside.copy()
    reach = np.ones((2 * round(near) + 1,) * 2, np.uint8)
    for number, part in enumerate(parts, 2):
        depth = cv2.distanceTransform(part.view(np.uint8), cv2.DIST_L2, 5)
        markers[inside & (depth > min(near, 0.6 * depth.max()))] = number
        rest &= cv2.dilate(part.view(np.uint8), reach) == 0
    markers[rest] = 1
    ground = np.where(inside & ~inked, np.uint8(0), np.uint8(255))
    grown = np.maximum(cv2.watershed(cv2.merge([ground] * 3), markers) - 1, 0).astype(np.uint8)
    # The watershed leaves its own lines between the parts.
    return np.where(inside, cv2.dilate(grown, np.ones((3, 3), np.uint8)), np.uint8(0))

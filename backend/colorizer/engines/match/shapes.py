"""Finds the parts of the references that have the same outline as a region, independent of their position.

A reference is divided into segments of one colour. Each region is compared with each segment: by their outlines, scaled
to the same size, also mirrored; by their sizes; and by their distance after the registration of the reference. The
product of a softmax over the segments and one over the regions gives the mutual matches (dual softmax: Sun et al. 2021,
LoFTR, arXiv 2104.00680, section 3.3), each with a null class for areas without a match (the dustbin of Sarlin et al.
2020, SuperGlue, arXiv 1911.11763). `readout` combines this evidence with the network's votes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from skimage.measure import label

from colorizer.engines.match.registration import Registration
from colorizer.imaging import color
from colorizer.imaging.color import Colours
from colorizer.imaging.pictures import over_white
from colorizer.imaging.values import Picture

_GRID = 24
"""Side of the grid, in cells, to which every outline is scaled."""
_SIDE = 512
"""Longer side, in pixels, at which segments are found."""
_SMALLEST = 1.5e-4
"""Least area of a segment, as a fraction of the picture."""
_MOST = 400
"""Number of the largest segments of each reference that are compared; the segments of grain have no useful outlines."""
_ONE_COLOUR = 8.0
"""CIELAB distance up to which adjacent colours are one segment, because a part often has a light and a dark colour."""
_OUTLINE, _SIZE, _PLACE = 20.0, 3.0, 6.0
"""Coefficients of a logit for the likeness of outlines (0..1), the logarithm of the ratio of areas, and the distance
(in longer sides of the reference)."""
_NULL = 10.0
"""The logit of "no match"."""

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Shapes:
    """The outlines of n areas of a picture."""

    masks: Plane
    """(n, cells): the fraction of each cell of its own square that an area fills, normalised to unit length."""
    areas: NDArray[np.float64]
    """(n,), in pixels."""
    places: NDArray[np.float64]
    """(n, 2): (x, y) of their middles, in pixels."""


@dataclass(frozen=True)
class ReducedPicture:
    """A reference scaled down for finding its segments."""

    colours: Colours
    """(M, 3): the colours that occur."""
    which: NDArray[np.intp]
    """(h, w): the index of each pixel's colour."""
    visible: NDArray[np.bool_]
    """(h, w)."""
    step: int
    """The step of sampling: every `step`-th pixel of the reference is used."""


@dataclass(frozen=True)
class Segments:
    """The connected areas of one colour of a reference."""

    shapes: Shapes
    colours: NDArray[np.intp]
    """(m,): the index of each segment's colour in the palette."""
    side: int
    """The reference's longer side, in pixels."""


def shapes_of(labels: NDArray[np.int32], count: int) -> Shapes:
    """The outlines of the areas 0..count-1 of `labels` (H, W), in its pixels; labels below 0 are ignored."""
    step = -(-max(labels.shape) // _SIDE)
    small = labels[::step, ::step]
    flat = small.ravel()
    known = np.flatnonzero(flat >= 0)
    flat = flat[known]
    areas = np.bincount(flat, minlength=count).astype(np.float64)
    down, across = np.divmod(known, small.shape[1])
    middles = [np.bincount(flat, along + 0.5, minlength=count) for along in (across, down)]
    masks = np.zeros((count, _GRID * _GRID), np.float32)
    for number, box in enumerate(find_objects(small + 1, max_label=count)):
        if box is not None:
            masks[number] = _squared(small[box] == number)
    length = np.linalg.norm(masks, axis=1, keepdims=True)
    places = np.stack(middles, axis=1) / np.maximum(areas, 1)[:, None]
    return Shapes(masks / np.maximum(length, 1e-6), areas * step**2, places * step)


def reduce_picture(picture: Picture) -> ReducedPicture:
    """Scales down a reference (H, W, 4) for finding its segments."""
    step = -(-max(picture.shape[:2]) // _SIDE)
    small = cv2.medianBlur(np.ascontiguousarray(over_white(picture)[::step, ::step]), 3)
    packed, which = np.unique(color.pack(small), return_inverse=True)
    visible = picture[::step, ::step, 3] > 127
    return ReducedPicture(color.unpack(packed), which.reshape(visible.shape), visible, step)


def likest_colours(reduced: ReducedPicture, inside: NDArray[np.bool_], palette: Colours) -> NDArray[np.intp]:
    """(h, w): the index of the palette's colour that is the most similar to each visible pixel inside; -1 elsewhere.

    Args:
        reduced: the reference.
        inside: (H, W), in the reference's own size: the pixels to use.
        palette: (P, 3), P > 0.
    """
    seen = inside[:: reduced.step, :: reduced.step] & reduced.visible
    likest = color.nearest(color.lab(reduced.colours), color.lab(palette))[reduced.which]
    return np.where(seen, likest, -1)


def main_colours(likest: NDArray[np.intp], palette: Colours) -> NDArray[np.intp]:
    """(h, w): `likest_colours` with similar colours of the palette replaced by the most frequent one of them."""
    leader = _leaders(color.lab(palette), np.bincount(likest[likest >= 0], minlength=len(palette)))
    return np.where(likest >= 0, leader[likest], -1)


def without_lines(colours: NDArray[np.intp], width: float) -> NDArray[np.intp]:
    """(h, w): `main_colours` without areas up to `width` pixels wide: they take the colour of the nearest wider one."""
    window = np.ones((2 * int(width / 2 + 1) + 1,) * 2, np.uint8)
    shifted = (colours + 1).astype(np.uint16)
    wide = cv2.erode(shifted, window) == cv2.dilate(shifted, window)
    if not wide.any():
        return colours
    _, nearest = cv2.distanceTransformWithLabels(
        (~wide).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_wide = np.zeros(int(nearest.max()) + 1, np.intp)
    of_wide[nearest[wide]] = colours[wide]
    return of_wide[nearest]


def find_segments(likest: NDArray[np.intp], palette: Colours, step: int, side: int) -> Segments:
    """Divides a reference into connected areas of one of the palette's colours, or of similar ones.

    Args:
        likest: (h, w), from `likest_colours`.
        palette: (P, 3), P > 0.
        step: the reference's step of sampling.
        side: the reference's longer side, in pixels.
    """
    seen = likest >= 0
    parts = label(main_colours(likest, palette), background=-1, connectivity=1) - 1
    pixels = np.bincount(parts[seen])
    largest = np.argsort(-pixels, kind="stable")[:_MOST]
    largest = largest[pixels[largest] >= _SMALLEST * seen.size]
    # There is one more number than parts, so that pixels without a part, -1, stay without one.
    number = np.full(len(pixels) + 1, -1, np.int32)
    number[largest] = np.arange(len(largest))
    labels = number[parts]
    kept = labels >= 0
    counts = np.bincount(
        labels[kept] * len(palette) + likest[kept], minlength=len(largest) * len(palette)
    ).reshape(len(largest), len(palette))
    shapes = shapes_of(labels, len(largest))
    shapes = Shapes(shapes.masks, shapes.areas * step**2, shapes.places * step)
    return Segments(shapes, counts.argmax(1), side)


def shape_votes(
    regions: Shapes, references: Sequence[tuple[Segments, Registration]], colours: int
) -> NDArray[np.float64]:
    """(n, P): the probability, 0..1, that each region's outline matches a segment of each of the palette's colours.

    Args:
        regions: the regions of the sketch.
        references: the segments and the registration of each reference.
        colours: the number of colours, P.
    """
    logits = np.concatenate([_logits(regions, *one) for one in references], axis=1)
    found = np.concatenate([one.colours for one, _ in references])
    weight = np.exp(logits)
    null = np.exp(_NULL)
    mutual = (
        weight
        / (weight.sum(1, keepdims=True) + null)
        * np.sqrt(weight / (weight.sum(0, keepdims=True) + null))
    )
    return mutual @ np.eye(colours)[found]  # type: ignore[no-any-return]


def _logits(regions: Shapes, segments: Segments, laid: Registration) -> NDArray[np.float64]:
    """(n, m): the logits of regions and segments."""
    theirs = segments.shapes
    matrix = laid.affine.astype(np.float64)
    places = regions.places @ matrix[:, :2].T + matrix[:, 2]
    areas = regions.areas * abs(np.linalg.det(matrix[:, :2]))
    outline = np.maximum(
        _likeness(regions.masks, theirs.masks), _likeness(regions.masks, _mirrored(theirs.masks))
    )
    size = np.log(np.maximum(areas, 1)[:, None] / np.maximum(theirs.areas, 1)[None])
    away = np.linalg.norm(places[:, None] - theirs.places[None], axis=2) / segments.side
    return _OUTLINE * outline - _SIZE * np.abs(size) - _PLACE * away  # type: ignore[no-any-return]


def _likeness(one: Plane, other: Plane) -> Plane:
    """(n, m), 0..1: intersection over union (Tanimoto) of outlines of unit length."""
    shared = one @ other.T
    return np.asarray(shared / np.maximum(2 - shared, 1e-6))


def _mirrored(masks: Plane) -> Plane:
    squares = masks.reshape(len(masks), _GRID, _GRID)
    return np.ascontiguousarray(squares[:, :, ::-1]).reshape(masks.shape)


def _squared(area: NDArray[np.bool_]) -> Plane:
    """(cells,): an area in the middle of a square with its longer side."""
    height, width = area.shape
    side = max(height, width)
    square = np.zeros((side, side), np.float32)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = area
    way = cv2.INTER_AREA if side > _GRID else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (_GRID, _GRID), interpolation=way)).ravel()


def _leaders(lab: NDArray[np.float32], pixels: NDArray[np.intp]) -> NDArray[np.intp]:
    """(P,): for each colour the most frequent similar one."""
    leader = np.full(len(lab), -1, np.intp)
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=2)
    for one in np.argsort(-pixels, kind="stable"):
        if leader[one] < 0:
            leader[(apart[one] < _ONE_COLOUR) & (leader < 0)] = one
    return leader

"""Segments a coloured picture into fills (areas of one colour or soft shading), parts (fills that differ only in
light), and the artist's outlines.

Only the pixels are known, so the result is an estimate. The parameters were chosen by inspecting contact sheets of the
training split.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb

from colorizer_lab.data.art.pictures import Pixels

ByteGrid = NDArray[np.uint8]

MOST_FILLS = 80
_STEP = 5.0
"""Smallest CIELAB difference between neighbouring pixels at a border."""
_SOFT_SIDE, _SOFT_SCALE = 256, 60
"""Edge, px, at which painted pictures are segmented, and the scale (Felzenszwalb and Huttenlocher 2004)."""
_LEAST = 4e-4
"""Smallest share of the square for a fill."""
_LINE_WIDTH = 0.03
"""Largest width of a line as a share of the edge."""
_DARK, _DARKER = 45.0, 18.0
"""Largest lightness (0..100) of a line, and its smallest difference to the surroundings."""
_LONG = 3.0
"""Smallest ratio of a line's area to that of its widest disc; a shorter one is a dot, which is an object."""
_OUTLINED = 0.35
"""Smallest share of the borders between fills that are lines, for a picture with outlines."""
_OUTLINE_LIGHT, _OUTLINE_LEAST, _OUTLINE_WIDTH, _OUTLINE_LONG = 30.0, 0.04, 0.06, 10.0
"""Of a fill that is an outline: its largest lightness, its smallest share of the picture's area, its largest width as a
share of the edge, and the smallest ratio of its area to that of its widest disc."""
_SAME_HUE, _SAME_LIGHT = 10.0, 20.0
"""CIELAB: largest difference in a and b, and in L, between a fill and its shaded neighbour."""


@dataclass(frozen=True)
class Fills:
    """A segmented picture. Every grid is (S, S)."""

    colours: Pixels
    fills: ByteGrid
    """0 outside the foreground, otherwise 1..n; pixels under a line belong to the nearest fill."""
    lines: ByteGrid
    """255 where the artist drew a line."""
    palette: NDArray[np.uint8]
    """(n + 1, 3): the colour of each fill; white for the outside."""
    parts: NDArray[np.uint8]
    """(n + 1,): for each fill, the largest of the fills that differ from it only in light."""
    outlined: bool
    """Whether most borders are lines."""


def find_fills(picture: Pixels, *, soft: bool, size: int) -> Fills | None:
    """Segments a picture (H, W, 4) into grids (size, size); None if it has less than two colours."""
    visible = picture[..., 3] > 127
    shown = np.where(visible[..., None], picture[..., :3], np.uint8(255))
    lab = cv2.cvtColor(shown.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lines = _lines(lab[..., 0]) & visible
    inside = visible & ~lines
    labels = _soft_areas(shown, inside) if soft else _areas(lab, inside)
    count = int(labels.max())
    if count < 2:
        return None
    fills = np.where(visible, _nearest(labels), 0)
    small = cv2.resize(fills.astype(np.uint8), (size, size), interpolation=cv2.INTER_NEAREST)
    palette = _palette(shown, labels, count)
    return Fills(
        colours=_smaller(picture, size),
        fills=small,
        lines=np.asarray(cv2.resize(lines * np.uint8(255), (size, size), interpolation=cv2.INTER_AREA)),
        palette=palette,
        parts=_parts(fills, lines, palette, count),
        outlined=_share_of_lines(fills, lines) > _OUTLINED,
    )


def without_thick_outlines(found: Fills) -> Fills:
    """Makes lines of dark fills that are long and thin, such as outlines that are wider than lines usually are.

    Otherwise an outline would be a part with a sketch of its own, and teach that what surrounds other parts is black.
    """
    light = cv2.cvtColor(found.palette[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0, :, 0]
    area = np.bincount(found.fills.ravel(), minlength=len(light))
    dark = (light < _OUTLINE_LIGHT) & (area >= _OUTLINE_LEAST * area[1:].sum())
    outlines = [fill for fill in range(1, len(light)) if dark[fill] and _is_long(found.fills == fill)]
    if not outlines or len(outlines) == np.count_nonzero(area[1:]):
        return found
    gone = np.isin(found.fills, outlines)
    fills = np.where(found.fills > 0, _nearest(np.where(gone, 0, found.fills).astype(np.int32)), 0)
    lines = np.where(gone, np.uint8(255), found.lines)
    own = np.arange(len(light), dtype=np.uint8)
    return replace(
        found,
        fills=fills.astype(np.uint8),
        lines=lines,
        parts=np.where(np.isin(found.parts, outlines), own, found.parts),
        outlined=_share_of_lines(fills, lines > 127) > _OUTLINED,
    )


def _is_long(mask: NDArray[np.bool_]) -> bool:
    """Whether the mask (S, S) is nowhere wide, and much larger than its widest disc."""
    radius = cv2.distanceTransform(np.pad(mask, 1).view(np.uint8), cv2.DIST_L2, 3).max()
    is_narrow = 2 * radius <= _OUTLINE_WIDTH * len(mask)
    return bool(is_narrow and np.count_nonzero(mask) > _OUTLINE_LONG * np.pi * radius**2)


def _lines(light: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Line pixels (H, W): thin, long, and darker than their surroundings."""
    side = len(light)
    width = max(3, round(side * _LINE_WIDTH)) | 1
    around = cv2.morphologyEx(
        light, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    )
    thin = ((around - light > _DARKER) & (light < _DARK)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(thin, connectivity=8)
    inside = cv2.distanceTransform(thin, cv2.DIST_L2, 3)
    widest = np.zeros(count, np.float32)
    np.maximum.at(widest, labels.ravel(), inside.ravel())
    long = stats[:, cv2.CC_STAT_AREA] > _LONG * np.pi * (widest + 0.5) ** 2
    long[0] = False
    return np.asarray(long[labels], np.bool_)


def _areas(lab: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The largest areas without inner borders, (H, W), 1..n; 0 elsewhere."""
    calm = inside.copy()
    across = np.abs(lab[:, 1:] - lab[:, :-1]).max(-1) < _STEP
    down = np.abs(lab[1:] - lab[:-1]).max(-1) < _STEP
    calm[:, :-1] &= across
    calm[:-1] &= down
    _, labels = cv2.connectedComponents(calm.astype(np.uint8), connectivity=4)
    return _largest(labels)


def _soft_areas(shown: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Like `_areas`, for a painted picture."""
    small = cv2.resize(shown, (_SOFT_SIDE, _SOFT_SIDE), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(cv2.bilateralFilter(small, 7, 40, 5).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    areas = felzenszwalb(lab / 100, scale=_SOFT_SCALE, sigma=0.5, min_size=40, channel_axis=-1)
    areas = cv2.resize(areas.astype(np.int32), shown.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return _largest(np.where(inside, areas + 1, 0))


def _largest(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Renumbers the largest areas 1..n by size; areas that are too small become 0."""
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    order = np.argsort(-sizes, kind="stable")[:MOST_FILLS]
    order = order[sizes[order] >= max(6, _LEAST * labels.size)]
    number = np.zeros(len(sizes), np.int32)
    number[order] = 1 + np.arange(len(order))
    return number[labels]


def _nearest(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Fills every gap with the nearest label."""
    _, nearest = cv2.distanceTransformWithLabels(
        (labels == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    known = np.zeros(int(nearest.max()) + 1, np.int32)
    known[nearest[labels > 0]] = labels[labels > 0]
    return known[nearest]


def _palette(shown: NDArray[np.uint8], labels: NDArray[np.int32], count: int) -> NDArray[np.uint8]:
    order = np.argsort(labels.ravel(), kind="stable")
    bounds = np.searchsorted(labels.ravel()[order], np.arange(count + 2))
    pixels = shown.reshape(-1, 3)[order]
    palette = np.full((count + 1, 3), 255, np.uint8)
    for fill in range(1, count + 1):
        palette[fill] = np.median(pixels[bounds[fill] : bounds[fill + 1]], axis=0)
    return palette


def _parts(
    fills: NDArray[np.int32], lines: NDArray[np.bool_], palette: NDArray[np.uint8], count: int
) -> NDArray[np.uint8]:
    """Joins fills that touch without a line between them and differ only in light; (count + 1,)."""
    lab = cv2.cvtColor(palette[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    touching = np.zeros((count + 1, count + 1), np.int64)
    for one, other, between in (
        (fills[:, 1:], fills[:, :-1], lines[:, 1:] | lines[:, :-1]),
        (fills[1:], fills[:-1], lines[1:] | lines[:-1]),
    ):
        border = (one != other) & ~between
        np.add.at(touching, (one[border], other[border]), 1)
    touching += touching.T
    head = np.arange(count + 1)
    near_hue = np.hypot(*(lab[:, None, i] - lab[None, :, i] for i in (1, 2))) < _SAME_HUE
    near_light = np.abs(lab[:, None, 0] - lab[None, :, 0]) < _SAME_LIGHT
    for one, other in np.argwhere(np.triu((touching > 3) & near_hue & near_light, 1)):
        if one > 0:  # fills are numbered by size: the first is the larger
            low, high = sorted((head[one], head[other]))
            head[head == high] = low
    return head.astype(np.uint8)


def _share_of_lines(fills: NDArray[np.int32], lines: NDArray[np.bool_]) -> float:
    border = np.zeros(fills.shape, bool)
    border[:, 1:] |= fills[:, 1:] != fills[:, :-1]
    border[1:] |= fills[1:] != fills[:-1]
    near = cv2.dilate(lines.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return float(near[border].mean()) if border.any() else 0.0


def _smaller(picture: Pixels, size: int) -> Pixels:
    """Resizes a picture by area averaging; transparent pixels contribute no colour."""
    alpha = picture[..., 3:].astype(np.float32) / 255
    both = np.dstack([picture[..., :3] * alpha, alpha * 255])
    both = cv2.resize(both.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    both[..., :3] *= 255 / np.maximum(both[..., 3:], 1)
    return np.asarray(both.clip(0, 255).round(), np.uint8)

"""What a coloured picture consists of: fills (areas of one colour or soft shading), parts (fills that differ only in
light), and the outlines that its artist drew.

Nothing is known but the pixels, so all of this is a guess; the numbers were chosen by looking at contact sheets of
pictures that are trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb

from colorizer_lab.data.art.pictures import Pixels

ByteGrid = NDArray[np.uint8]

MOST_FILLS = 80
_STEP = 5.0
"""CIELAB difference between neighbouring pixels from which on there is a border."""
_SOFT_SIDE, _SOFT_SCALE = 256, 60
"""Edge, px, at which painted pictures are divided, and how large their fills are (Felzenszwalb, Huttenlocher 2004)."""
_LEAST = 4e-4
"""Share of the square below which an area is no fill."""
_LINE_WIDTH = 0.03
"""Share of the edge up to which something dark is a line."""
_DARK, _DARKER = 45.0, 18.0
"""Lightness (0..100) of a line at most, and by how much it is darker than what lies around it."""
_LONG = 3.0
"""How many times the area of its widest disc a line has at least; less is a dot, which is a thing."""
_OUTLINED = 0.35
"""Share of the borders between fills that must be lines where a picture has outlines."""
_SAME_HUE, _SAME_LIGHT = 10.0, 20.0
"""CIELAB: how far apart in a and b, and in L, two neighbouring fills are at most if one is the other in shade."""


@dataclass(frozen=True)
class Fills:
    """A picture taken apart. Every grid is (S, S)."""

    colours: Pixels
    fills: ByteGrid
    """0 outside of the figure, else 1..n; what lies under a line belongs to the nearest fill."""
    lines: ByteGrid
    """255 where the artist drew a line."""
    palette: NDArray[np.uint8]
    """(n + 1, 3): each fill's colour; white for the outside."""
    parts: NDArray[np.uint8]
    """(n + 1,): the fill that stands for each fill's part: the largest of those that differ only in light."""
    outlined: bool
    """Whether lines go along most borders."""


def find_fills(picture: Pixels, *, soft: bool, size: int) -> Fills | None:
    """Takes a picture (H, W, 4) apart, the grids (size, size); None where it has less than two colours."""
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


def _lines(light: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(H, W): thin, long and darker than what is around it."""
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
    """(H, W): areas without a border in them, 1..n, the largest ones; 0 elsewhere."""
    calm = inside.copy()
    across = np.abs(lab[:, 1:] - lab[:, :-1]).max(-1) < _STEP
    down = np.abs(lab[1:] - lab[:-1]).max(-1) < _STEP
    calm[:, :-1] &= across
    calm[:-1] &= down
    _, labels = cv2.connectedComponents(calm.astype(np.uint8), connectivity=4)
    return _largest(labels)


def _soft_areas(shown: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The same for a painted picture."""
    small = cv2.resize(shown, (_SOFT_SIDE, _SOFT_SIDE), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(cv2.bilateralFilter(small, 7, 40, 5).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    areas = felzenszwalb(lab / 100, scale=_SOFT_SCALE, sigma=0.5, min_size=40, channel_axis=-1)
    areas = cv2.resize(areas.astype(np.int32), shown.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return _largest(np.where(inside, areas + 1, 0))


def _largest(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """The largest areas, numbered 1..n by size; 0 stays, and what is too small becomes 0."""
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    order = np.argsort(-sizes, kind="stable")[:MOST_FILLS]
    order = order[sizes[order] >= max(6, _LEAST * labels.size)]
    number = np.zeros(len(sizes), np.int32)
    number[order] = 1 + np.arange(len(order))
    return number[labels]


def _nearest(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Fills every gap with what is nearest."""
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
    """(count + 1,): fills that touch without a line between them and differ only in light, joined."""
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
    """Averaged, so that edges are smooth; what is clear lends no colour."""
    alpha = picture[..., 3:].astype(np.float32) / 255
    both = np.dstack([picture[..., :3] * alpha, alpha * 255])
    both = cv2.resize(both.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    both[..., :3] *= 255 / np.maximum(both[..., 3:], 1)
    return np.asarray(both.clip(0, 255).round(), np.uint8)

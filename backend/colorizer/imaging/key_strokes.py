"""Key strokes: a mark inside every area of a flat colour, from which Krita's Colorize Mask fills the area again.

Krita decides how the space between the marks is filled, so the marks are as thick as their areas allow. Key strokes are
made only for flat pictures with few colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.imaging import color
from colorizer.imaging.layers import flatten
from colorizer.imaging.recolour import FLAT
from colorizer.imaging.values import Layer, Picture, Role

MAX_COLOURS = 64
"""Limit of the number of colours, because Krita lists all colours of a Colorize Mask."""
CORE = 0.5
"""Distance of a mark from its area's edge, as a fraction of half the area's width."""
CLEAR = 128
"""Alpha of the marks in unpainted areas; marks with a colour are opaque."""


def key_strokes(layers: Sequence[Layer], width: int, height: int) -> Layer | None:
    """The marks for all flat layers together, on the canvas; None if there are no flat layers or too many colours."""
    hard = [_hard(layer) for layer in layers if layer.role in FLAT]
    if not hard:
        return None
    shown = flatten(hard, width, height)
    clear = shown[..., 3] < CLEAR
    packed = color.pack(shown)
    packed[clear] = 1 << 24
    if len(np.unique(packed)) > MAX_COLOURS:
        return None
    shown[..., 3] = np.where(clear, CLEAR, 255)
    shown[~_cores(packed)] = 0
    return Layer("Colorize Mask", Role.KEY_STROKES, shown)


def recoloured(marks: Picture, flats: Sequence[Layer]) -> Picture:
    """The same marks with the present colours of the flat layers. Marks of unpainted areas stay unchanged, and all
    marks do if there are too many colours.

    Args:
        marks: (H, W, 4), made by `key_strokes`.
        flats: the flat layers with their masks, from bottom to top, of the size of `marks`.
    """
    found = marks
    for layer in flats:
        shown = (marks[..., 3] == 255) & (layer.pixels[..., 3] == 255)
        if layer.mask is not None:
            shown &= layer.mask >= CLEAR
        found = np.where(shown[..., None], layer.pixels, found)
    colours = np.unique(np.ascontiguousarray(found).view(np.uint32))
    return found if np.count_nonzero(colours) <= MAX_COLOURS else marks


def _hard(layer: Layer) -> Layer:
    """The layer with binary alpha, because the colours of partly covered pixels would be mixtures."""
    mask = None if layer.mask is None else np.where(layer.mask < CLEAR, 0, 255).astype(np.uint8)
    return replace(layer, mask=mask, opacity=1.0)


def _cores(packed: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """(H, W): the core of each area of one colour, whose distance from the edge depends on the area's largest width."""
    inside = np.zeros((packed.shape[0] + 2, packed.shape[1] + 2), np.uint8)
    inside[1:-1, 1:-1] = 1
    across, down = packed[:, 1:] != packed[:, :-1], packed[1:] != packed[:-1]
    inside[1:-1, 1:-2][across] = 0
    inside[1:-2, 1:-1][down] = 0
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_3)
    count, labels = cv2.connectedComponents(inside, connectivity=4)
    widest = np.zeros(count, np.float32)
    np.maximum.at(widest, labels.ravel(), distance.ravel())
    cores = (distance >= CORE * widest[labels]) & (inside > 0)
    return np.ascontiguousarray(cores[1:-1, 1:-1])

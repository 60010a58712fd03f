"""Extracts the reference's palette: few colours, each of which occurs in the picture.

Colours are collected where the picture is flat, which leaves out outlines and blended edges. Similar colours are
grouped, and each group is represented by its most frequent colour. Small but distinct areas (an eye, a button) keep
their own colours. The engine decides which region gets which colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.imaging import color
from colorizer.imaging.values import Picture

_SAMPLED_SIDE = 1280
"""Longer side of the grid of unchanged pixels at which larger pictures are sampled; half of it is counted."""
_FLAT_STEP = 12
"""Largest difference (of 255) inside a 3x3 neighbourhood that is treated as flat."""
_ALIKE = 7.0
"""CIELAB distance up to which two colours are grouped."""
_FEWEST_PIXELS = 6
_MOST_COLOURS = 64


@dataclass(frozen=True)
class Palette:
    """Colours of a reference, the most frequent first. May be empty."""

    colours: color.Colours
    """(N, 3)."""
    share: NDArray[np.float64]
    """(N,): the fraction of the picture that each represents; sums to 1."""

    def __len__(self) -> int:
        return len(self.colours)

    def nearest(self, colours: color.Colours) -> NDArray[np.intp]:
        """(M,): the index of the palette colour most similar to each of `colours` (M, 3)."""
        return color.nearest(color.lab(colours), color.lab(self.colours))


def find_palette(picture: Picture, inside: NDArray[np.bool_] | None = None) -> Palette:
    """The palette of a picture's visible pixels, or of those in `inside` (H, W) if it is given. Deterministic."""
    step = -(-max(picture.shape[:2]) // _SAMPLED_SIDE)
    usable = picture[::step, ::step, 3] > 127
    if inside is not None:
        usable &= inside[::step, ::step]
    pixels = _flat_pixels(picture[::step, ::step], usable)
    if not len(pixels):
        return Palette(np.zeros((0, 3), np.uint8), np.zeros(0))
    packed, counts = np.unique(color.pack(pixels), return_counts=True)
    colours = color.unpack(packed)
    group = _groups(color.lab(colours), counts.astype(np.int64))
    return _representatives(colours, counts.astype(np.int64), group)


def _flat_pixels(picture: Picture, usable: NDArray[np.bool_]) -> color.Colours:
    """(N, 3): pixels with an even neighbourhood; if a picture has very few (paintings, photos), all usable pixels."""
    colours = cv2.cvtColor(picture, cv2.COLOR_RGBA2RGB)
    square = np.ones((3, 3), np.uint8)
    red, green, blue = cv2.split(cv2.morphologyEx(colours, cv2.MORPH_GRADIENT, square))
    even = (cv2.max(cv2.max(red, green), blue) <= _FLAT_STEP) & (
        cv2.erode(usable.astype(np.uint8), square) > 0
    )
    step = -(-max(picture.shape[:2]) // (_SAMPLED_SIDE // 2))
    usable, even, colours = usable[::step, ::step], even[::step, ::step], colours[::step, ::step]
    enough = np.count_nonzero(even) > 0.2 * np.count_nonzero(usable)
    return np.asarray(colours[even] if enough else colours[usable])


def _groups(lab: NDArray[np.float32], counts: NDArray[np.int64]) -> NDArray[np.intp]:
    """(N,): the group of each colour. The groups' centres are the most frequent colours that are far enough apart."""
    cell = np.round(lab / (_ALIKE / 2)).astype(np.int64) + 256
    key, place = np.unique(cell[:, 0] << 20 | cell[:, 1] << 10 | cell[:, 2], return_inverse=True)
    weight = np.bincount(place, counts, minlength=len(key))
    centre = np.stack([np.bincount(place, counts * lab[:, axis], minlength=len(key)) for axis in range(3)], 1)
    centre = (centre / weight[:, None]).astype(np.float32)
    leaders: list[int] = []
    free = np.ones(len(key), bool)
    for candidate in np.argsort(-weight, kind="stable"):
        if not free[candidate]:
            continue
        around = ((centre - centre[candidate]) ** 2).sum(1) < _ALIKE**2
        if weight[around & free].sum() >= _FEWEST_PIXELS or not leaders:
            leaders.append(int(candidate))
        free &= ~around
        if len(leaders) == _MOST_COLOURS:
            break
    return color.nearest(lab, centre[leaders].astype(np.float32))


def _representatives(colours: color.Colours, counts: NDArray[np.int64], group: NDArray[np.intp]) -> Palette:
    """The most frequent exact colour of every group; of equally frequent ones the one with the lowest RGB value."""
    order = np.lexsort((np.arange(len(counts)), -counts))
    _, first = np.unique(group[order], return_index=True)
    chosen = colours[order[first]]
    share = np.bincount(group, counts)[np.unique(group)]
    ranking = np.argsort(-share, kind="stable")
    return Palette(chosen[ranking], share[ranking] / share.sum())

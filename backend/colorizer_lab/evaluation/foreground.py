"""A foreground baseline without learning: everything that a flood fill from the picture's border does not reach."""

from __future__ import annotations

import cv2
import numpy as np
from colorizer.imaging.pictures import over_white
from colorizer.imaging.values import Mask, Picture

_LIKE_BORDER = 24
"""Largest difference (of 255, any channel) to the border's most common colour that counts as background."""
_CLEAR = 0.02
"""Smallest share of transparent and of painted pixels for which transparency decides the foreground."""


def flood(picture: Picture) -> Mask:
    """Foreground mask (H, W), 255 = foreground.

    In a picture with transparency, the painted pixels; otherwise the pixels that a flood fill from the border over
    pixels of the border's colour does not reach.
    """
    painted = picture[..., 3] > 127
    if not _CLEAR < painted.mean() < 1 - _CLEAR:
        colours = over_white(picture).astype(np.int16)
        border = np.concatenate([colours[0], colours[-1], colours[:, 0], colours[:, -1]])
        painted = np.abs(colours - np.median(border, axis=0).astype(np.int16)).max(axis=2) > _LIKE_BORDER
    _, outside = cv2.connectedComponents(
        np.pad(~painted, 1, constant_values=True).astype(np.uint8), connectivity=4
    )
    inside = outside[1:-1, 1:-1] != outside[0, 0]
    return np.where(inside, np.uint8(255), np.uint8(0))

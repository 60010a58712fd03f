"""Converts a picture or layer that marks the foreground to a mask (H, W), 255 = foreground, of the required size.

`Engine.foreground_mask` finds a foreground automatically.
"""

from __future__ import annotations

import cv2
import numpy as np

from colorizer.imaging.values import Mask, Picture


def mask_from_picture(picture: Picture) -> Mask:
    """The mask in a picture: its brightness if all pixels are opaque, otherwise its alpha."""
    if picture[..., 3].min() == 255:
        return cv2.cvtColor(np.ascontiguousarray(picture[..., :3]), cv2.COLOR_RGB2GRAY)  # type: ignore[no-any-return]
    return np.ascontiguousarray(picture[..., 3])


def fit_mask(mask: Mask, width: int, height: int) -> Mask:
    """The mask resized to another size, regardless of its aspect ratio."""
    if mask.shape == (height, width):
        return mask
    shrinking = width * height < mask.size
    way = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return cv2.resize(mask, (width, height), interpolation=way)  # type: ignore[no-any-return]


def usable_mask(mask: Mask | None, width: int, height: int) -> Mask | None:
    """The mask resized to the required size; None if it is empty, like a new mask layer."""
    if mask is None:
        return None
    fitted = fit_mask(mask, width, height)
    return fitted if (fitted > 127).any() else None

"""Tiny drawings that tests of several rooms share: sketches and references whose right answer is known."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

WHITE = (255, 255, 255)
RED, GREEN, BLUE, YELLOW = (200, 30, 40), (40, 160, 60), (50, 70, 200), (240, 210, 60)


def opaque(colours: NDArray[np.uint8]) -> Picture:
    """(H, W) grey or (H, W, 3) RGB to opaque RGBA."""
    if colours.ndim == 2:
        colours = np.repeat(colours[..., None], 3, axis=2)
    return np.dstack([colours, np.full(colours.shape[:2], 255, np.uint8)])


def blank(width: int, height: int, colour: tuple[int, int, int] = WHITE) -> Picture:
    """One even opaque colour."""
    return opaque(np.broadcast_to(np.array(colour, np.uint8), (height, width, 3)).copy())


def box_sketch(size: int = 128, *, gap: int = 0, line: int = 3) -> Picture:
    """A box in the middle, halved by an upright line; `gap` px of its top side are missing. Three areas."""
    grey = np.full((size, size), 255, np.uint8)
    low, high, middle = size // 4, 3 * size // 4, size // 2
    cv2.rectangle(grey, (low, low), (high, high), 0, line)
    cv2.line(grey, (middle, low), (middle, high), 0, line)
    if gap:
        start = 3 * size // 8 - gap // 2
        grey[low - line : low + line + 1, start : start + gap] = 255
    return opaque(grey)


def box_reference(size: int = 128) -> Picture:
    """The same box, red and green on blue, with black lines."""
    picture = blank(size, size, BLUE)
    low, high, middle = size // 4, 3 * size // 4, size // 2
    picture[low:high, low:middle, :3] = RED
    picture[low:high, middle:high, :3] = GREEN
    colours = np.ascontiguousarray(picture[..., :3])
    cv2.rectangle(colours, (low, low), (high, high), (0, 0, 0), 1)
    cv2.line(colours, (middle, low), (middle, high), (0, 0, 0), 1)
    return opaque(colours)


def box_mask(size: int = 128) -> NDArray[np.uint8]:
    """255 in the box."""
    mask = np.zeros((size, size), np.uint8)
    mask[size // 4 : 3 * size // 4, size // 4 : 3 * size // 4] = 255
    return mask

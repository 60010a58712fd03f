"""Colours: sRGB to CIELAB, packed into one number, written as text. CIEDE2000 is scikit-image's."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Colours = NDArray[np.uint8]
"""(N, 3), sRGB."""


def lab(colours: Colours) -> NDArray[np.float32]:
    """(N, 3) CIELAB (D65): L 0..100, a and b about -128..127."""
    scaled = np.ascontiguousarray(colours, dtype=np.float32).reshape(-1, 1, 3) / 255
    if not len(scaled):  # OpenCV refuses it
        return np.zeros((0, 3), np.float32)
    return cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB).reshape(-1, 3)  # type: ignore[no-any-return]


def pack(pixels: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """(..., 3 or more) Colours to one number a pixel, 0xRRGGBB."""
    wide = pixels.astype(np.uint32)
    return (wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]).astype(np.uint32)


def unpack(packed: NDArray[np.uint32]) -> Colours:
    """(N,) 0xRRGGBB to (N, 3)."""
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=-1).astype(np.uint8)


def as_hex(colours: Colours) -> list[str]:
    """(N, 3) to "#rrggbb"."""
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in colours.tolist()]


def from_hex(names: Sequence[str]) -> Colours:
    """ "#rrggbb" to (N, 3)."""
    return np.array([list(bytes.fromhex(name[1:])) for name in names], np.uint8).reshape(-1, 3)


def nearest(colours: NDArray[np.float32], among: NDArray[np.float32]) -> NDArray[np.intp]:
    """(N,): which of `among` (M, 3) each of `colours` (N, 3), both CIELAB, is nearest to."""
    gaps = ((colours[:, None] - among[None]) ** 2).sum(-1)
    return gaps.argmin(1)  # type: ignore[no-any-return]

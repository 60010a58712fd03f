"""Colours: conversion from sRGB to CIELAB, to packed numbers and to text. CIEDE2000 is in scikit-image."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Colours = NDArray[np.uint8]
"""(N, 3), sRGB."""

_AT_ONCE = 2048
"""Number of colours that `nearest` compares at once, so that the differences fit into the processor's cache."""


def lab(colours: Colours) -> NDArray[np.float32]:
    """sRGB to CIELAB (D65), (N, 3): L is 0..100, a and b are about -128..127."""
    scaled = np.ascontiguousarray(colours, dtype=np.float32).reshape(-1, 1, 3) / 255
    if not len(scaled):  # OpenCV refuses empty arrays
        return np.zeros((0, 3), np.float32)
    return cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB).reshape(-1, 3)  # type: ignore[no-any-return]


def pack(pixels: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Packs the colours of (..., 3 or more) pixels into one number each, 0xRRGGBB."""
    wide = pixels.astype(np.uint32)
    return (wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]).astype(np.uint32)


def unpack(packed: NDArray[np.uint32]) -> Colours:
    """Unpacks (N,) numbers 0xRRGGBB to (N, 3)."""
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=-1).astype(np.uint8)


def as_hex(colours: Colours) -> list[str]:
    """Colours (N, 3) as "#rrggbb"."""
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in colours.tolist()]


def from_hex(names: Sequence[str]) -> Colours:
    """Parses "#rrggbb" to (N, 3)."""
    return np.array([list(bytes.fromhex(name[1:])) for name in names], np.uint8).reshape(-1, 3)


def nearest(colours: NDArray[np.float32], among: NDArray[np.float32]) -> NDArray[np.intp]:
    """(N,): for each of `colours` (N, 3) the index of the nearest of `among` (M, 3), both CIELAB."""
    found = np.empty(len(colours), np.intp)
    one_by_one = among.T[:, None]  # a sum over a last axis of three is slow
    for start in range(0, len(colours), _AT_ONCE):
        some = colours[start : start + _AT_ONCE]
        gaps = (some[:, :1] - one_by_one[0]) ** 2
        gaps += (some[:, 1:2] - one_by_one[1]) ** 2
        gaps += (some[:, 2:] - one_by_one[2]) ** 2
        found[start : start + _AT_ONCE] = gaps.argmin(1)
    return found

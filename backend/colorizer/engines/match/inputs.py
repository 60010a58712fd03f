"""From canvas and reference to what the network looks at: small squares, padded with paper.

Very long canvases are looked at through several windows. What comes out of the network is read in `readout`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from colorizer.imaging.lines import Ink
from colorizer.imaging.pictures import over_white
from colorizer.imaging.values import Mask, Picture

_LONGEST = 3.0
"""Longer over shorter side up to which one window sees the whole canvas."""
_MOST_WINDOWS = 12


@dataclass(frozen=True)
class Window:
    """A square part of a canvas, px; it may reach over the canvas's edges."""

    x: int
    y: int
    side: int


@dataclass(frozen=True)
class SketchView:
    """What the network sees of the sketch through one window. Tensors are (1, 1, S, S)."""

    window: Window
    ink: torch.Tensor
    mask: torch.Tensor


@dataclass(frozen=True)
class ReferenceView:
    """What the network sees of one reference, and what its cells hold. K = the network's key grid."""

    picture: torch.Tensor
    """(1, 3, S, S), sRGB 0..1."""
    mask: torch.Tensor
    """(1, 1, S, S)."""
    visible: NDArray[np.float32]
    """(K*K,): how much of each cell shows something of the reference."""
    window: Window


def whole(width: int, height: int) -> Window:
    """The smallest square around a canvas."""
    side = max(width, height)
    return Window((width - side) // 2, (height - side) // 2, side)


def windows(width: int, height: int) -> list[Window]:
    """One square around the canvas; for strips a row of squares along it."""
    long, short = max(width, height), min(width, height)
    if long <= _LONGEST * short:
        return [whole(width, height)]
    side = max(short, -(-long // _MOST_WINDOWS))
    count = -(-long // side)
    starts = [round(index * (long - side) / max(1, count - 1)) for index in range(count)]
    across = (short - side) // 2
    return [
        Window(start, across, side) if width > height else Window(across, start, side) for start in starts
    ]


def square(plane: NDArray[np.uint8], window: Window, size: int, *, fill: int) -> NDArray[np.float32]:
    """(size, size) or (size, size, C), 0..1: what lies in the window, area-averaged; `fill` outside of the plane."""
    height, width = plane.shape[:2]
    left, top = max(0, window.x), max(0, window.y)
    right, bottom = min(width, window.x + window.side), min(height, window.y + window.side)
    inner = np.ascontiguousarray(plane[top:bottom, left:right])
    edges = (top - window.y, window.y + window.side - bottom, left - window.x, window.x + window.side - right)
    if any(edges):
        inner = cv2.copyMakeBorder(inner, *edges, cv2.BORDER_CONSTANT, value=(fill,) * 4)
    shrinking = window.side >= size
    small = cv2.resize(inner, (size, size), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    return small.astype(np.float32) / 255  # type: ignore[no-any-return]


def see_sketch(ink: Ink, mask: Mask | None, window: Window, size: int) -> SketchView:
    """The sketch through a window; without a mask the network is told nothing of the foreground."""
    return SketchView(window, _planes(square(ink, window, size, fill=0)), _hint(mask, window, size))


def see_reference(picture: Picture, mask: Mask | None, size: int, grid: int) -> ReferenceView:
    """A whole reference on white paper."""
    window = whole(picture.shape[1], picture.shape[0])
    colours = square(over_white(picture), window, size, fill=255)
    alpha = square(np.ascontiguousarray(picture[..., 3]), window, grid, fill=0)
    return ReferenceView(
        torch.from_numpy(colours).permute(2, 0, 1)[None].contiguous(),
        _hint(mask, window, size),
        alpha.ravel(),
        window,
    )


def _planes(plane: NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(plane)[None, None]


def _hint(mask: Mask | None, window: Window, size: int) -> torch.Tensor:
    """-1 background, +1 foreground, 0 unknown."""
    if mask is None:
        return torch.zeros(1, 1, size, size)
    return _planes(square(mask, window, size, fill=0) * 2 - 1)

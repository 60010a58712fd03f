"""What the network looks at, and asking it: small squares of the sketch and of a reference, padded with paper.

Very long canvases are looked at through several windows. What the answer means for a region is read in `readout`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from colorizer.engines.match.network import Correspondence, MatchNetwork, WarpField
from colorizer.engines.runtime.memory_profiles import has_bfloat16_units
from colorizer.imaging.lines import Ink
from colorizer.imaging.pictures import over_white
from colorizer.imaging.values import Mask, Picture

_LONGEST = 3.0
"""Longer over shorter side up to which one window sees the whole canvas."""
_MOST_WINDOWS = 12
NO_QUERIES: NDArray[np.intp] = np.zeros(0, np.intp)
"""For `ask`: nothing is compared."""


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
    """In px of the reference."""


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


def box(mask: NDArray[np.uint8], margin: float = 0.06) -> Window:
    """The square around what a mask marks, and `margin` of its side more on every side; the mask isn't empty."""
    rows, columns = np.flatnonzero((mask > 127).any(axis=1)), np.flatnonzero((mask > 127).any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    side = max(8, round(max(bottom - top, right - left) * (1 + 2 * margin)))
    return Window(int(left + right - side) // 2, int(top + bottom - side) // 2, side)


def see_reference(picture: Picture, mask: Mask | None, window: Window, size: int, grid: int) -> ReferenceView:
    """A reference on white paper, through a window."""
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


@torch.inference_mode()
def ask(
    network: MatchNetwork,
    sketch: SketchView,
    reference: ReferenceView,
    warp: WarpField | None = None,
    queries: NDArray[np.intp] | None = None,
) -> Correspondence:
    """The network's answer for one window and one reference, which may be laid under the sketch.

    In bfloat16 on processors that are faster that way, else in float32. It takes less time to compare only some
    `queries` (N,) with the reference; `NO_QUERIES` where only the parts are wanted.
    """
    device = next(network.parameters()).device
    seen = (sketch.ink, sketch.mask, reference.picture, reference.mask)
    if warp is not None:
        warp = WarpField(warp.where.to(device), warp.likeness.to(device))
    # Its weights were found in this precision, too (`colorizer_lab.training.match`).
    fast = device.type == "cpu" and has_bfloat16_units()
    chosen = None if queries is None else torch.from_numpy(queries)[None].to(device)
    with torch.autocast("cpu", torch.bfloat16, enabled=fast):
        answer: Correspondence = network(*(plane.to(device) for plane in seen), warp, chosen)
    return answer


def foreground_share(network: MatchNetwork, parts: torch.Tensor) -> NDArray[np.float32]:
    """(grid*grid,): how sure the network is of foreground, 0..1, from part logits (1, parts, grid, grid)."""
    chance = parts[0].softmax(0)[network.config.background_parts :].sum(0)
    return chance.flatten().float().cpu().numpy()

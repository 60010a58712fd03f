"""Prepares the network's inputs and runs it: small squares of the sketch and of a reference, padded with paper.

Very long canvases are divided into several windows. `readout` reads the network's answers for the regions.
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
"""Ratio of the longer to the shorter side up to which one window shows the whole canvas."""
_MOST_WINDOWS = 12
NO_QUERIES: NDArray[np.intp] = np.zeros(0, np.intp)
"""For `ask`: no query is compared."""


@dataclass(frozen=True)
class Window:
    """A square part of a canvas, in pixels; it may extend beyond the canvas's edges."""

    x: int
    y: int
    side: int


@dataclass(frozen=True)
class SketchView:
    """The network's input for one window of the sketch. The tensors are (1, 1, S, S)."""

    window: Window
    ink: torch.Tensor
    mask: torch.Tensor


@dataclass(frozen=True)
class ReferenceView:
    """The network's input for one window of a reference. K = the network's key grid."""

    picture: torch.Tensor
    """(1, 3, S, S), sRGB 0..1."""
    mask: torch.Tensor
    """(1, 1, S, S)."""
    visible: NDArray[np.float32]
    """(K*K,): the fraction of each cell that the reference covers."""
    window: Window
    """In pixels of the reference."""


def whole(width: int, height: int) -> Window:
    """The smallest square around a canvas."""
    side = max(width, height)
    return Window((width - side) // 2, (height - side) // 2, side)


def windows(width: int, height: int) -> list[Window]:
    """One square around the canvas; for strips several squares along it."""
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
    """(size, size) or (size, size, C), 0..1: the window scaled down by averaging; `fill` is outside of the plane."""
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
    """The sketch in a window; without a mask, the foreground is marked as unknown."""
    return SketchView(window, _planes(square(ink, window, size, fill=0)), _hint(mask, window, size))


def box(mask: NDArray[np.uint8], margin: float = 0.06) -> Window:
    """The square around the set pixels of a mask, enlarged on every side by `margin`, a fraction of its side.

    The mask mustn't be empty.
    """
    rows, columns = np.flatnonzero((mask > 127).any(axis=1)), np.flatnonzero((mask > 127).any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    side = max(8, round(max(bottom - top, right - left) * (1 + 2 * margin)))
    return Window(int(left + right - side) // 2, int(top + bottom - side) // 2, side)


def see_reference(picture: Picture, mask: Mask | None, window: Window, size: int, grid: int) -> ReferenceView:
    """A reference on white paper in a window."""
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
    """The mask as the network's input: -1 background, +1 foreground, 0 unknown."""
    if mask is None:
        return torch.zeros(1, 1, size, size)
    return _planes(square(mask, window, size, fill=0) * 2 - 1)


def prepare(network: MatchNetwork, device: str) -> None:
    """Moves a network to a device, with its weights in the layout and precision in which `ask` uses them there, so that
    they aren't converted each time. It can't be moved to another device afterwards."""
    network.to(torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]
    if _in_bfloat16(torch.device(device)):
        for part in network.children():
            if part is not network.reranker:  # `reranker.corrections` computes in float32
                for layer in part.modules():
                    if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear)):
                        layer.to(torch.bfloat16)


@torch.inference_mode()
def ask(
    network: MatchNetwork,
    sketch: SketchView,
    reference: ReferenceView,
    warp: WarpField | None = None,
    queries: NDArray[np.intp] | None = None,
) -> Correspondence:
    """Runs the network on one window of the sketch and one reference, which may be warped to the sketch.

    It uses bfloat16 on CPUs on which that is faster, otherwise float32. Comparing only some `queries` (N,) takes less
    time; `NO_QUERIES` computes only the parts.
    """
    device = next(network.parameters()).device
    seen = (sketch.ink, sketch.mask, reference.picture, reference.mask)
    if warp is not None:
        warp = WarpField(warp.where.to(device), warp.likeness.to(device))
    chosen = None if queries is None else torch.from_numpy(queries)[None].to(device)
    with torch.autocast("cpu", torch.bfloat16, enabled=_in_bfloat16(device)):
        answer: Correspondence = network(*(plane.to(device) for plane in seen), warp, chosen)
    return answer


def _in_bfloat16(device: torch.device) -> bool:
    """Whether the network computes in bfloat16, as in its training (`colorizer_lab.training.match`)."""
    return device.type == "cpu" and has_bfloat16_units()


def foreground_share(network: MatchNetwork, parts: torch.Tensor) -> NDArray[np.float32]:
    """(grid*grid,): the probability of foreground, 0..1, from part logits (1, parts, grid, grid)."""
    chance = parts[0].softmax(0)[network.config.background_parts :].sum(0)
    return chance.flatten().float().cpu().numpy()

"""Runs the network on one view of sketch and references, and computes the attention of every region.

A view shows the whole pictures, only their figures, or a close-up of the same part of both figures, in which small
details are larger. Regions that a close-up doesn't show, or shows as one large area without its surroundings, are read
from the other views.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from colorizer.engines.match import readout
from colorizer.engines.match.network import Correspondence
from colorizer.engines.match.network_input import Window, square
from colorizer.imaging.regions import Regions
from colorizer.imaging.values import Mask

_NEAR = 0.6
"""Side of a close-up, as a fraction of the figure's longer side; two close-ups overlap by a fifth."""
_SMALL = 0.05
"""Fraction of a close-up's area from which a region's weight is less than half."""


@dataclass(frozen=True)
class ScaleView:
    """The network's answers for some windows of the sketch and all references. K: all keys of all references."""

    answers: list[list[Correspondence]]
    """For each window (outer) and reference (inner)."""
    cells: NDArray[np.float32]
    """(windows, n, Q*Q), see `readout.region_cells`."""
    queries: list[NDArray[np.intp]]
    """For each window, the queries of the answers' logits, see `readout.asked_queries`."""
    visible: NDArray[np.bool_]
    """(K,)."""
    in_foreground: NDArray[np.bool_]
    """(K,)."""
    counts: NDArray[np.float32] | None = None
    """(n,), 0..1: the weight of the view for each region; None: 1 for all."""
    near: bool = False
    """Whether it is a close-up."""
    by_side: dict[bool | None, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict, init=False)
    """The attention by side, once it has been computed."""

    def attention(self, of_foreground: bool | None) -> tuple[torch.Tensor, torch.Tensor]:  # noqa: FBT001 - three values
        """(n, K): the attention on one side's keys (None: both sides), and the keys' colours (K, 3)."""
        if of_foreground not in self.by_side:
            self.by_side[of_foreground] = self._attention(of_foreground)
        return self.by_side[of_foreground]

    def _attention(self, of_foreground: bool | None) -> tuple[torch.Tensor, torch.Tensor]:  # noqa: FBT001
        allowed = (
            self.visible if of_foreground is None else self.visible & (self.in_foreground == of_foreground)
        )
        colours = torch.cat([answer.colours[0] for answer in self.answers[0]])
        attention = readout.pool(self._views, torch.from_numpy(allowed).to(colours.device))
        if self.counts is not None:
            attention = attention * torch.from_numpy(self.counts).to(colours.device)[:, None]
        return attention, colours

    @cached_property
    def _views(self) -> list[readout.View]:
        cells = np.zeros_like(self.cells)
        for window, queries in enumerate(self.queries):
            cells[window][:, queries] = self.cells[window][:, queries]
        return [
            _view(row, torch.from_numpy(weights[:, queries]))
            for row, weights, queries in zip(self.answers, readout.weigh(cells), self.queries, strict=True)
        ]


def close_ups(around: Window, mask: Mask) -> list[Window]:
    """Two overlapping windows along the longer side of a figure.

    Args:
        around: the window around the figure.
        mask: (H, W), 255 = figure; not empty.
    """
    side = max(8, round(around.side * _NEAR))
    rest, middle = around.side - side, (around.side - side) // 2
    rows, columns = np.flatnonzero((mask > 127).any(axis=1)), np.flatnonzero((mask > 127).any(axis=0))
    upright = rows[-1] - rows[0] >= columns[-1] - columns[0]
    corners = [(middle, 0), (middle, rest)] if upright else [(0, middle), (rest, middle)]
    return [Window(around.x + x, around.y + y, side) for x, y in corners]


def close_up_counts(cells: NDArray[np.float32], regions: Regions, window: Window) -> NDArray[np.float32]:
    """(n,): the weight of a close-up for every region; `cells` (n, Q*Q) are those of `readout.region_cells`."""
    pixels = regions.areas() * regions.coarse.size
    seen = cells.sum(1) * (window.side**2 / cells.shape[1])
    shown = np.clip(seen / np.maximum(pixels, 1), 0, 1)
    return np.asarray(shown**2 / (1 + (pixels / window.side**2 / _SMALL) ** 2), np.float32)


def foreground_keys(mask: Mask | None, window: Window, grid: int) -> NDArray[np.bool_]:
    """(grid*grid,): which cells of a reference's window are in its figure; all if it isn't known yet."""
    if mask is None:
        return np.ones(grid * grid, bool)
    return square(mask, window, grid, fill=0).ravel() > 0.5


def _view(row: Sequence[Correspondence], cells: torch.Tensor) -> readout.View:
    """The answers for all references side by side; "not in the reference" means in none of them."""
    parts = [answer.logits[0, :, :-1] for answer in row]
    logits = torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]
    null = torch.stack([answer.logits[0, :, -1] for answer in row]).mean(0)
    return readout.View(cells.to(logits.device), logits, null)

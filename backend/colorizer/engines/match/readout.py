"""What every region reads in the references: attention pooled over the region, then the palette colour it means most.

Attention is averaged over a region's cells, and the colours it falls on vote, also for those that look like them: of a
softly shaded part wins the tone that is nearest to most of it, not the tone that happens to be the most frequent one.
How sure a winner is follows from its share of all votes, those for "not in the reference" included, and from its lead.
Numbers here were chosen on the deciding families of real art (`colorizer_lab.data.art`), which nothing is trained on;
none was chosen on pictures the project is measured with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from colorizer.engines.match.network_input import Window
from colorizer.imaging import color
from colorizer.imaging.color import Colours
from colorizer.imaging.regions import Regions

_LOOKS_LIKE = 10.0
"""How far apart (CIEDE2000) two colours may be and still vote for each other: the Gaussian's sigma."""
_OFF_PALETTE = 5.0
"""How far (CIEDE2000) a key may be from the palette, as on a line, and still vote: a Gaussian's sigma."""
_BLENDS = 0.06
"""How far apart (sColours 0..1) what is blended may be where colours aren't locked: a Gaussian's sigma."""
_LARGE_CELLS = 100
"""Number of cells from which on every second of a region's says as much as all of them."""
_SAMPLES = 4
"""A cell is sampled at so many places in each direction to see which regions lie in it."""


_DOUBT = 0.02
"""What share of the votes a colour has that nobody voted for."""
_UNLIKE, _PLACE, _LARGE = 0.13, 3.2, 0.03
"""Likeness up to which the same place says nothing, what it says beyond of the largest parts, and the share of the
figure from which on it says half as much: a small part may lie beside itself where the poses differ a little."""
_SHAPE, _UNFOUND, _SAME_SHAPE = 0.5, 0.1, 3.0
"""How much a like outline says, what a colour has whose outlines are unlike, and what an outline says beyond that is
found again for certain, and nowhere else."""
_SURE, _SHARE, _LEAD = 0.41, 1.23, 0.86
"""The odds that a colour is right, by the logarithms of its share and of its lead: a logistic regression on real art
(the deciding and the training families, which the network had not seen then) and 38 of our own drawings."""
_OTHER = 20
"""CIEDE2000 from which two colours are not the same answer."""
_RANKED = 32
"""Number of a region's ranked colours: of a shaded palette many look alike, and of these one becomes a swatch."""
_TINY = 1e-20
"""Attention that single precision no longer tells apart."""


@dataclass(frozen=True)
class Colouring:
    """One colour for every region."""

    colours: Colours
    """(n, 3)."""
    confidence: NDArray[np.float32]
    """(n,), 0..1: how likely each colour is right."""
    attention: NDArray[np.float32]
    """(n, K), how much each region looks at each key: alike for regions that were taken for the same thing."""
    ranked: Colours
    """(n, R, 3), the palette's colours by the votes for them, the best first."""


class View:
    """The attention of one window of the sketch on all references together. K: all keys."""

    def __init__(self, cells: torch.Tensor, logits: torch.Tensor, null: torch.Tensor) -> None:
        """Keeps what is needed of it. N: queries.

        Args:
            cells: (n, N), how much each region counts on each query.
            logits: (N, K).
            null: (N,), the logit of "not in the reference".
        """
        self.cells, self.logits, self.null = cells.to_sparse(), logits, null

    def read(self, keys: torch.Tensor) -> torch.Tensor:
        """(n, K): the attention of every region on the `keys` (K,) it may read; the rest is "nothing"."""
        reach, nothing = self._reach
        within = reach @ keys.to(reach.dtype)
        if bool(((within + nothing) < _TINY).any()):  # what may be read is too faint beside what may not
            reach, nothing = self._unnormalised(self.logits.masked_fill(~keys, -torch.inf))
            within = reach.sum(1)
        places, shares = self.cells.indices(), self.cells.values()
        shares = shares / (within + nothing)[places[1]]
        weights = torch.sparse_coo_tensor(
            places, shares, self.cells.shape, is_coalesced=True, check_invariants=False
        )
        attention: torch.Tensor = torch.sparse.mm(weights, reach)
        return attention * keys

    @cached_property
    def _reach(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self._unnormalised(self.logits)

    def _unnormalised(self, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Attention on all keys (N, K) and on nothing (N,), the largest of each query 1."""
        top = torch.maximum(logits.amax(dim=1), self.null)
        return (logits - top[:, None]).exp_(), torch.exp(self.null - top)


def region_cells(regions: Regions, window: Window, grid: int) -> NDArray[np.float32]:
    """(n, grid*grid): what share of each cell of the window each region fills.

    Args:
        regions: of the whole canvas.
        window: in px of `regions.coarse`.
        grid: cells on a side of the window.
    """
    height, width = regions.coarse.shape
    places = (np.arange(grid * _SAMPLES) + 0.5) * (window.side / (grid * _SAMPLES))
    x = np.floor(places + window.x).astype(np.intp)
    y = np.floor(places + window.y).astype(np.intp)
    inside_x, inside_y = (x >= 0) & (x < width), (y >= 0) & (y < height)
    cell = np.arange(grid * _SAMPLES) // _SAMPLES
    label = regions.coarse[np.ix_(y[inside_y], x[inside_x])]
    place = cell[inside_y][:, None] * grid + cell[inside_x][None, :]
    index = label.astype(np.int64) * grid * grid + place
    counts = np.bincount(index.ravel(), minlength=regions.count * grid * grid)
    return (counts.reshape(regions.count, grid * grid) / _SAMPLES**2).astype(np.float32)


def add_missed(cells: NDArray[np.float32], regions: Regions, windows: Sequence[Window]) -> None:
    """Enters regions too small to be sampled where their middle is. `cells` (windows, n, grid*grid) is changed."""
    missed = np.flatnonzero(cells.sum(axis=(0, 2)) == 0)
    if not len(missed):
        return
    is_missed = np.zeros(regions.count, bool)
    is_missed[missed] = True
    y, x = np.nonzero(is_missed[regions.coarse])
    label = regions.coarse[y, x]
    pixels = np.maximum(np.bincount(label, minlength=regions.count), 1)
    middle_x = np.bincount(label, x + 0.5, minlength=regions.count) / pixels
    middle_y = np.bincount(label, y + 0.5, minlength=regions.count) / pixels
    grid = round(cells.shape[2] ** 0.5)
    for region in missed:
        index, window = min(
            enumerate(windows),
            key=lambda item: (
                abs(item[1].x + item[1].side / 2 - middle_x[region])
                + abs(item[1].y + item[1].side / 2 - middle_y[region])
            ),
        )
        column = int(np.clip((middle_x[region] - window.x) / window.side * grid, 0, grid - 1))
        row = int(np.clip((middle_y[region] - window.y) / window.side * grid, 0, grid - 1))
        cells[index, region, row * grid + column] = 1


def asked_queries(cells: NDArray[np.float32]) -> NDArray[np.intp]:
    """(N,): the queries that regions `cells` (n, grid*grid) read: all of small regions, every second of large ones."""
    grid = round(cells.shape[1] ** 0.5)
    is_large = cells.sum(axis=1) > _LARGE_CELLS
    row, column = np.divmod(np.arange(cells.shape[1]), grid)
    every_second = (row + column) % 2 == 0
    return np.flatnonzero(cells[~is_large].any(axis=0) | (every_second & cells[is_large].any(axis=0)))


def weigh(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights that sum to 1 for each region, over all windows; cells a region has nearly for itself count more."""
    weights = cells * np.sqrt(cells)
    total = weights.sum(axis=(0, 2), keepdims=True)
    return (weights / np.maximum(total, 1e-9)).astype(np.float32)  # type: ignore[no-any-return]


def pool(views: Sequence[View], keys: torch.Tensor) -> torch.Tensor:
    """(n, K): the attention of every region on the keys (K,) bool it may read, over all windows of one sketch."""
    total = views[0].read(keys)
    for view in views[1:]:
        total += view.read(keys)
    return total


def colour(
    attention: torch.Tensor,
    keys: torch.Tensor,
    palette: Colours,
    beside: torch.Tensor | None = None,
    *,
    lock: bool,
) -> Colouring:
    """The colour of every region.

    Args:
        attention: (n, K), from `pool`.
        keys: (K, 3), the colour of each key, sRGB 0..1.
        palette: (P, 3), P > 0, the colours that may win.
        beside: (n, P), what else speaks for each colour (`place_evidence`, `shape_evidence`), as logarithms.
        lock: exactly the winner; else the mean of what voted for it.
    """
    cast = votes(attention, keys, palette, beside)
    order = cast.argsort(dim=1, descending=True, stable=True)
    winner, ranked = order[:, 0], palette[order[:, :_RANKED].cpu().numpy()]
    confidence = sureness(cast.cpu().numpy(), winner.cpu().numpy(), palette)
    if lock:
        return Colouring(ranked[:, 0], confidence, attention.cpu().numpy(), ranked)
    chosen = torch.from_numpy(palette.astype(np.float32) / 255).to(keys.device)[winner]
    weights = attention * torch.exp(-(torch.cdist(chosen, keys) ** 2) / (2 * _BLENDS**2))
    mean = (weights @ keys) / weights.sum(1, keepdim=True).clamp_min(1e-9)
    blended = np.rint(mean.cpu().numpy() * 255).clip(0, 255).astype(np.uint8)
    return Colouring(blended, confidence, attention.cpu().numpy(), ranked)


def sureness(cast: NDArray[np.float32], chosen: NDArray[np.intp], palette: Colours) -> NDArray[np.float32]:
    """(n,): how likely the colours `chosen` (n,) of the palette are right, 0..1, by the votes (n, P), see `votes`."""
    lab = rgb2lab(palette[None] / 255)[0]
    other = deltaE_ciede2000(lab[:, None], lab[None]) > _OTHER
    share = cast[np.arange(len(cast)), chosen]
    rival = np.where(other[chosen], cast, 0).max(axis=1, initial=0)
    least = 0.01
    odds = _SURE + _SHARE * np.log(share + least) + _LEAD * np.log((share + least) / (rival + least))
    return np.asarray(1 / (1 + np.exp(-odds)), np.float32)


def votes(
    attention: torch.Tensor, keys: torch.Tensor, palette: Colours, beside: torch.Tensor | None = None
) -> torch.Tensor:
    """(n, P): how much speaks for each colour in each region, 0..1; arguments as in `colour`."""
    likest, trust = _on_palette(keys, palette)
    seen = attention.new_zeros(len(attention), len(palette)).index_add_(1, likest, attention * trust)
    cast = seen @ agreement(palette).to(seen.device)
    if beside is None:
        return cast
    beside = beside.to(cast.device)
    # Place and shape can only take votes away, most from what is nowhere near and nothing like it.
    return (cast + _DOUBT * attention.sum(1, keepdim=True)) * (beside - beside.amax(1, keepdim=True)).exp()


def place_evidence(
    there: NDArray[np.float32], palette: Colours, likeness: float, sizes: NDArray[np.float64]
) -> torch.Tensor:
    """(n, P): what lies at the same place weighs beside the network's votes.

    Args:
        there: (n, P), see `registration.Overlay.shares`.
        palette: (P, 3).
        likeness: how alike the poses are, -1..1.
        sizes: (n,), each region's area as a share of the figure's.
    """
    found = torch.from_numpy(there)
    total = found.sum(1, keepdim=True)
    seen = total.clamp(max=1)
    share = seen * (found @ agreement(palette)) / total.clamp_min(1e-6) + (1 - seen) / found.shape[1]
    weight = torch.from_numpy((_PLACE * sizes / (sizes + _LARGE)).astype(np.float32))
    return max(0.0, likeness - _UNLIKE) * weight[:, None] * (share + _DOUBT).log()


def shape_evidence(found: NDArray[np.float64], palette: Colours) -> torch.Tensor:
    """(n, P): what has the same outline weighs beside the network's votes.

    Args:
        found: (n, P), see `shapes.shape_votes`.
        palette: (P, 3).
    """
    share = torch.from_numpy(found.astype(np.float32)) @ agreement(palette)
    return _SHAPE * (share + _UNFOUND).log() + _SAME_SHAPE * share.clamp(max=1) ** 8


def agreement(palette: Colours) -> torch.Tensor:
    """(P, P): how much of a vote for one colour is one for another, too; 1 for itself."""
    lab = rgb2lab(palette[None] / 255)[0]
    apart = deltaE_ciede2000(lab[:, None], lab[None])
    return torch.from_numpy(np.exp(-(apart**2) / (2 * _LOOKS_LIKE**2)).astype(np.float32))


def _on_palette(keys: torch.Tensor, palette: Colours) -> tuple[torch.Tensor, torch.Tensor]:
    """(K,) each: the palette's colour that looks most like each key, and how much the key may vote, 0..1."""
    colours = keys.cpu().numpy()
    likest = color.nearest(color.lab(np.rint(colours * 255).astype(np.uint8)), color.lab(palette))
    apart = deltaE_ciede2000(rgb2lab(colours[None])[0], rgb2lab(palette[likest][None] / 255)[0])
    trust = np.exp(-(apart**2) / (2 * _OFF_PALETTE**2)).astype(np.float32)
    return torch.from_numpy(likest).to(keys.device), torch.from_numpy(trust).to(keys.device)

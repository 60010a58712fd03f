"""Chooses the colour of every region from the network's attention: pooled over the region, it votes for the palette.

Attention is averaged over a region's cells. The colours of the attended keys vote for themselves and for similar
colours, so that for a softly shaded part the tone that is nearest to most of it wins, not the most frequent one. The
confidence depends on the winner's share of all votes, including those for "not in the reference", and on its lead. The
parameters were chosen on the validation families of real art (`colorizer_lab.data.art`), which aren't trained on; none
was chosen on pictures with which the project is evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from colorizer.engines.match.network_input import Window
from colorizer.imaging import color
from colorizer.imaging.color import Colours
from colorizer.imaging.regions import Regions

_LOOKS_LIKE = 10.0
"""Sigma of the Gaussian for votes of similar colours for each other, in CIEDE2000."""
_OFF_PALETTE = 5.0
"""Sigma of the Gaussian for votes of keys that aren't in the palette, such as those on lines, in CIEDE2000."""
_BLENDS = 0.06
"""Sigma of the Gaussian for blending colours if the palette isn't locked, in sRGB 0..1."""
_LARGE_CELLS = 100
"""Number of a region's cells from which every second one is enough."""
_SAMPLES = 4
"""Number of samples of a cell in each direction for finding the regions in it."""


_DOUBT = 0.02
"""Share of the votes of a colour without any votes."""
_UNLIKE, _PLACE, _LARGE = 0.13, 3.2, 0.03
"""For the evidence of place: the likeness up to which it has no weight, its weight above that for the largest parts,
and the fraction of the figure at which a part has half of that weight, because small parts may not overlap if the
poses differ a little."""
UNFIT, _FIT, _SMALL = 0.55, 10.0, 0.05
"""For the evidence of a deformed reference: the fit up to which it has no weight, its weight above that, and the
fraction of the figure at which a part has half of it. Where it fits, small parts overlap, too; large ones may fit
although the reference shows other things in them, such as glasses in a face."""
_SHAPE, _UNFOUND, _SAME_SHAPE = 0.5, 0.1, 3.0
"""For the evidence of outlines: the weight of a similar outline, the share of a colour without similar outlines, and
the additional weight of an outline that is found with certainty and only once."""
_AREA, _LINE, _WIDE = 0.5, 2.0, 0.02
"""For the evidence against colours of lines: the fraction of a colour's pixels in areas from which on there is none,
its weight, and the fraction of the figure at which a part has half of it, because small parts such as pupils may be as
small as lines."""
_DARK, _FLAT = 30.0, 0.6
"""The CIELAB lightness up to which a colour may be one of lines, and the fraction of its other colours in areas from
which on a reference counts as flat. A painted one may show the tones of large parts in thin strokes."""
_SURE, _SHARE, _LEAD = 0.41, 1.23, 0.86
"""Coefficients of a logistic regression for the probability that a colour is right, by the logarithms of its share and
of its lead. It was fitted on real art (the validation and training families, which the network hadn't been trained on
then) and 38 generated drawings."""
_OTHER = 20
"""CIEDE2000 from which two colours are different answers."""
_RANKED = 32
"""Number of a region's ranked colours. It is large, because many colours of a shaded palette share a swatch."""
_TINY = 1e-20
"""Attention that is too small for single precision."""


@dataclass(frozen=True)
class Colouring:
    """One colour for every region."""

    colours: Colours
    """(n, 3)."""
    confidence: NDArray[np.float32]
    """(n,), 0..1: how likely each colour is right."""
    attention: NDArray[np.float32]
    """(n, K): the attention of each region on each key; it is similar for regions that are the same part."""
    ranked: Colours
    """(n, R, 3): the palette's colours ranked by their votes, the best first."""


class View:
    """The attention of one window of the sketch on all references together. K: all keys."""

    def __init__(self, cells: torch.Tensor, logits: torch.Tensor, null: torch.Tensor) -> None:
        """Stores the data for reading it. N: queries.

        Args:
            cells: (n, N), the weight of each query for each region.
            logits: (N, K).
            null: (N,), the logit of "not in the reference".
        """
        self.cells, self.logits, self.null = cells.to_sparse(), logits, null

    def read(self, keys: torch.Tensor) -> torch.Tensor:
        """(n, K): the attention of every region on the permitted `keys` (K,); the rest is "not in the reference"."""
        reach, nothing = self._reach
        within = reach @ keys.to(reach.dtype)
        if bool(
            ((within + nothing) < _TINY).any()
        ):  # the permitted attention is too small compared with the rest
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
        """The attention on all keys (N, K) and on the null key (N,), scaled to a maximum of 1 for each query."""
        top = torch.maximum(logits.amax(dim=1), self.null)
        return (logits - top[:, None]).exp_(), torch.exp(self.null - top)


def region_cells(regions: Regions, window: Window, grid: int) -> NDArray[np.float32]:
    """(n, grid*grid): the fraction of each cell of the window that each region fills.

    Args:
        regions: the regions of the whole canvas.
        window: the window, in pixels of `regions.coarse`.
        grid: the number of cells on a side of the window.
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
    """Adds regions that were too small to be sampled, at their middle, to `cells` (windows, n, grid*grid), in place."""
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
    """(N,): the queries for regions with these `cells` (n, grid*grid): all of small regions, every second one of
    large ones.
    """
    grid = round(cells.shape[1] ** 0.5)
    is_large = cells.sum(axis=1) > _LARGE_CELLS
    row, column = np.divmod(np.arange(cells.shape[1]), grid)
    every_second = (row + column) % 2 == 0
    return np.flatnonzero(cells[~is_large].any(axis=0) | (every_second & cells[is_large].any(axis=0)))


def weigh(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights that sum to 1 for each region over all windows; cells that a region fills almost alone weigh more."""
    weights = cells * np.sqrt(cells)
    total = weights.sum(axis=(0, 2), keepdims=True)
    return (weights / np.maximum(total, 1e-9)).astype(np.float32)  # type: ignore[no-any-return]


def pool(views: Sequence[View], keys: torch.Tensor) -> torch.Tensor:
    """(n, K): the attention of every region on the permitted keys (K,) bool, over all windows of one sketch."""
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
    """Chooses the colour of every region.

    Args:
        attention: (n, K), from `pool`.
        keys: (K, 3), the colour of each key, sRGB 0..1.
        palette: (P, 3), P > 0, the possible colours.
        beside: (n, P), additional evidence for each colour (`Evidence.beside`), as logarithms.
        lock: whether the exact winner is used; otherwise the mean of the colours that voted for it.
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
    """(n,): the probability, 0..1, that the colours `chosen` (n,) of the palette are right, from the votes (n, P)."""
    other = differences(palette) > _OTHER
    share = cast[np.arange(len(cast)), chosen]
    rival = np.where(other[chosen], cast, 0).max(axis=1, initial=0)
    least = 0.01
    odds = _SURE + _SHARE * np.log(share + least) + _LEAD * np.log((share + least) / (rival + least))
    return np.asarray(1 / (1 + np.exp(-odds)), np.float32)


def votes(
    attention: torch.Tensor, keys: torch.Tensor, palette: Colours, beside: torch.Tensor | None = None
) -> torch.Tensor:
    """(n, P): the votes for each colour in each region, 0..1; arguments as in `colour`."""
    likest, trust = _on_palette(keys, palette)
    seen = attention.new_zeros(len(attention), len(palette)).index_add_(1, likest, attention * trust)
    cast = seen @ agreement(palette).to(seen.device)
    if beside is None:
        return cast
    beside = beside.to(cast.device)
    # Place and shape only reduce votes, most for colours that are neither near nor of a similar shape.
    return (cast + _DOUBT * attention.sum(1, keepdim=True)) * (beside - beside.amax(1, keepdim=True)).exp()


def place_evidence(
    there: NDArray[np.float32], palette: Colours, likeness: NDArray[np.float64], sizes: NDArray[np.float64]
) -> torch.Tensor:
    """(n, P): the evidence of the reference's colours at the same place.

    Args:
        there: (n, P), see `registration.Overlay.shares`.
        palette: (P, 3).
        likeness: (n,), the likeness of the poses, -1..1.
        sizes: (n,), each region's area as a fraction of the figure's.
    """
    weight = np.maximum(likeness - _UNLIKE, 0) * (_PLACE * sizes / (sizes + _LARGE))
    return _weighted(there, palette, weight)


def fit_evidence(
    there: NDArray[np.float32], palette: Colours, fits: NDArray[np.float64], sizes: NDArray[np.float64]
) -> torch.Tensor:
    """(n, P): the evidence of a deformed reference's colours at the same place.

    Args:
        there: (n, P), see `registration.Overlay.shares`.
        palette: (P, 3).
        fits: (n,), how well it fits, -1..1.
        sizes: (n,), each region's area as a fraction of the figure's.
    """
    return _weighted(there, palette, _FIT * np.maximum(fits - UNFIT, 0) / (1 + (sizes / _SMALL) ** 2))


def _weighted(there: NDArray[np.float32], palette: Colours, weight: NDArray[np.float64]) -> torch.Tensor:
    """(n, P): the logarithms of the shares of colours at the same place, and of those that look like them."""
    found = torch.from_numpy(there)
    total = found.sum(1, keepdim=True)
    seen = total.clamp(max=1)
    share = seen * (found @ agreement(palette)) / total.clamp_min(1e-6) + (1 - seen) / found.shape[1]
    return torch.from_numpy(weight.astype(np.float32))[:, None] * (share + _DOUBT).log()


def shape_evidence(found: NDArray[np.float64], palette: Colours) -> torch.Tensor:
    """(n, P): the evidence of the colours of areas with the same outline.

    Args:
        found: (n, P), see `shapes.shape_votes`.
        palette: (P, 3).
    """
    share = torch.from_numpy(found.astype(np.float32)) @ agreement(palette)
    return _SHAPE * (share + _UNFOUND).log() + _SAME_SHAPE * share.clamp(max=1) ** 8


def area_evidence(
    anywhere: NDArray[np.intp], areas: NDArray[np.intp], palette: Colours, sizes: NDArray[np.float64]
) -> torch.Tensor:
    """(n, P): the evidence against dark colours that a flat reference shows mostly in lines. Where lines are bold, the
    network can't look beside them.

    Args:
        anywhere: (N,), the colour of each of the references' pixels.
        areas: (N,), the colour of the nearest area that is wider than a line, -1 for what lies around the figure.
        palette: (P, 3).
        sizes: (n,), each region's area as a fraction of the figure's.
    """
    alike, against = agreement(palette).numpy(), np.zeros(len(palette))
    is_dark = rgb2lab(palette[None] / 255)[0, :, 0] < _DARK
    kept = np.where(areas >= 0, alike[anywhere, areas], 0)[~is_dark[anywhere]]
    if len(kept) and kept.mean() > _FLAT:
        before, after = (
            np.bincount(one, minlength=len(palette)) @ alike for one in (anywhere, areas[areas >= 0])
        )
        share = after[is_dark] / np.maximum(before[is_dark], 1e-9)
        against[is_dark] = _LINE * np.log(np.clip(share / _AREA, 0.05, 1))
    return torch.from_numpy((sizes / (sizes + _WIDE))[:, None] * against).float()


def differences(palette: Colours) -> NDArray[np.float64]:
    """(P, P): CIEDE2000 between the palette's colours. Cached, don't change it."""
    return _differences(palette.tobytes())


def agreement(palette: Colours) -> torch.Tensor:
    """(P, P): the fraction of a vote for one colour that also counts for another; 1 for itself. Cached, don't change
    it."""
    return _agreement(palette.tobytes())


@lru_cache(maxsize=8)
def _differences(palette: bytes) -> NDArray[np.float64]:
    lab = rgb2lab(np.frombuffer(palette, np.uint8).reshape(1, -1, 3) / 255)[0]
    return np.asarray(deltaE_ciede2000(lab[:, None], lab[None]))


@lru_cache(maxsize=8)
def _agreement(palette: bytes) -> torch.Tensor:
    return torch.from_numpy(np.exp(-(_differences(palette) ** 2) / (2 * _LOOKS_LIKE**2)).astype(np.float32))


def _on_palette(keys: torch.Tensor, palette: Colours) -> tuple[torch.Tensor, torch.Tensor]:
    """(K,) each: the palette's colour most similar to each key, and the weight of the key's vote, 0..1."""
    likest, trust = _likest_colours(keys.cpu().numpy().tobytes(), palette.tobytes())
    return likest.to(keys.device), trust.to(keys.device)


@lru_cache(maxsize=16)
def _likest_colours(keys: bytes, palette: bytes) -> tuple[torch.Tensor, torch.Tensor]:
    """`_on_palette` for keys (K, 3) fp32 and a palette (P, 3) as bytes, on the CPU."""
    colours = np.frombuffer(keys, np.float32).reshape(-1, 3)
    choice = np.frombuffer(palette, np.uint8).reshape(-1, 3)
    likest = color.nearest(color.lab(np.rint(colours * 255).astype(np.uint8)), color.lab(choice))
    apart = deltaE_ciede2000(rgb2lab(colours[None])[0], rgb2lab(choice[likest][None] / 255)[0])
    trust = np.exp(-(apart**2) / (2 * _OFF_PALETTE**2)).astype(np.float32)
    return torch.from_numpy(likest), torch.from_numpy(trust)

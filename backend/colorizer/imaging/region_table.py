"""The table of a result's regions: the layer that shows each, and the other colours that it may have.

It is for corrections: the artist clicks a region and chooses one of its likely colours, which `repaint` applies. The
engine gives the likely colours; if it doesn't, the palette's colours most similar to the painted one are used
(`by_likeness`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from colorizer.imaging import color
from colorizer.imaging.basins import Labels
from colorizer.imaging.color import Colours
from colorizer.imaging.layers import flatten
from colorizer.imaging.palette import find_palette
from colorizer.imaging.regions import Regions
from colorizer.imaging.values import Correction, Layer, Picture, Role

LIKELY = 6
"""Number of likely colours of a region."""

_DISTINCT = 18.0
"""CIE 1976 colour difference from which two colours have separate swatches. Of 141 clicks of a simulated artist on the
validation families, the right colour was among the first three for .62; with 12 (75 clicks) and with 23 it was .52."""
_SAMPLES = 2**19
"""Number of pixels from which the colours of regions are estimated."""


@dataclass(frozen=True)
class RegionTable:
    """The data on a result's `n` regions for corrections."""

    labels: Labels
    """(H, W), 0..n-1."""
    on_background: NDArray[np.bool_]
    """(n,): whether the background layer shows the region; otherwise the foreground layer does."""
    likely: tuple[Colours, ...]
    """n arrays (at most 1 + `LIKELY`, 3): the region's colour, then other ones, the most likely first."""
    alike: tuple[NDArray[np.intp], ...]
    """n arrays: the other regions that were recognised as the same part."""

    @property
    def count(self) -> int:
        """The number of regions, n."""
        return len(self.likely)


def by_likeness(layers: Sequence[Layer], regions: Regions, palette: Colours) -> RegionTable:
    """The table for an engine that gives no likely colours: the palette's colours most similar to the painted one.

    Args:
        layers: the result's layers, bottom to top.
        regions: the regions of the canvas.
        palette: (P, 3); if it is empty, the palette of the painted picture is used.
    """
    height, width = regions.labels.shape
    shown = flatten(
        [layer for layer in layers if layer.role in (Role.BACKGROUND, Role.FOREGROUND)], width, height
    )
    if not len(palette):
        palette = find_palette(shown).colours
    background = _shares_of_background(layers, regions) > 0.5
    if not len(palette):
        return _without_colours(regions, background)
    ranked = np.argsort(_distances(_mean_colours(shown, regions), palette), axis=1, kind="stable")
    likely = distinct(palette[ranked[:, 1:]], palette[ranked[:, 0]])
    return RegionTable(regions.labels, background, likely, _nothing_alike(regions.count))


def distinct(ranked: Colours, current: Colours) -> tuple[Colours, ...]:
    """For each region its current colour and the first `LIKELY` of its ranked colours that differ visibly from these.

    Args:
        ranked: (n, R, 3), possible colours, the best first.
        current: (n, 3), the regions' colours.
    """
    count, ranks = ranked.shape[:2]
    lab = color.lab(ranked.reshape(-1, 3)).reshape(count, ranks, 3)
    kept = np.full((count, LIKELY + 1, 3), np.inf, np.float32)
    kept[:, 0] = color.lab(current)
    taken = np.zeros((count, ranks), bool)
    number = np.zeros(count, np.intp)
    for rank in range(ranks):
        apart = np.linalg.norm(kept - lab[:, rank, None], axis=2).min(axis=1)
        new = np.flatnonzero((apart >= _DISTINCT) & (number < LIKELY))
        taken[new, rank] = True
        number[new] += 1
        kept[new, number[new]] = lab[new, rank]
    rows = zip(current, ranked, taken, strict=True)
    return tuple(np.concatenate([one[None], others[which]]) for one, others, which in rows)


def repaint(
    layers: Sequence[Layer], table: RegionTable, corrections: Sequence[Correction]
) -> tuple[Layer, ...]:
    """Fills the corrected regions with their new flat colours; a region without colour gets alpha 0.

    Args:
        layers: the layers, of the canvas's size.
        table: the table of their regions.
        corrections: the corrections; the last one of a region has priority.
    """
    found: dict[Role, Layer] = {layer.role: layer for layer in layers}
    for correction in corrections:
        region = int(table.labels[correction.y, correction.x])
        role = Role.BACKGROUND if table.on_background[region] else Role.FOREGROUND
        if role in found:
            pixels = found[role].pixels.copy()
            pixels[table.labels == region] = correction.rgba
            found[role] = replace(found[role], pixels=pixels)
    return tuple(found[layer.role] for layer in layers)


def joined(
    labels: Labels, parts: Sequence[tuple[RegionTable, NDArray[np.int32], NDArray[np.bool_]]]
) -> RegionTable:
    """Joins the tables of a canvas's parts.

    Args:
        labels: (H, W), the regions of the whole canvas, 0..n-1.
        parts: for each part its table, the number of each of its regions on the whole canvas (-1: it isn't there), and
            which of its regions stay paper; these are on the background layer.
    """
    count = int(labels.max()) + 1
    background = np.ones(count, bool)
    likely = [np.zeros((0, 3), np.uint8)] * count
    alike = list(_nothing_alike(count))
    for table, numbers, paper in parts:
        for region in np.flatnonzero(numbers >= 0):
            number = numbers[region]
            background[number] = table.on_background[region] or paper[region]
            likely[number] = table.likely[region]
            others = numbers[table.alike[region]]
            alike[number] = others[others >= 0].astype(np.intp)
    return RegionTable(labels, background, tuple(likely), tuple(alike))


def _nothing_alike(count: int) -> tuple[NDArray[np.intp], ...]:
    return (np.zeros(0, np.intp),) * count


def _without_colours(regions: Regions, background: NDArray[np.bool_]) -> RegionTable:
    nothing = (np.zeros((0, 3), np.uint8),) * regions.count
    return RegionTable(regions.labels, background, nothing, _nothing_alike(regions.count))


def _shares_of_background(layers: Sequence[Layer], regions: Regions) -> NDArray[np.float64]:
    """(n,): the fraction of each region that the foreground layer doesn't show."""
    layer = next((one for one in layers if one.role is Role.FOREGROUND), None)
    if layer is None:
        return np.ones(regions.count)
    shown = layer.mask if layer.mask is not None else layer.pixels[..., 3]
    if shown.shape != regions.labels.shape or not any(one.role is Role.BACKGROUND for one in layers):
        return np.zeros(regions.count)
    return 1 - regions.shares(shown)


def _mean_colours(shown: Picture, regions: Regions) -> Colours:
    """(n, 3): the mean colour of each region on a grid of pixels; 0 for regions without a grid pixel."""
    step = max(1, round((regions.labels.size / _SAMPLES) ** 0.5))
    labels = regions.labels[::step, ::step].ravel()
    pixels = shown[::step, ::step].reshape(-1, 4)
    counts = np.maximum(np.bincount(labels, minlength=regions.count), 1)
    sums = [np.bincount(labels, pixels[:, channel], minlength=regions.count) for channel in range(3)]
    return np.rint(np.stack(sums, axis=1) / counts[:, None]).astype(np.uint8)


def _distances(colours: Colours, palette: Colours) -> NDArray[np.float32]:
    """(n, P): CIELAB distances."""
    return np.linalg.norm(color.lab(colours)[:, None] - color.lab(palette)[None], axis=2)  # type: ignore[no-any-return]

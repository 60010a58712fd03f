"""Finds the foreground of a picture: along the lines of a sketch, or by the colours of any other picture.

The network gives a coarse estimate; the exact borders are found in the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import Reference, Report
from colorizer.engines.match.network import MatchNetwork
from colorizer.engines.match.network_input import (
    NO_QUERIES,
    ReferenceView,
    ask,
    foreground_share,
    see_reference,
    see_sketch,
    whole,
)
from colorizer.engines.match.open_figures import close_figures
from colorizer.engines.match.readout import add_missed, region_cells
from colorizer.engines.match.registration import (
    SAME_POSE,
    Overlay,
    Registration,
    lay_under,
    register,
    scale_down,
)
from colorizer.imaging.lines import Ink, find_ink
from colorizer.imaging.masks import usable_mask
from colorizer.imaging.pictures import over_white
from colorizer.imaging.regions import Regions, find_regions
from colorizer.imaging.values import Mask, Picture

_INSIDE = 0.35
"""Least probability, by the network, for a region that doesn't touch the edge. On 80 drawings the IoU is .918; with .5
it is .916, with .2 .913."""
_ALL_AROUND, _AROUND = 0.95, 0.9
"""Fraction of the canvas's edge from which a region surrounds everything else, and the least probability for such a
region. It is high, because on a large empty sheet the network sees the drawing too small to be certain of the paper."""
_AMONG, _MOSTLY = 0.15, 0.6
"""Least probability for an inner region with at least this fraction of its border next to the figure, such as a segment
of a braid. On 60 drawings and 91 pairs of real art this changes the IoU very little (.9265 to .9262, and .8526)."""
_EVEN, _EVEN_SHARE = 4, 0.97
"""A border is even if this fraction of it differs by at most this much (of 255) from its most frequent colour."""
_LIKE_BORDER, _JUST_BORDER = 24, 8
"""Largest difference from an even border's colour up to which pixels may belong to the surroundings of the figure, and
up to which they do if they are in a wide area with a sharp border. On 152 deciding pairs the IoU of the reference's
mask is .955; with 24 for all .938, because pale faces on white are lost then, and with 8 for all .947, because halos
around the figures aren't."""
_WIDE, _SHARP = 0.04, 7
"""Least width of a wide area, as a fraction of the longer side, and least change of colours (of 255) across a sharp
border, on the small copy: soft shadows and vignettes have 0 to 4, faces 12 and more."""
_CUT_SIDE = 256
"""Longer side, in pixels, at which the borders of a coloured picture are found."""
_CUT_ROUNDS = 3
"""Number of rounds of GrabCut. Two give masks as good (IoU of 72 deciding pairs .928, with three .927; of 195 drawings
.878 with both), but of 215 pairs coloured without masks two are worse with them, one of them clearly."""
_OVERLAP = 0.2
"""Overlap, as a fraction of the narrower one's width, from which two components are in the same column."""
_FIGURE, _MOST_FIGURES = 0.3, 4
"""Least area of a figure of a model sheet, as a fraction of the largest one's; and the largest number of figures. On 60
drawn sheets .870 of the area is right if each figure is matched separately, .849 otherwise."""


def find_foreground(network: MatchNetwork, picture: Picture, report: Report) -> Mask:
    """(H, W), 255 = foreground."""
    report.stage("Finding the foreground", 0, 2)
    if _is_sketch(picture):
        return _sketch_foreground(network, picture, report)
    mask = _coloured_foreground(network, picture)
    report.stage("Finding the foreground", 1, 2)
    return mask


@dataclass(frozen=True)
class SamePose:
    """A reference in the sketch's pose."""

    reference: Reference
    registration: Registration

    def lay_under(self, ink: Ink, figure: Mask | None = None) -> Overlay:
        """The reference warped to the sketch; `figure` is the reference's figure, None for all of it."""
        return lay_under(ink, self.reference.picture, figure, self.registration)

    def figure(self, network: MatchNetwork, ink: Ink) -> Mask:
        """The reference's figure, 255 = figure, warped to the sketch, of any size."""
        picture = self.reference.picture
        mask = usable_mask(self.reference.mask, picture.shape[1], picture.shape[0])
        return self.lay_under(ink, _coloured_foreground(network, picture) if mask is None else mask).figure


def find_same_pose(ink: Ink, references: Sequence[Reference]) -> SamePose | None:
    """The reference that shows the sketch's pose best; None if none does."""
    found = [register(ink, None, reference.picture, None, cut_off=True) for reference in references]
    if not found or max(one.likeness for one in found) < SAME_POSE:
        return None
    best = max(range(len(found)), key=lambda number: found[number].likeness)
    return SamePose(references[best], found[best])


def _is_sketch(picture: Picture) -> bool:
    """Whether the picture has dark or coloured lines on large even paper or on transparency."""
    small = cv2.resize(over_white(picture), (256, 256), interpolation=cv2.INTER_AREA)
    painted = (
        cv2.resize(np.ascontiguousarray(picture[..., 3]), (256, 256), interpolation=cv2.INTER_AREA) > 127
    )
    if painted.mean() < 0.9:  # on transparency: strokes are thin, a cut-out picture isn't
        thick = cv2.erode(painted.astype(np.uint8), np.ones((13, 13), np.uint8))
        return not thick.any()
    paper = np.median(small.reshape(-1, 3), axis=0)
    bare = np.abs(small.astype(np.int16) - paper.astype(np.int16)).max(axis=2) < 40
    colourful = (small.max(axis=2).astype(np.int16) - small.min(axis=2)) > 60
    even = paper.min() > 200 or paper.max() < 40
    return bool(even and bare.mean() > 0.6 and colourful.mean() < 0.03)


def _is_cut_out(picture: Picture) -> bool:
    """Whether transparency already separates the figure from its surroundings."""
    clear = np.count_nonzero(picture[..., 3] <= 127) / picture[..., 3].size
    return bool(0.02 < clear < 0.98)


def _sketch_foreground(network: MatchNetwork, picture: Picture, report: Report) -> Mask:
    ink = find_ink(picture)
    regions = close_figures(network, ink, find_regions(ink))
    report.stage("Finding the foreground", 1, 2)
    config = network.config
    height, width = regions.coarse.shape
    small = cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA)
    window = whole(width, height)
    view = see_sketch(small, None, window, config.image_size)
    answer = ask(network, view, _seen(network, picture), queries=NO_QUERIES)
    cells = region_cells(regions, window, config.query_grid)[None]
    add_missed(cells, regions, [window])
    share = cells[0] @ foreground_share(network, answer.sketch_parts) / cells[0].sum(1)
    return (foreground_regions(share, regions) * np.uint8(255))[regions.labels]


def foreground_regions(share: NDArray[np.floating], regions: Regions) -> NDArray[np.bool_]:
    """(n,): which regions belong to the figure.

    Regions at the canvas's edge need a higher probability than inner ones, a region along the whole edge, around a
    small drawing, the highest one, and regions surrounded by the figure a lower one. If no region would be figure,
    all are, because a drawing of only background is most likely an error of the network.

    Args:
        share: (n,), the network's probability that each region is figure, 0..1.
        regions: the regions.
    """
    sides = (regions.coarse[0], regions.coarse[-1], regions.coarse[:, 0], regions.coarse[:, -1])
    edge = np.bincount(np.concatenate(sides), minlength=regions.count) / sum(map(len, sides))
    figure = share > np.select([edge > _ALL_AROUND, edge > 0], [_AROUND, 0.5], _INSIDE)
    figure |= (edge == 0) & (share > _AMONG) & (_border_shares(regions.coarse, figure) > _MOSTLY)
    return figure if figure.any() else ~figure


def _border_shares(labels: NDArray[np.int32], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(n,): the fraction of every region's border that is next to `chosen` (n,) regions."""
    border, against = np.zeros(len(chosen)), np.zeros(len(chosen))
    for first, second in ((labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1])):
        meet = first != second
        for one, other in ((first[meet], second[meet]), (second[meet], first[meet])):
            border += np.bincount(one, minlength=len(chosen))
            against += np.bincount(one, chosen[other], minlength=len(chosen))
    return against / np.maximum(border, 1)


def _coloured_foreground(network: MatchNetwork, picture: Picture) -> Mask:
    if _is_cut_out(picture):
        return np.where(picture[..., 3] > 127, np.uint8(255), np.uint8(0))
    height, width = picture.shape[:2]
    view = see_sketch(_edges(over_white(picture)), None, whole(width, height), network.config.image_size)
    answer = ask(network, view, _seen(network, picture), queries=NO_QUERIES)
    return outline(picture, foreground_share(network, answer.reference_parts))


def _seen(network: MatchNetwork, picture: Picture) -> ReferenceView:
    window = whole(picture.shape[1], picture.shape[0])
    return see_reference(picture, None, window, network.config.image_size, network.config.key_grid)


def outline(picture: Picture, share: NDArray[np.float32]) -> Mask:
    """(H, W), 255 = foreground: a coarse estimate refined along the picture's own borders.

    If the picture's border has one even colour, the foreground is everything that a flood fill of that colour doesn't
    reach, without the estimate. On the 26 of 260 drawings with such a border this is as good (IoU .898 against .896),
    and sharper.

    Args:
        picture: (H, W, 4), of any size.
        share: (grid*grid,), 0..1, the probability of foreground in each cell of the square around the picture.
    """
    on_even_ground = _not_reached(over_white(picture))
    if on_even_ground is not None:
        return on_even_ground
    height, width = picture.shape[:2]
    window = whole(width, height)
    scale = _CUT_SIDE / window.side
    columns, rows = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (_CUT_SIDE - columns) // 2, (_CUT_SIDE - rows) // 2
    grid = round(share.size**0.5)
    guess = cv2.resize(share.reshape(grid, grid), (_CUT_SIDE, _CUT_SIDE), interpolation=cv2.INTER_CUBIC)
    guess = guess[top : top + rows, left : left + columns]
    small = cv2.resize(over_white(picture), (columns, rows), interpolation=cv2.INTER_AREA)
    enlarged = cv2.resize(_cut(small, guess), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.where(enlarged > 0.5, np.uint8(255), np.uint8(0))


def _not_reached(colours: NDArray[np.uint8]) -> Mask | None:
    """The pixels that an even border's colour doesn't reach from outside; None if the border isn't even or all is
    reached.
    """
    border = np.concatenate([colours[0], colours[-1], colours[:, 0], colours[:, -1]]).astype(np.int16)
    usual = np.median(border, axis=0)
    if (np.abs(border - usual).max(axis=1) <= _EVEN).mean() < _EVEN_SHARE:
        return None
    inside, pale = (_not_flooded(colours, usual, most) for most in (_LIKE_BORDER, _JUST_BORDER))
    pale &= ~inside
    if pale.any():
        inside |= pale & _pale_parts(colours, inside, pale)
    return np.where(inside, np.uint8(255), np.uint8(0)) if 0.02 < inside.mean() < 0.98 else None


def _not_flooded(colours: NDArray[np.uint8], usual: NDArray[np.float64], most: int) -> NDArray[np.bool_]:
    """(H, W): the pixels that can't be reached from outside over colours that differ from `usual` by at most `most`."""
    low, high = np.maximum(usual - most, 0), np.minimum(usual + most, 255)
    alike = cv2.copyMakeBorder(cv2.inRange(colours, low, high), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=255)
    pieces = cv2.connectedComponents(alike, connectivity=4)[1][1:-1, 1:-1]
    return np.asarray(pieces != 1)  # the added frame comes first in reading order


def _pale_parts(
    colours: NDArray[np.uint8], inside: NDArray[np.bool_], pale: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """(H, W): the wide areas of `pale` with a sharp border, found on a small copy; `inside` is the rest of the
    figure.
    """
    small, _ = scale_down(colours, _CUT_SIDE)
    figure, areas = (
        scale_down(one.view(np.uint8) * np.uint8(255), _CUT_SIDE)[0] > 127 for one in (inside, pale)
    )
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (round(_WIDE * max(areas.shape)) | 1,) * 2)
    count, pieces = cv2.connectedComponents(cv2.morphologyEx(areas.view(np.uint8), cv2.MORPH_OPEN, brush))
    beside = np.ones((3, 3), np.uint8)
    change = cv2.morphologyEx(small, cv2.MORPH_GRADIENT, beside).max(axis=2)
    parts = np.zeros(pieces.shape, np.uint8)
    for piece in range(1, count):
        here = pieces == piece
        around = (cv2.dilate(here.view(np.uint8), beside) > 0) & ~here & ~figure
        if around.any() and np.median(change[around]) >= _SHARP:
            parts[here] = 1
    return np.asarray(cv2.resize(parts, pale.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0)


def side_by_side(mask: Mask, least: float = _FIGURE) -> list[Mask]:
    """Separates the figures of a picture that stand side by side; components above each other are one figure.

    Args:
        mask: (H, W), 255 = figures; not empty.
        least: the smallest area of a figure, as a fraction of the largest one's.
    """
    height, width = mask.shape
    scale = _CUT_SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(mask, size, interpolation=cv2.INTER_AREA) > 127
    columns = _columns(small)
    areas = [np.count_nonzero(small & column) for column in columns]
    kept = [column for column, area in zip(columns, areas, strict=True) if area >= least * max(areas)]
    if not 1 < len(kept) <= _MOST_FIGURES:
        return [mask]
    wide = [cv2.resize(one.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) for one in kept]
    return [np.where(one > 0, mask, np.uint8(0)) for one in wide]


def _columns(figures: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """(H, W) each, left to right: the components of a mask, joined if they are above each other."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(
        cv2.dilate(figures.view(np.uint8), np.ones((3, 3), np.uint8))
    )
    columns: list[tuple[int, int, list[int]]] = []
    for piece in sorted(range(1, count), key=lambda piece: stats[piece, cv2.CC_STAT_LEFT]):
        left = int(stats[piece, cv2.CC_STAT_LEFT])
        right, members = left + int(stats[piece, cv2.CC_STAT_WIDTH]), [piece]
        if columns:
            start, end, before = columns[-1]
            if min(end, right) - left > _OVERLAP * min(right - left, end - start):
                columns.pop()
                left, right, members = start, max(end, right), [*before, piece]
        columns.append((left, right, members))
    return [np.isin(pieces, members) for _, _, members in columns]


def _cut(picture: NDArray[np.uint8], guess: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W), 1 = foreground: the figure's border by its colours (GrabCut), starting from an estimate in 0..1."""
    kinds = [cv2.GC_FGD, cv2.GC_PR_FGD, cv2.GC_PR_BGD]
    marks = np.select([guess > 0.9, guess > 0.5, guess > 0.1], kinds, cv2.GC_BGD).astype(np.uint8)
    sure = np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if not sure.all() and sure.any():
        cv2.setRNGSeed(0)  # its colour models are initialised at random
        lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(lab, marks, None, *models, _CUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)


def _edges(colours: NDArray[np.uint8]) -> Ink:
    """A line drawing of a coloured picture, from its gradients."""
    step = max(1, max(colours.shape) // 1024)
    soft = cv2.GaussianBlur(np.ascontiguousarray(colours[::step, ::step]), (0, 0), 1.5)
    change = cv2.morphologyEx(soft, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(axis=2)
    return cv2.resize(cv2.convertScaleAbs(change, alpha=4), colours.shape[1::-1])  # type: ignore[no-any-return]

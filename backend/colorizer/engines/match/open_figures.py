"""Closes open figures, such as a bust that fades out below or a sleeve without an end.

There the lines don't separate the figure from the paper, but the network does. Each region that contains both is
divided by a watershed: certain figure and certain paper grow towards each other over open paper and last over lines,
so that the border follows the lines if there are any. Beyond the convex hull of the lines, a part ends after a short
distance or where it becomes narrower, so that a bust that is cut off ends straight. Parts with few lines at their
border, and parts of which little is certain, are errors of the network and stay paper, as are parts where the lines
go on instead of ending at the open border, such as the paper between an arm and the head or between raindrops.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

from colorizer.engines.match.network import MatchNetwork
from colorizer.engines.match.network_input import (
    NO_QUERIES,
    Window,
    ask,
    foreground_share,
    see_reference,
    see_sketch,
    whole,
    windows,
)
from colorizer.imaging.cut_off import FindFigure
from colorizer.imaging.lines import Ink
from colorizer.imaging.regions import Regions

_SURELY_FIGURE, _SURELY_PAPER = 0.7, 0.3
_SIDE = 512
"""Longer side, in pixels, of the copy on which borders are found."""
_SEED = 2.5
"""Least width of a certain area, in cells of the network's grid, because the network is unsure beside every line."""
_SMALLEST = 0.004
"""Least fraction of the canvas for a part to be closed."""
_AROUND = 0.02
"""Distance up to which lines belong to a part, as a fraction of the longer side."""
_AS_WIDE, _FARTHEST = 0.85, 0.045
"""Limits of a part beyond its lines: its least width, as a fraction of its width at the end of the lines, and its
length, as a fraction of the longer side."""
_BOUNDED = 0.55
"""Least fraction of an open figure's outline that consists of lines."""
_SMALL, _LONG = 0.04, 2.0
"""Fraction of the canvas up to which a part is small, and the length of its open border, in sides of a square of its
area, from which it is very open. A part that is either must lie between ends of lines, and along the open border of
any other one a line must end; a part that is both, such as a strip of paper below a bust, stays paper."""
_AT_END, _NEAR_END = 0.03, 0.12
"""Distance up to which a line ends at an open border, as a fraction of the longer side, and, along the open border of
a large part, of a square's side of its area, because the border may be that far off."""
_ENDED = 0.5
"""Least fraction of a part's open border between places where lines end."""
_SHORT = 8
"""Length of open borders, px, up to which they are gaps in a line."""
_SURE = 0.55
"""Least fraction of an open figure that is certain; of drawn figures, what is less certain is nearly always paper."""


def close_figures(
    network: MatchNetwork, ink: Ink, regions: Regions, find_figure: FindFigure = lambda: None
) -> Regions:
    """Divides the regions that contain both figure and paper.

    Args:
        network: separates figure and paper.
        ink: (H, W), the sketch's ink.
        regions: the regions enclosed by its lines.
        find_figure: finds the largest possible figure; only called if there seem to be such regions.
    """
    height, width = regions.coarse.shape
    seen = windows(width, height)
    if len(seen) > 1:  # a strip of several figures: each window would show only a part of them
        return regions
    small = cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA)
    share = _share(network, small, seen[0])
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    labels = cv2.resize(regions.coarse, size, interpolation=cv2.INTER_NEAREST)
    lines = cv2.resize((~regions.off_lines).view(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    share = cv2.resize(share, size, interpolation=cv2.INTER_LINEAR)
    cell = seen[0].side * scale / network.config.query_grid
    figure, paper = _seeds(share, lines, cell)
    least = _SMALLEST * labels.size
    found = _open(figure, paper, labels, least)
    if not len(found):
        return regions
    ends, cut_off, largest = _ends(lines), np.zeros(labels.shape, np.uint8), find_figure()
    if largest is not None:
        inside = cv2.resize(largest, size, interpolation=cv2.INTER_NEAREST) > 127
        figure &= inside
        found = _open(figure, paper, labels, least)
        paper |= ~inside & (lines == 0)
        cut_off = cv2.dilate((~inside).view(np.uint8), np.ones((7, 7), np.uint8))
    for region in found:
        part = _figure_part(region, figure, paper, labels, lines, least, ends)
        part = np.where(_stray(part > 0, lines), np.uint8(0), part)
        part = np.where(_unended(part, labels == region, lines, ends, cut_off), np.uint8(0), part)
        if part.any():
            regions = regions.divide(
                region, cv2.resize(part, (width, height), interpolation=cv2.INTER_NEAREST)
            )
    return regions


def _share(network: MatchNetwork, ink: Ink, window: Window) -> NDArray[np.float32]:
    """(h, w): the probability of figure, by the network without a reference."""
    size, grid = network.config.image_size, network.config.query_grid
    blank = np.full((8, 8, 4), 255, np.uint8)
    reference = see_reference(blank, None, whole(8, 8), size, network.config.key_grid)
    answer = ask(network, see_sketch(ink, None, window, size), reference, queries=NO_QUERIES)
    share = foreground_share(network, answer.sketch_parts).reshape(grid, grid)
    square = cv2.resize(share, (window.side, window.side), interpolation=cv2.INTER_LINEAR)
    height, width = ink.shape
    return square[-window.y : height - window.y, -window.x : width - window.x]  # type: ignore[no-any-return]


def _seeds(
    share: NDArray[np.float32], lines: NDArray[np.uint8], cell: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(h, w) each: certain figure and certain paper in open areas that are wider than a few cells."""
    reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(_SEED * cell / 2) + 1,) * 2)
    found = []
    for kind in (share > _SURELY_FIGURE, share < _SURELY_PAPER):
        off_lines = (kind & (lines == 0)).astype(np.uint8)
        found.append(cv2.morphologyEx(off_lines, cv2.MORPH_OPEN, reach) > 0)
    return found[0], found[1]


def _open(
    figure: NDArray[np.bool_], paper: NDArray[np.bool_], labels: NDArray[np.int32], least: float
) -> NDArray[np.intp]:
    """The regions that contain much of both."""
    count = int(labels.max()) + 1
    of_foreground, of_paper = (np.bincount(labels[kind], minlength=count) for kind in (figure, paper))
    return np.flatnonzero((of_foreground > least) & (of_paper > least))


def _figure_part(
    region: int,
    figure: NDArray[np.bool_],
    paper: NDArray[np.bool_],
    labels: NDArray[np.int32],
    lines: NDArray[np.uint8],
    least: float,
    ends: NDArray[np.int32],
) -> NDArray[np.uint8]:
    """(h, w): the components 1, 2, … of a region that are figure; 0 elsewhere."""
    inside = labels == region
    markers = np.where(inside & figure, 1, np.where(inside & paper, 2, 0)).astype(np.int32)
    ground = np.where(inside & (lines == 0), np.uint8(0), np.uint8(255))
    grown = cv2.watershed(cv2.merge([ground] * 3), markers)
    grown = cv2.dilate((grown == 1).astype(np.uint8), np.ones((3, 3), np.uint8)) * inside
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(grown, connectivity=4)
    near_line = _near_line(inside, lines)
    result = np.zeros(labels.shape, np.uint8)
    kept = 0
    for piece in range(1, count):
        here = pieces == piece
        outline = here & ~cv2.erode(here.view(np.uint8), np.ones((3, 3), np.uint8), borderValue=1).astype(
            bool
        )
        bounded = near_line[outline].mean() if outline.any() else 0
        if stats[piece, cv2.CC_STAT_AREA] <= least or bounded < _BOUNDED or kept == 255:
            continue
        part = here | (_between_ends(here, near_line, ends) & inside)
        if np.count_nonzero(part & figure) >= _SURE * np.count_nonzero(part & (lines == 0)):
            kept += 1
            result[part] = kept
    return result


def _near_line(inside: NDArray[np.bool_], lines: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(h, w): the pixels beside lines or outside of the region."""
    return np.asarray(cv2.dilate(np.where(inside, lines, np.uint8(1)), np.ones((7, 7), np.uint8)) > 0)


def _unended(
    part: NDArray[np.uint8],
    inside: NDArray[np.bool_],
    lines: NDArray[np.uint8],
    ends: NDArray[np.int32],
    cut_off: NDArray[np.uint8],
) -> NDArray[np.bool_]:
    """(h, w): the components of a part at whose open borders too few lines end; large ones may also be `cut_off`."""
    unended = np.zeros(part.shape, bool)
    if not part.any():
        return unended
    near_line, away = _near_line(inside, lines), _away_from(ends, part.shape)
    for number in range(1, int(part.max()) + 1):
        piece = part == number
        side = np.sqrt(np.count_nonzero(piece)) / max(part.shape)
        length = between = 0
        some_end = False
        for points, first, last in _open_borders(piece, near_line):
            if last - first >= _SHORT:
                x, y = points.T
                length += last - first
                from_ends = away[y, x]
                corners = from_ends[[max(0, first - 1), min(last, len(points) - 1)]]
                between += (last - first) * bool((corners <= _AT_END).all())
                near = (from_ends <= max(_AT_END, _NEAR_END * side)) | (cut_off[y, x] > 0)
                some_end |= bool(near[first:last].any())
        small, very_open = piece.mean() <= _SMALL, length > _LONG * side * max(part.shape)
        closed = between >= _ENDED * length if small or very_open else some_end or length == 0
        if not closed or (small and very_open):
            unended |= piece
    return unended


def _ends(lines: NDArray[np.uint8]) -> NDArray[np.int32]:
    """(n, 2): the ends of lines; x, y."""
    thin = np.pad(skeletonize(lines > 0).astype(np.uint8), 1)
    beside = cv2.boxFilter(thin, cv2.CV_8U, (3, 3), normalize=False)
    y, x = np.nonzero((thin > 0) & (beside == 2))
    return np.stack([x - 1, y - 1], axis=1).astype(np.int32)


def _away_from(ends: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """(h, w): the distance from the nearest end of a line, or from the edge of the canvas, where lines end, too, as a
    fraction of the longer side.
    """
    height, width = shape
    away = np.ones((height + 2, width + 2), np.uint8)
    x, y = ends.T + 1
    away[y, x] = 0
    away[0], away[-1], away[:, 0], away[:, -1] = 0, 0, 0, 0
    return np.asarray(cv2.distanceTransform(away, cv2.DIST_L2, 5)[1:-1, 1:-1] / max(shape))


def _stray(part: NDArray[np.bool_], lines: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(h, w): the pixels of a part that are too far beyond the convex hull of its lines, or where it narrows there."""
    reach = np.ones((2 * round(_AROUND * max(part.shape)) + 1,) * 2, np.uint8)
    around = cv2.dilate(part.view(np.uint8), reach)
    points = cv2.findNonZero(around & lines)
    if points is None:
        return np.zeros_like(part)
    outside = np.ones(part.shape, np.uint8)
    cv2.fillConvexPoly(outside, cv2.convexHull(points), 0)
    away = np.ceil(cv2.distanceTransform(outside, cv2.DIST_L2, 5)).astype(np.intp)
    count, pieces = cv2.connectedComponents(outside & part.view(np.uint8), connectivity=4)
    stray = np.zeros_like(part)
    for piece in range(1, count):
        here = pieces == piece
        wide = np.bincount(away[here])[1:]
        narrow = np.flatnonzero(wide < _AS_WIDE * wide[0])
        end = min([_FARTHEST * max(part.shape), *narrow[:1]])
        stray |= here & (away > end)
    return stray


def _between_ends(
    part: NDArray[np.bool_], near_line: NDArray[np.bool_], line_ends: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """(h, w): the convex hulls of a part's open borders and the ends of lines beside them, which the network
    underestimates.
    """
    filled = np.zeros(part.shape, np.uint8)
    reach = max(_AT_END * max(part.shape), _NEAR_END * np.sqrt(np.count_nonzero(part)))
    for points, first, last in _open_borders(part, near_line):
        hull = [points[max(0, first - 1) : last + 1]]
        for corner in (hull[0][0], hull[0][-1]):
            away = np.linalg.norm(line_ends - corner, axis=1)
            hull.append(line_ends[away <= min(reach, away.min(initial=np.inf))])
        cv2.fillConvexPoly(filled, cv2.convexHull(np.concatenate(hull).reshape(-1, 1, 2)), 1)
    return filled > 0


def _open_borders(
    part: NDArray[np.bool_], near_line: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.int32], int, int]]:
    """A part's contours (n, 2; x, y), each with the first index of an open border in it and the one after the last."""
    for contour in cv2.findContours(part.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]:
        points = np.asarray(contour[:, 0], np.int32)
        is_open = ~near_line[points[:, 1], points[:, 0]]
        if is_open.all() or not is_open.any():
            continue
        start = int(np.flatnonzero(~is_open)[0])
        points = np.roll(points, -start, axis=0)
        for first, last in _runs(np.roll(is_open, -start)):
            yield points, first, last


def _runs(is_open: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The open runs: first index and the one after the last. Runs that are nearer than their length are joined."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_open.astype(np.int8), [0]])))
    runs: list[tuple[int, int]] = []
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if runs and first - runs[-1][1] <= max(last - first, runs[-1][1] - runs[-1][0]):
            runs[-1] = (runs[-1][0], last)
        else:
            runs.append((first, last))
    return runs

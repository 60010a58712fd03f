"""Baselines and upper bounds, computed on the judge's square.

- `white`: leaves the paper white.
- `same_place`: takes the reference's colour at the same position; hard to beat where the pose is the same.
- `palette_match`: assigns each region to an area of the reference with similar size, position and shape, by hand-made
  features and optimal transport balanced by area (Sinkhorn, Cuturi 2013, arXiv 1306.0895). Nothing is learned.
- `reference_limit`: an upper bound that knows the truth and takes the reference's nearest colour for each pixel.
- `region_limit`: an upper bound that knows the truth and gives each region its median colour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from colorizer.imaging import color
from colorizer.imaging.palette import find_palette
from colorizer.imaging.pictures import over_white
from colorizer.imaging.values import Mask, Picture
from numpy.typing import NDArray

from colorizer_lab.evaluation.judge import SIDE, Colours, Problem, squared, squared_mask

NAMES = ("white", "same_place", "palette_match", "reference_limit", "region_limit")
_GRID = 96
_COLOURS = 10
_SMALLEST_AREA = 20
_STEP = np.uint8(4)
"""Quantisation step of the truth's colours (of 255), to limit the number of look-ups in shaded pictures."""
_WEIGHTS = np.array([1.5, 1.5, 0.25, 0.4, 0.7, 3.0, 0.4])
"""Weights of the features: x, y, log of size, log of aspect ratio, fullness, foreground, picture sides touched."""


@dataclass(frozen=True)
class Baselines:
    """The colourings by name."""

    white: Colours
    same_place: Colours
    palette_match: Colours
    reference_limit: Colours
    region_limit: Colours


def baselines(problem: Problem, reference: Picture, reference_mask: Mask | None) -> Baselines:
    """All baselines for one problem and one reference."""
    picture = squared(over_white(reference))
    mask = None if reference_mask is None else squared_mask(reference_mask)
    return Baselines(
        white=np.ones((SIDE, SIDE, 3), np.float32),
        same_place=picture,
        palette_match=_palette_match(problem, picture, mask),
        reference_limit=_reference_limit(problem, reference),
        region_limit=problem.flat(problem.truth),
    )


def _reference_limit(problem: Problem, reference: Picture) -> Colours:
    """The upper bound `reference_limit`; white outside the foreground."""
    limit = np.ones((SIDE, SIDE, 3), np.float32)
    palette = find_palette(reference)
    if len(palette):
        truth = np.rint(problem.truth[problem.figure] * 255).clip(0, 255).astype(np.uint8)
        steps, which = np.unique(color.pack(truth // _STEP), return_inverse=True)
        likest = palette.nearest(color.unpack(steps) * _STEP + _STEP // 2)
        limit[problem.figure] = palette.colours[likest][which] / np.float32(255)
    return limit


def _palette_match(problem: Problem, picture: Colours, mask: NDArray[np.float32] | None) -> Colours:
    colours, there, weights = _reference_areas(picture, mask)
    here, area = _sketch_areas(problem)
    affinity = np.exp(-((here[:, None] - there[None]) ** 2).sum(-1) / 0.5) + 1e-9
    plan = _balanced(affinity, area, weights)
    return colours[plan.argmax(1)][problem.regions]  # type: ignore[no-any-return]


def _balanced(
    affinity: NDArray[np.float64], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sinkhorn scaling with relaxed columns: an area of the reference may be used more or less often than its size."""
    rows, columns = rows / rows.sum(), columns / columns.sum()
    row_scale = np.ones(len(rows))
    for _ in range(30):
        column_scale = (columns / (affinity.T @ row_scale)) ** 0.6
        row_scale = rows / (affinity @ column_scale)
    return row_scale[:, None] * affinity * column_scale[None]


def _reference_areas(
    picture: Colours, mask: NDArray[np.float32] | None
) -> tuple[Colours, NDArray[np.float64], NDArray[np.float64]]:
    """Colours (m, 3), features (m, 7) and sizes (m,) of the reference's areas of uniform colour."""
    small = cv2.resize(picture, (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    small = cv2.bilateralFilter(small, 5, 0.2, 3)
    figure = np.full((_GRID, _GRID), 0.5) if mask is None else cv2.resize(mask, (_GRID, _GRID))
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.001)
    samples = small.reshape(-1, 3)
    _, kinds, centres = cv2.kmeans(samples, _COLOURS, None, stop, 2, cv2.KMEANS_PP_CENTERS)
    kinds = kinds.reshape(_GRID, _GRID)
    frame = _frame(None if mask is None else figure > 0.5)
    found = [
        (centres[kind], _features(area, figure, frame), np.count_nonzero(area) / _GRID**2)
        for kind in range(_COLOURS)
        for area in _pieces(kinds == kind)
    ]
    colours, features, sizes = zip(*found, strict=True)
    return np.array(colours), np.array(features), np.array(sizes)


def _pieces(area: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(area.astype(np.uint8))
    for label in range(1, count):
        if stats[label, cv2.CC_STAT_AREA] >= _SMALLEST_AREA:
            yield labels == label


def _sketch_areas(problem: Problem) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features (n, 7) and sizes (n,) of all regions of the sketch."""
    side = 256
    labels = cv2.resize(problem.regions, (side, side), interpolation=cv2.INTER_NEAREST)
    figure = cv2.resize(problem.figure.astype(np.float32), (side, side))
    frame = _frame(None if problem.figure.all() else figure > 0.5)
    features, sizes = [], []
    for region in range(int(problem.regions.max()) + 1):
        area = labels == region
        size = np.count_nonzero(area)
        features.append(_features(area, figure, frame) if size else np.zeros(len(_WEIGHTS)))
        sizes.append(size / side**2 if size else 1e-6)
    return np.array(features), np.array(sizes)


def _features(
    area: NDArray[np.bool_], figure: NDArray[np.float64], frame: tuple[float, float, float, float]
) -> NDArray[np.float64]:
    """The weighted features (7,) of an area, see `_WEIGHTS`; positions are relative to the foreground's frame."""
    side = len(area)
    y, x = np.nonzero(area)
    left, right, top, bottom = x.min(), x.max() + 1, y.min(), y.max() + 1
    middle_x, middle_y, width, height = frame
    values = [
        ((x.mean() / side) - middle_x) / width,
        ((y.mean() / side) - middle_y) / height,
        np.log(len(x) / side**2),
        np.log((right - left) / (bottom - top)),
        len(x) / ((right - left) * (bottom - top)),
        figure[area].mean(),
        float(left == 0) + float(top == 0) + float(right == side) + float(bottom == side),
    ]
    return np.array(values) * _WEIGHTS  # type: ignore[no-any-return]


def _frame(figure: NDArray[np.bool_] | None) -> tuple[float, float, float, float]:
    """The foreground's centre (x, y) and extent (x, y), as shares of the square."""
    if figure is None or np.count_nonzero(figure) <= 10:
        return 0.5, 0.5, 1.0, 1.0
    y, x = np.nonzero(figure)
    side = len(figure)
    return x.mean() / side, y.mean() / side, max(x.std() / side * 4, 0.1), max(y.std() / side * 4, 0.1)

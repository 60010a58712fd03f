"""What is foreground in a picture: along the lines of a sketch, along the colours of anything else.

The network gives a coarse idea; borders are then found in the picture itself.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import Report
from colorizer.engines.match.inputs import see_reference, see_sketch, whole
from colorizer.engines.match.matching import ask, foreground_share
from colorizer.engines.match.network import MatchNetwork
from colorizer.engines.match.readout import add_missed, region_cells
from colorizer.imaging.lines import Ink, find_ink
from colorizer.imaging.pictures import over_white
from colorizer.imaging.regions import find_regions
from colorizer.imaging.values import Mask, Picture

_CUT_SIDE = 384
"""Longer side, px, at which the borders of a coloured picture are found."""


def find_foreground(network: MatchNetwork, picture: Picture, report: Report) -> Mask:
    """(H, W), 255 = foreground."""
    report.stage("Finding the foreground", 0, 2)
    if _is_sketch(picture):
        return _sketch_foreground(network, picture, report)
    if _is_cut_out(picture):
        return np.where(picture[..., 3] > 127, np.uint8(255), np.uint8(0))
    return _reference_foreground(network, picture, report)


def _is_sketch(picture: Picture) -> bool:
    """Whether it is dark or coloured lines on much even paper or on nothing."""
    small = cv2.resize(over_white(picture), (256, 256), interpolation=cv2.INTER_AREA)
    painted = (
        cv2.resize(np.ascontiguousarray(picture[..., 3]), (256, 256), interpolation=cv2.INTER_AREA) > 127
    )
    if painted.mean() < 0.9:  # on nothing: strokes are thin, a cut-out picture is not
        thick = cv2.erode(painted.astype(np.uint8), np.ones((13, 13), np.uint8))
        return not thick.any()
    paper = np.median(small.reshape(-1, 3), axis=0)
    bare = np.abs(small.astype(np.int16) - paper.astype(np.int16)).max(axis=2) < 40
    colourful = (small.max(axis=2).astype(np.int16) - small.min(axis=2)) > 60
    even = paper.min() > 200 or paper.max() < 40
    return bool(even and bare.mean() > 0.6 and colourful.mean() < 0.03)


def _is_cut_out(picture: Picture) -> bool:
    """Whether transparency already tells the figure from what is around it."""
    clear = np.count_nonzero(picture[..., 3] <= 127) / picture[..., 3].size
    return bool(0.02 < clear < 0.98)


def _sketch_foreground(network: MatchNetwork, picture: Picture, report: Report) -> Mask:
    ink = find_ink(picture)
    regions = find_regions(ink)
    report.stage("Finding the foreground", 1, 2)
    config = network.config
    window = whole(picture.shape[1], picture.shape[0])
    view = see_sketch(ink, None, window, config.image_size)
    answer = ask(network, view, see_reference(picture, None, config.image_size, config.key_grid))
    scale = regions.coarse.shape[1] / picture.shape[1]
    cells = region_cells(regions, window, scale, config.query_grid)[None]
    add_missed(cells, regions, [window], scale)
    share = cells[0] @ foreground_share(network, answer.sketch_parts) / cells[0].sum(1)
    return ((share > 0.5) * np.uint8(255))[regions.labels]  # type: ignore[no-any-return]


def _reference_foreground(network: MatchNetwork, picture: Picture, report: Report) -> Mask:
    config = network.config
    colours = over_white(picture)
    window = whole(picture.shape[1], picture.shape[0])
    view = see_sketch(_edges(colours), None, window, config.image_size)
    answer = ask(network, view, see_reference(picture, None, config.image_size, config.key_grid))
    report.stage("Finding the foreground", 1, 2)
    grid = config.key_grid
    share = foreground_share(network, answer.reference_parts).reshape(grid, grid)
    height, width = picture.shape[:2]
    scale = _CUT_SIDE / window.side
    side = _CUT_SIDE
    left, top = round(-window.x * scale), round(-window.y * scale)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    guess = cv2.resize(share, (side, side), interpolation=cv2.INTER_CUBIC)[
        top : top + size[1], left : left + size[0]
    ]
    small = cv2.resize(colours, guess.shape[::-1], interpolation=cv2.INTER_AREA)
    found = _cut(small, guess)
    enlarged = cv2.resize(found.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.where(enlarged > 0.5, np.uint8(255), np.uint8(0))


def _cut(picture: NDArray[np.uint8], guess: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Moves the border of a coarse guess (0..1) onto the picture's own edges. (H, W), 1 = foreground."""
    marks = np.select(
        [guess > 0.9, guess > 0.5, guess > 0.1], [cv2.GC_FGD, cv2.GC_PR_FGD, cv2.GC_PR_BGD], cv2.GC_BGD
    ).astype(np.uint8)
    sure = np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if sure.all() or not sure.any():
        return sure.astype(np.uint8)
    cv2.setRNGSeed(0)  # its colour models start from random centres
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(picture, marks, None, background, foreground, 3, cv2.GC_INIT_WITH_MASK)
    return np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)


def _edges(colours: NDArray[np.uint8]) -> Ink:
    """A line drawing of a coloured picture: where it is darker than its surroundings or changes."""
    small = colours[:: max(1, max(colours.shape) // 1024), :: max(1, max(colours.shape) // 1024)]
    soft = cv2.GaussianBlur(np.ascontiguousarray(small), (0, 0), 1.5)
    change = cv2.morphologyEx(soft, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(axis=2)
    return cv2.resize(cv2.convertScaleAbs(change, alpha=4), colours.shape[1::-1])  # type: ignore[no-any-return]

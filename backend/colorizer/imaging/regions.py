"""The areas that lines enclose, openings in the lines closed: a label for every pixel, line pixels too.

Method: the distance to the nearest line is a landscape whose basins are areas. Seen from the widest places down to the
narrowest, basins that meet through a neck about as wide as themselves are one area; where the neck is much narrower it
is a gap in the line, and both stay. Large canvases are decided on a copy and carried up along the full-size lines.

What a region is coloured with is decided elsewhere (`colorizer.engines.match`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.imaging.lines import Ink, line_mask, without_grains

Labels = NDArray[np.int32]
"""(H, W), 0..count-1; inside this module 0 stands for "not decided" and regions count from 1."""

DECIDING_SIDE = 1024
"""Longer side, px, at which areas are decided; of a strip the shorter side is at least a third of it."""
_LONGEST = 3
"""A canvas longer than so many times its shorter side is a strip: openings are measured as if it were no longer."""
CARRIED_PIXELS = 40_000_000
"""Borders are drawn at the canvas's own size up to here; beyond, a copy of so many pixels is enlarged."""
_SAME_AREA = 0.45
"""Neck width over the smaller basin's width from which on both are one area (measured in the study)."""
_LEVELS = 7
_GRAZED = 0.15
"""Share of a region that a mask may miss or catch without dividing it: hand-painted borders are never exact."""
_SMALLEST = 2.5e-5
"""Share of the canvas below which an area is given to its neighbour."""
_SHARED = -1
"""Owner of a pool in which several basins stand."""


@dataclass(frozen=True)
class Regions:
    """Which region every pixel belongs to."""

    labels: Labels
    """(H, W), 0..count-1."""
    coarse: Labels
    """The same, small (see `DECIDING_SIDE`), for all that only needs shares and places. Every region is in it."""
    count: int

    def areas(self) -> NDArray[np.float64]:
        """(count,): each region's share of the canvas."""
        return self._pixels / self.coarse.size

    def shares(self, mask: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(count,): how much of each region lies in `mask` (any size, > 127 inside)."""
        height, width = self.coarse.shape
        inside = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA) > 127
        hits = np.bincount(self.coarse.ravel(), weights=inside.ravel(), minlength=self.count)
        return hits / self._pixels

    def cut(self, mask: NDArray[np.uint8]) -> Regions:
        """Divides the regions that the border of `mask` (H, W) runs through, so that each lies on one side of it."""
        share = self.shares(mask)
        divided = np.flatnonzero((share > _GRAZED) & (share < 1 - _GRAZED))
        if not len(divided):
            return self
        outside = np.arange(self.count, dtype=np.int32)
        outside[divided] = self.count + np.arange(len(divided), dtype=np.int32)
        small = cv2.resize(mask, self.coarse.shape[::-1], interpolation=cv2.INTER_AREA)
        coarse = np.where(small > 127, self.coarse, np.take(outside, self.coarse))
        same = self.labels is self.coarse
        labels = coarse if same else np.where(mask > 127, self.labels, np.take(outside, self.labels))
        return Regions(labels, coarse, self.count + len(divided))

    @cached_property
    def _pixels(self) -> NDArray[np.intp]:
        """(count,): how many pixels of `coarse` each region has."""
        return np.bincount(self.coarse.ravel(), minlength=self.count)


def find_regions(ink: Ink, *, gap: float = 0.02) -> Regions:
    """Cuts the canvas into the areas its lines enclose.

    Args:
        ink: (H, W), 255 = line.
        gap: widest opening in a line that is closed, as a share of the longer side, 0..0.1.
    """
    height, width = ink.shape
    scale = min(1.0, max(DECIDING_SIDE / max(height, width), DECIDING_SIDE / _LONGEST / min(height, width)))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA) if scale < 1 else ink
    lines = without_grains(line_mask(small))
    coarse = _decide(lines, gap)
    if scale == 1:
        coarse -= 1
        return Regions(coarse, coarse, int(coarse.max()) + 1)
    labels = _carry_up(coarse, lines, ink)
    return Regions(labels - 1, coarse - 1, int(coarse.max()))


def _decide(lines: NDArray[np.uint8], gap: float) -> Labels:
    """Labels 1..n for every pixel from a line mask (1 = line)."""
    distance = cv2.distanceTransform(1 - lines, cv2.DIST_L2, 3)
    widest = max(gap * min(max(lines.shape), _LONGEST * min(lines.shape)) / 2, 1.5)
    narrowest = max(0.75, widest / 2 ** (_LEVELS - 2))
    basins = _Basins(distance)
    for radius in (*np.geomspace(widest, narrowest, _LEVELS - 1), 0.0):
        basins.lower(float(radius))
    labels = _nearest(basins.labels)
    return _numbered(_without_specks(labels))


class _Basins:
    """Basins of the distance landscape while its water level is lowered."""

    def __init__(self, distance: NDArray[np.float32]) -> None:
        self.distance = distance
        self.labels: Labels = np.zeros(distance.shape, np.int32)
        self.peaks: NDArray[np.float32] = np.zeros(1, np.float32)

    def lower(self, radius: float) -> None:
        """Goes down to `radius`: joins basins, opens new ones, and lets all grow over what is now dry."""
        count, pools = cv2.connectedComponents((self.distance > radius).view(np.uint8), connectivity=4)
        members = self._join(pools, radius)
        owner = np.zeros(count, np.int32)
        for pool, basins in members.items():
            owner[pool] = basins[0] if len(basins) == 1 else _SHARED
        fresh = np.flatnonzero((owner == 0) & (np.arange(count) > 0))
        self._open(pools, fresh, owner)
        empty, owners = self.labels == 0, np.take(owner, pools)
        contested = empty & (owners == _SHARED)
        np.copyto(self.labels, owners, where=empty & (owners != _SHARED))
        if contested.any():
            self.labels[contested] = _nearest(self.labels)[contested]

    def _join(self, pools: Labels, radius: float) -> dict[int, list[int]]:
        """Which basins stand in which pool, after those that are one area were joined."""
        members = _pairs(pools, self.labels, len(self.peaks))
        replaced = np.arange(len(self.peaks), dtype=np.int32)
        for pool, basins in members.items():
            if len(basins) < 2:
                continue
            ordered = sorted(basins, key=lambda basin: (-self.peaks[basin], basin))
            kept = ordered[:1]
            for basin in ordered[1:]:
                if radius >= _SAME_AREA * self.peaks[basin]:
                    replaced[basin] = kept[0]
                else:
                    kept.append(basin)
            members[pool] = kept
        if (replaced != np.arange(len(replaced))).any():
            self.labels = replaced[self.labels]
        return members

    def _open(self, pools: Labels, fresh: NDArray[np.intp], owner: NDArray[np.int32]) -> None:
        """Starts a basin in every pool of `fresh` and enters it in `owner`."""
        if not len(fresh):
            return
        owner[fresh] = len(self.peaks) + np.arange(len(fresh), dtype=np.int32)
        is_fresh = np.zeros(len(owner), bool)
        is_fresh[fresh] = True
        inside = is_fresh[pools]
        peaks = np.zeros(len(owner), np.float32)
        np.maximum.at(peaks, pools[inside], self.distance[inside])
        self.peaks = np.concatenate([self.peaks, peaks[fresh]])


def _pairs(pools: Labels, labels: Labels, basins: int) -> dict[int, list[int]]:
    """For every pool the basins that have pixels in it."""
    both = (pools.astype(np.int64) * basins + labels).ravel()
    starts = np.concatenate([both[:1], both[1:][both[1:] != both[:-1]]])  # of runs along the rows: far fewer
    members: dict[int, list[int]] = {}
    for pool, basin in zip(*(part.tolist() for part in np.divmod(np.unique(starts), basins)), strict=True):
        if pool and basin:
            members.setdefault(pool, []).append(basin)
    return members


def _nearest(labels: Labels) -> Labels:
    """Gives every undecided pixel (0) the label of the nearest decided one."""
    decided = labels > 0
    if decided.all():
        return labels
    if not decided.any():
        return np.ones_like(labels)
    empty = (~decided).view(np.uint8)
    _, seed = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    # OpenCV numbers the decided pixels from 1 in reading order, the order in which numpy selects them.
    label_of_seed = np.concatenate([np.zeros(1, np.int32), labels[decided]])
    return np.take(label_of_seed, seed)  # type: ignore[no-any-return]


def _without_specks(labels: Labels) -> Labels:
    area = np.bincount(labels.ravel())
    speck = area < max(4, _SMALLEST * labels.size)
    if not (speck & (area > 0)).any() or speck.all():
        return labels
    return _nearest(np.where(speck[labels], 0, labels))


def _numbered(labels: Labels) -> Labels:
    """The same regions, numbered 1..n without holes."""
    used = np.bincount(labels.ravel()) > 0
    number = np.cumsum(used, dtype=np.int32)
    return number[labels]


def _carry_up(coarse: Labels, coarse_lines: NDArray[np.uint8], ink: Ink) -> Labels:
    """Draws the copy's regions at the canvas's size: insides are sure, borders follow the full-size lines."""
    height, width = ink.shape
    shrink = min(1.0, (CARRIED_PIXELS / ink.size) ** 0.5)
    size = (round(width * shrink), round(height * shrink))
    drawn = cv2.resize(ink, size, interpolation=cv2.INTER_AREA) if shrink < 1 else ink
    labels = cv2.resize(coarse, size, interpolation=cv2.INTER_NEAREST)
    near_line = cv2.resize(coarse_lines, size, interpolation=cv2.INTER_NEAREST)
    sure = (line_mask(drawn) | near_line) == 0
    seeds = np.where(sure, labels, 0)
    seen = cv2.resize(seeds, coarse.shape[::-1], interpolation=cv2.INTER_NEAREST)
    lost = np.bincount(seen.ravel(), minlength=int(coarse.max()) + 1) == 0
    lost[0] = False
    if lost.any():  # a region too thin to have an inside is sure as a whole
        seeds = np.where(lost[labels], labels, seeds)
    labels = _nearest(seeds)
    return cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST) if shrink < 1 else labels

"""Segments the areas between lines as basins of the distance to the nearest line.

The method is a watershed of the distance transform with merging by persistence, similar to trapped-ball segmentation
(Zhang et al., "Vectorizing cartoon animations", 2009). The distance is lowered from the widest places to the narrowest.
If the neck between two basins is nearly as wide as the smaller basin, both are merged to one area. If it is much
narrower, it is a gap in the line, and both areas are kept.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import watershed

from colorizer.imaging.lookup import look_up

Labels = NDArray[np.int32]
"""(H, W), 0..count-1. During segmentation 0 means "undecided", and regions are numbered from 1."""

_SAME_AREA = 0.45
"""Ratio of the neck's width to the smaller basin's width from which both are merged (measured)."""
_COARSENESS = 0.25
"""Tolerance of a neck's width, in pixels, so that the spaces of fine hatching aren't treated as gaps."""
_SHARED = -1
"""Owner of a pool that contains several basins."""


class Basins:
    """The basins of a distance map while its level is lowered."""

    def __init__(self, distance: NDArray[np.float32]) -> None:
        self.distance = distance
        self.labels: Labels = np.zeros(distance.shape, np.int32)
        self.peaks: NDArray[np.float32] = np.zeros(1, np.float32)

    def lower(self, radius: float) -> None:
        """Lowers the level to `radius`: adds new basins, grows all of them into the new pixels, and merges basins."""
        count, pools = cv2.connectedComponents((self.distance > radius).view(np.uint8), connectivity=4)
        members = _pairs(pools, count, self.labels, len(self.peaks))
        owner = np.zeros(count, np.int32)
        for pool, basins in members.items():
            owner[pool] = basins[0] if len(basins) == 1 else _SHARED
        fresh = np.flatnonzero((owner == 0) & (np.arange(count) > 0))
        self._open(pools, fresh, owner)
        owners = look_up(owner, pools)
        np.copyto(self.labels, owners, where=owners > 0)
        if (owner == _SHARED).any():
            contested = (owners == _SHARED) & (self.labels == 0)
            if contested.any():
                _grow(self.labels, contested, pools)
        self._join(pools, members, radius)

    def _join(self, pools: Labels, members: dict[int, list[int]], radius: float) -> None:
        """Merges each basin that is hardly wider than its widest neck with the basin behind that neck."""
        narrow = radius >= _SAME_AREA * self.peaks - _COARSENESS
        joining = [
            basin for basins in members.values() if len(basins) > 1 for basin in basins if narrow[basin]
        ]
        if not joining:
            return
        necks = self._necks(pools)
        root = np.arange(len(self.peaks), dtype=np.int32)
        for basin in sorted(joining, key=lambda one: (self.peaks[one], -one)):
            behind: dict[int, float] = {}
            for other, width in necks.pop(basin, {}).items():
                behind[int(root[other])] = max(width, behind.get(int(root[other]), 0.0))
            behind.pop(basin, None)
            if behind:
                widest = max(behind, key=lambda one: (behind[one], self.peaks[one], -one))
                root[root == basin] = widest
                for other, width in behind.items():
                    necks.setdefault(widest, {})[other] = max(width, necks.get(widest, {}).get(other, 0.0))
        self.labels = look_up(root, self.labels)

    def _necks(self, pools: Labels) -> dict[int, dict[int, float]]:
        """The radius in pixels of the necks between neighbouring basins: basin -> neighbour -> radius."""
        found: dict[int, dict[int, float]] = {}
        for axis in (0, 1):
            ends = [slice(None, -1), slice(1, None)]
            one, other = ((end, slice(None)) if axis == 0 else (slice(None), end) for end in ends)
            differ = np.flatnonzero(self.labels[one] != self.labels[other])
            places = np.unravel_index(differ, self.labels[one].shape)
            pool = pools[one][places]
            inside = (pool > 0) & (pool == pools[other][places])
            places = places[0][inside], places[1][inside]
            low, high = self.labels[one][places], self.labels[other][places]
            width = np.minimum(self.distance[one][places], self.distance[other][places])
            for first, second, neck in zip(low.tolist(), high.tolist(), width.tolist(), strict=True):
                for basin, beside in ((first, second), (second, first)):
                    ways = found.setdefault(basin, {})
                    ways[beside] = max(neck, ways.get(beside, 0.0))
        return found

    def _open(self, pools: Labels, fresh: NDArray[np.intp], owner: NDArray[np.int32]) -> None:
        """Starts a basin in every pool of `fresh` and sets it in `owner`."""
        if not len(fresh):
            return
        owner[fresh] = len(self.peaks) + np.arange(len(fresh), dtype=np.int32)
        is_fresh = np.zeros(len(owner), bool)
        is_fresh[fresh] = True
        inside = look_up(is_fresh, pools)
        peaks = np.zeros(len(owner), np.float32)
        np.maximum.at(peaks, pools[inside], self.distance[inside])
        self.peaks = np.concatenate([self.peaks, peaks[fresh]])


def _grow(labels: Labels, contested: NDArray[np.bool_], pools: Labels) -> None:
    """Grows basins into the contested pixels between them, within their pool and never across a line."""
    around = cv2.dilate(contested.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    rim = around & (labels > 0) & (pools > 0)
    part = rim | contested
    x, y, wide, tall = cv2.boundingRect(part.view(np.uint8))
    box = slice(y, y + tall), slice(x, x + wide)
    grown = watershed(np.zeros((tall, wide), np.uint8), np.where(rim[box], labels[box], 0), mask=part[box])
    np.copyto(labels[box], grown.astype(np.int32), where=contested[box])


def _pairs(pools: Labels, count: int, labels: Labels, basins: int) -> dict[int, list[int]]:
    """The basins that have pixels in each of `count` pools, by pool."""
    fits = count * basins < 2**31
    both = ((pools if fits else pools.astype(np.int64)) * basins + labels).ravel()
    starts = np.concatenate([both[:1], both[1:][both[1:] != both[:-1]]])  # of runs along the rows: far fewer
    members: dict[int, list[int]] = {}
    for pool, basin in zip(*(part.tolist() for part in np.divmod(np.unique(starts), basins)), strict=True):
        if pool and basin:
            members.setdefault(pool, []).append(basin)
    return members


def nearest(labels: Labels) -> Labels:
    """Gives every undecided pixel (0) the label of the nearest decided one."""
    empty = labels == 0
    if not empty.any():
        return labels
    if empty.all():
        return np.ones_like(labels)
    labels = labels.copy()
    _nearest_at(labels, empty, empty)
    return labels


def _nearest_at(labels: Labels, empty: NDArray[np.bool_], where: NDArray[np.bool_]) -> None:
    """Fills `labels` at `where`, a part of `empty`, from the nearest pixel that isn't empty."""
    _, seed = cv2.distanceTransformWithLabels(
        empty.view(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    # OpenCV numbers the decided pixels from 1 in reading order, which is also the order in which numpy selects them.
    label_of_seed = np.concatenate([np.zeros(1, np.int32), labels[~empty]])
    labels[where] = label_of_seed[seed[where]]

"""Registers references to the sketch: if both have the same pose, the reference's colours at the same place are best.

The sketch's lines are registered to the reference's edges by an affine map, refined with ECC. Their correlation,
`likeness`, says how reliable the colours at the same place are; for two different pictures they aren't reliable.
`readout` combines this evidence with the network's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from colorizer.engines.match.network import WarpField
from colorizer.engines.match.network_input import Window, box
from colorizer.imaging import color
from colorizer.imaging.color import Colours
from colorizer.imaging.lines import Ink
from colorizer.imaging.pictures import over_white
from colorizer.imaging.regions import Regions
from colorizer.imaging.values import Mask, Picture

SAME_POSE = 0.6
"""Least likeness of a reference in the sketch's pose: of drawings that are cut off, .74 to .96, and .22 to .45 for
different figures."""
_SIDE = 128
"""Longer side, in pixels, at which pictures are registered."""
_BLUR = _SIDE / 128
_STEPS = 25
"""Largest number of iterations of ECC for each of its two blurs."""
_CLEARLY = 0.05
"""Least advantage in likeness of a mirrored reference, because faces and boxes are nearly symmetric, but not their
colours."""
_ALIKE, _TURN, _TURNED_CLEARLY = 0.75, 12, 0.1
"""Likeness from which no other angles are tried, the step of the angles in degrees, and the least advantage of one."""
_SAMPLED = 512
"""Longer side, in pixels, of the grid on which colours are read."""
_INKED = 90
"""Ink above which a pixel belongs to a line, 0..255."""

Plane = NDArray[np.float32]
Affine = NDArray[np.float32]
"""(2, 3): maps a position in the small sketch to one in the small reference, in pixels."""


@dataclass(frozen=True)
class Overlay:
    """A reference warped to the sketch."""

    colours: Colours
    """(H, W, 3): the reference's colours at each pixel of the sketch; H and W are at most `_SAMPLED`."""
    in_foreground: NDArray[np.bool_]
    """(H, W): whether the pixel is in the reference's figure."""
    inside: NDArray[np.bool_]
    """(H, W): whether the pixel is inside the reference."""
    inked: NDArray[np.bool_]
    """(H, W): the sketch's lines."""
    likeness: float
    """-1..1: the correlation of lines and edges; about 0.2 for two poses of the same character."""

    @property
    def figure(self) -> Mask:
        """(H, W), 255 = the reference's figure."""
        return np.where(self.in_foreground & self.inside, np.uint8(255), np.uint8(0))

    def shares(
        self,
        regions: Regions,
        palette: Colours,
        of_foreground: bool | None,  # noqa: FBT001 - three values
        where: NDArray[np.bool_] | None = None,
    ) -> Plane:
        """(n, P): the fraction of each region's pixels to which each colour is the most similar. The sum is below 1
        if the reference covers only a part of the region, and 0 for regions that aren't asked for.

        Args:
            regions: the regions of the sketch.
            palette: (P, 3).
            of_foreground: the side of the reference to use, None for both.
            where: (n,), the regions to compute; None: all.
        """
        height, width = self.inked.shape
        labels = cv2.resize(regions.coarse.astype(np.int32), (width, height), interpolation=cv2.INTER_NEAREST)
        seen = self.inside & ~self.inked
        if where is not None:
            seen &= where[labels]
        if of_foreground is not None:
            seen &= self.in_foreground == of_foreground
        colours, number = self._numbered
        number = number[seen]
        used = np.zeros(len(colours), bool)
        used[number] = True
        likest = np.zeros(len(colours), np.intp)
        likest[used] = color.nearest(color.lab(colours[used]), color.lab(palette))
        places = labels[seen].astype(np.int64) * len(palette) + likest[number]
        counts = np.bincount(places, minlength=regions.count * len(palette)).reshape(regions.count, -1)
        pixels = np.bincount(labels[~self.inked], minlength=regions.count)
        return np.asarray(counts / np.maximum(pixels, 1)[:, None], np.float32)

    @cached_property
    def _numbered(self) -> tuple[Colours, NDArray[np.intp]]:
        """The colours that occur (M, 3), and (H, W) the index of each pixel's colour."""
        packed, which = np.unique(color.pack(self.colours), return_inverse=True)
        return color.unpack(packed), which.reshape(self.inked.shape)


@dataclass(frozen=True)
class Registration:
    """The best map of a sketch to a reference."""

    affine: Affine
    """(2, 3): maps a position (x, y) in the sketch to one in the reference, in pixels, measured from the edges."""
    likeness: float
    """-1..1, see `Overlay`."""

    def there(self, x: Plane, y: Plane) -> tuple[Plane, Plane]:
        """The positions in the reference of positions (H, W) in the sketch, in pixels."""
        across, down = self.affine
        return across[0] * x + across[1] * y + across[2], down[0] * x + down[1] * y + down[2]

    def lay(self, window: Window, reference: Window, size: int) -> WarpField:
        """The warp of the reference's window to the sketch's, (1, size, size)."""
        matrix, shift = self.affine[:, :2], self.affine[:, 2]
        step = (np.arange(size, dtype=np.float32) + 0.5) / size * window.side
        places = np.stack(np.meshgrid(step + window.x, step + window.y), -1) @ matrix.T + shift
        where = 2 * (places - (reference.x, reference.y)) / reference.side - 1
        return WarpField(torch.from_numpy(where.astype(np.float32))[None], torch.tensor([self.likeness]))


def register(
    ink: Ink, mask: Mask | None, picture: Picture, picture_mask: Mask | None, *, cut_off: bool = False
) -> Registration:
    """Finds the map with the best correlation of a reference's edges and the sketch's lines.

    Args:
        ink: (H, W), 255 = line.
        mask: (H, W), the sketch's figure, if it is known.
        picture: the reference, of any size.
        picture_mask: the reference's figure, if it is known.
        cut_off: whether the drawing may be cut off below, so that only what is drawn is compared.
    """
    small, scale = scale_down(ink, _SIDE)
    reference, reference_scale = scale_down(over_white(picture), _SIDE)
    lines = np.asarray(small.astype(np.float32) / 255, np.float32)
    guesses = _guesses(mask, picture_mask, scale, reference_scale, small.shape, reference.shape)
    around = np.ones(small.shape, np.float32)
    if mask is not None:
        around = _around(cv2.resize(mask, small.shape[::-1], interpolation=cv2.INTER_AREA))
    if cut_off and small.max() > _INKED:
        around[np.flatnonzero((small > _INKED).any(axis=1))[-1] + 1 :] = 0
    likeness, affine = _register(lines, find_edges(reference), guesses, around, around if cut_off else None)
    matrix, shift = affine[:, :2], affine[:, 2]
    shift = (shift + 0.5 - matrix.sum(1) / 2) / reference_scale  # from the centres of pixels to their edges
    return Registration(np.column_stack([matrix * (scale / reference_scale), shift]), likeness)


class Map(Protocol):
    """Maps the sketch to a reference: a `Registration`, or a `deformation.Deformation` of one."""

    @property
    def likeness(self) -> float:
        """-1..1, see `Overlay`."""
        ...

    def there(self, x: Plane, y: Plane) -> tuple[Plane, Plane]:
        """The positions in the reference of positions (H, W) in the sketch, in pixels."""
        ...


def lay_under(ink: Ink, picture: Picture, picture_mask: Mask | None, found: Map) -> Overlay:
    """Warps the reference to the sketch. Without a mask, all of it is its figure."""
    sampled, scale = scale_down(ink, _SAMPLED)
    height, width = sampled.shape
    x, y = ((np.arange(side) + 0.5) / scale for side in (width, height))
    there_x, there_y = found.there(x[None], y[:, None])
    column, row = np.floor(there_x).astype(np.intp), np.floor(there_y).astype(np.intp)
    rows, columns = picture.shape[:2]
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    where = row.clip(0, rows - 1) * columns + column.clip(0, columns - 1)
    pixels = np.ascontiguousarray(picture).view(np.uint32).ravel()  # reads the four channels at once
    colours = pixels[where][..., None].view(np.uint8)
    visible = colours[..., 3] > 127
    return Overlay(
        colours=np.ascontiguousarray(colours[..., :3]),
        in_foreground=visible if picture_mask is None else picture_mask.ravel()[where] > 127,
        inside=inside & visible,
        inked=sampled > _INKED,
        likeness=found.likeness,
    )


def _guesses(
    mask: Mask | None,
    picture_mask: Mask | None,
    scale: float,
    reference_scale: float,
    size: tuple[int, ...],
    reference_size: tuple[int, ...],
) -> list[Affine]:
    """Initial maps: canvas to canvas, and figure to figure if the figures are known."""
    ratio_y, ratio_x = reference_size[0] / size[0], reference_size[1] / size[1]
    guesses = [np.array([[ratio_x, 0, 0], [0, ratio_y, 0]], np.float32)]
    if mask is not None and picture_mask is not None and (mask > 127).any() and (picture_mask > 127).any():
        here, there = box(mask, margin=0), box(picture_mask, margin=0)
        zoom = (there.side * reference_scale) / (here.side * scale)
        x = (there.x + there.side / 2) * reference_scale - zoom * (here.x + here.side / 2) * scale
        y = (there.y + there.side / 2) * reference_scale - zoom * (here.y + here.side / 2) * scale
        guesses.append(np.array([[zoom, 0, x], [0, zoom, y]], np.float32))
    return guesses


def _mirrored(affine: Affine, weight: Plane) -> Affine:
    """The same map for a mirrored sketch; it is mirrored at the middle of the weighted pixels."""
    columns = np.flatnonzero(weight.any(axis=0))
    swap = np.array([[-1, 0, columns[0] + columns[-1]], [0, 1, 0], [0, 0, 1]], np.float32)
    return np.asarray(affine @ swap, np.float32)


def _turned(affine: Affine, angle: float, corners: Plane, *, zoomed: bool) -> Affine:
    """The same map for a rotated sketch, whose figure is moved to the same bounding box again.

    Args:
        affine: the map.
        angle: the angle in degrees.
        corners: (n, 2), the figure's convex hull, in pixels (x, y).
        zoomed: whether the figure is also scaled to the size of the box.
    """
    low, high = corners.min(axis=0), corners.max(axis=0)
    turn = cv2.getRotationMatrix2D((0, 0), angle, 1)[:, :2].astype(np.float32)
    there = corners @ turn.T
    low_there, high_there = there.min(axis=0), there.max(axis=0)
    zoom = float((high - low).max() / max(1.0, (high_there - low_there).max())) if zoomed else 1.0
    shift = (low + high) / 2 - zoom * (low_there + high_there) / 2
    back = np.vstack([np.column_stack([zoom * turn, shift]), [0, 0, 1]])
    return np.asarray(affine @ back, np.float32)


def _register(
    lines: Plane, edges: Plane, guesses: list[Affine], weight: Plane, seen: Plane | None
) -> tuple[float, Affine]:
    """The best of the initial maps, mirrored or not, and their refinements, with its likeness."""
    soft_lines, soft_edges = (cv2.GaussianBlur(plane, (0, 0), _BLUR) for plane in (lines, edges))
    size = lines.shape[1], lines.shape[0]

    def likeness(affine: Affine) -> float:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return _correlation(soft_lines, cv2.warpAffine(soft_edges, affine, size, flags=flags), weight)

    best = max(guesses, key=likeness)
    mirrored = max((_mirrored(guess, weight) for guess in guesses), key=likeness)
    found = _refined(best, soft_lines, soft_edges, likeness, seen)
    if likeness(mirrored) > likeness(best) + _CLEARLY:
        as_mirrored = _refined(mirrored, soft_lines, soft_edges, likeness, seen)
        if as_mirrored[0] > found[0] + _CLEARLY:
            found = as_mirrored
    if found[0] < _ALIKE:  # a rotated page, or a leaning figure
        turned = _best_turned(guesses, soft_lines, soft_edges, weight)
        turned_found = _refined(turned, soft_lines, soft_edges, likeness, seen)
        if turned_found[0] > found[0] + _TURNED_CLEARLY:
            return turned_found
    return found


def _best_turned(guesses: list[Affine], lines: Plane, edges: Plane, weight: Plane) -> Affine:
    """The best of the maps for a rotated sketch, computed at half the size."""
    half = [
        cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        for plane in (lines, edges, weight)
    ]
    size = half[0].shape[1], half[0].shape[0]

    def likeness(affine: Affine) -> float:
        small = affine * np.array([[1, 1, 0.5]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return _correlation(half[0], cv2.warpAffine(half[1], small, size, flags=flags), half[2])

    # The bounding box of the rotated convex hull is that of all pixels, but the hull has only few corners.
    corners = cv2.convexHull(cv2.findNonZero(weight.astype(np.uint8))).reshape(-1, 2).astype(np.float32)
    zoomed, angles = not weight.all(), range(_TURN, 360, _TURN)
    turned = (_turned(guess, angle, corners, zoomed=zoomed) for guess in guesses for angle in angles)
    return max(turned, key=likeness)


def _refined(
    guess: Affine,
    soft_lines: Plane,
    soft_edges: Plane,
    likeness: Callable[[Affine], float],
    seen: Plane | None,
) -> tuple[float, Affine]:
    """The best of a map and its refinements, with its likeness.

    `seen` is the part of the sketch that is compared, None for all of it.
    """
    found = [(likeness(guess), guess)]
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _STEPS, 1e-4)
    affine = guess
    size = soft_edges.shape[1], soft_edges.shape[0]
    try:
        for softer in (3, 1):
            there = None if seen is None else cv2.warpAffine(seen.astype(np.uint8), affine, size)
            _, affine = cv2.findTransformECC(
                soft_lines, soft_edges, affine.copy(), cv2.MOTION_AFFINE, stop, there, 2 * softer + 1
            )
            found.append((likeness(affine), affine))
    except cv2.error:  # it doesn't converge if there is nothing to register
        pass
    return max(found, key=lambda item: item[0])


def scale_down(plane: NDArray[np.uint8], side: int) -> tuple[NDArray[np.uint8], float]:
    """The picture scaled down to a longer side of at most `side`, and the scale."""
    height, width = plane.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.uint8), scale


def find_edges(colours: Colours) -> Plane:
    """(H, W), 0..1: the gradient of the colour (CIELAB), with the strongest values clipped."""
    lab = cv2.cvtColor(colours.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    across, down = cv2.Sobel(lab, cv2.CV_32F, 1, 0), cv2.Sobel(lab, cv2.CV_32F, 0, 1)
    strength = np.sqrt((across**2 + down**2).sum(-1))
    return np.asarray(np.minimum(strength / (np.percentile(strength, 98) + 1e-3), 1), np.float32)


def _around(mask: NDArray[np.uint8]) -> Plane:
    """(H, W), 0 or 1: the figure and a margin around it; everything if there is no figure."""
    figure = (mask > 127).astype(np.uint8)
    if not figure.any():
        return np.ones(mask.shape, np.float32)
    return np.asarray(cv2.dilate(figure, np.ones((7, 7), np.uint8)), np.float32)


def _correlation(first: Plane, second: Plane, weight: Plane) -> float:
    """The weighted Pearson correlation."""
    total = weight.sum()
    first = first - (first * weight).sum() / total
    second = second - (second * weight).sum() / total
    spread = float((first**2 * weight).sum()) * float((second**2 * weight).sum())
    return float((first * second * weight).sum() / np.sqrt(spread + 1e-9))

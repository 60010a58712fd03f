"""Deforms a registered reference, so that its edges lie under the sketch's lines if the poses differ a little.

The deformation is the optical flow (DIS) from the sketch's lines to the reference's edges, smoothed with the lines as
weights, so that areas move with their outlines; it is used where it improves their correlation. For a different pose it
finds nothing useful: `Deformation.fits` says where lines and edges agree afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.engines.match.registration import Plane, Registration, find_edges, scale_down
from colorizer.imaging.lines import Ink
from colorizer.imaging.pictures import over_white
from colorizer.imaging.regions import Regions
from colorizer.imaging.values import Picture

_SIDE = 256
"""Longer side, in pixels, of the grid of the flow; the lengths below are in its pixels."""
_LINES, _EDGES = 1.4, 1.1
"""Sigmas of the blurs of lines and edges."""
_SMOOTH = 12.0
"""Sigma of the Gaussian that smooths the flow."""
_FARTHEST = 14.0
"""Longest displacement."""
_ROUNDS = 2
"""Number of times that the flow is computed, each time from the last one."""
_AROUND = 8.0
"""Sigma of the Gaussian around a pixel in which lines and edges are compared."""
_GAIN = 0.1
"""Increase of the correlation from which the full displacement is used; without an increase, none is."""


@dataclass(frozen=True)
class Deformation:
    """A registration with a displacement of every position; grid (h, w) over the sketch."""

    registration: Registration
    by: NDArray[np.float32]
    """(h, w, 2): x and y, in pixels of the sketch."""
    scale: float
    """The grid's pixels per pixel of the sketch."""
    lines: Plane
    """(h, w), 0..1: the sketch's lines, blurred."""
    fit: Plane
    """(h, w), -1..1: the correlation of lines and edges around every pixel."""

    @property
    def likeness(self) -> float:
        """-1..1, the registration's."""
        return self.registration.likeness

    def there(self, x: Plane, y: Plane) -> tuple[Plane, Plane]:
        """The positions in the reference of positions (H, W) in the sketch, in pixels."""
        column, row = (np.asarray(one * self.scale - 0.5, np.float32) for one in np.broadcast_arrays(x, y))
        by = cv2.remap(self.by, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return self.registration.there(x + by[..., 0], y + by[..., 1])

    def fits(self, regions: Regions) -> NDArray[np.float64]:
        """(n,), -1..1: the mean of the likeness and of the fit along the lines in and around each region of the
        sketch. Of another pose, single lines may fit by chance."""
        labels = cv2.resize(regions.coarse, self.fit.shape[::-1], interpolation=cv2.INTER_NEAREST).ravel()
        weight = (self.lines + 1e-4).ravel()
        total = np.bincount(labels, weight * self.fit.ravel(), regions.count)
        here = total / np.maximum(np.bincount(labels, weight, regions.count), 1e-9)
        return np.asarray((here + self.likeness) / 2)


def deform(ink: Ink, picture: Picture, found: Registration) -> Deformation:
    """Finds the deformation of a registered reference.

    Args:
        ink: (H, W), 255 = line.
        picture: the reference, of any size.
        found: its registration.
    """
    small, scale = scale_down(ink, _SIDE)
    reference, reference_scale = scale_down(over_white(picture), _SIDE)
    height, width = small.shape
    lines = cv2.GaussianBlur(small.astype(np.float32) / 255, (0, 0), _LINES)
    edges = cv2.GaussianBlur(find_edges(reference), (0, 0), _EDGES)
    y, x = (np.mgrid[0:height, 0:width].astype(np.float32) + 0.5) / scale
    by = np.zeros((height, width, 2), np.float32)

    def seen() -> Plane:
        """The edges that are under the lines now."""
        there = found.there(x + by[..., 0], y + by[..., 1])
        column, row = (np.asarray(one * reference_scale - 0.5, np.float32) for one in there)
        return np.asarray(cv2.remap(edges, column, row, cv2.INTER_LINEAR))

    def fit() -> Plane:
        return _correlation_around(lines, seen())

    most_line, most_edge = max(float(lines.max()), 1e-3), max(float(np.percentile(edges, 99.5)), 1e-3)
    weight = lines / most_line + 1e-3
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow.setFinestScale(1)
    before = fit()
    for _ in range(_ROUNDS):
        step = flow.calc(_squared(lines / most_line), _squared(seen() / most_edge), None)[:height, :width]
        by += _smooth(step, weight, _SMOOTH) / scale
        by *= np.minimum(1, _FARTHEST / np.maximum(np.linalg.norm(by, axis=2, keepdims=True) * scale, 1e-6))
    by *= _smooth(np.clip((fit() - before) / _GAIN, 0, 1)[..., None], weight, _AROUND)
    return Deformation(found, by, scale, lines, fit())


def _smooth(plane: Plane, weight: Plane, sigma: float) -> Plane:
    """The weighted mean of (h, w, c) around every pixel."""
    total = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    return np.asarray(cv2.GaussianBlur(plane * weight[..., None], (0, 0), sigma).reshape(plane.shape) / total)


def _squared(plane: Plane) -> NDArray[np.uint8]:
    """(h, w) as 0..255 in a square, because OpenCV's flow crashes for planes that are less than 16 pixels high."""
    height, width = plane.shape
    scaled = (np.clip(plane, 0, 1) * 255).astype(np.uint8)
    return np.asarray(
        cv2.copyMakeBorder(scaled, 0, _SIDE - height, 0, _SIDE - width, cv2.BORDER_CONSTANT, value=0)
    )


def _correlation_around(one: Plane, other: Plane) -> Plane:
    """(h, w), -1..1: the local normalised cross-correlation."""

    def mean(plane: Plane) -> Plane:
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), _AROUND))

    middle, other_middle = mean(one), mean(other)
    spread = (mean(one**2) - middle**2) * (mean(other**2) - other_middle**2)
    return np.asarray((mean(one * other) - middle * other_middle) / np.sqrt(np.maximum(spread, 1e-5)))

"""AnimeDiffusion's processing of pictures: lines by XDoG, the warp of the reference, conversion to tensors.

Pictures are uint8 RGB (H, W, 3). The warp is used in training only, where the reference is the target picture itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from colorizer.imaging.values import RGB

XDOG_SIGMAS = (0.3, 0.4, 0.5)
"""The published widths of the narrow Gaussian, px; training chooses one at random."""
_SHARPNESS = 10
_WIDER = 3.5
_EDGE = 0.01
_STEEPNESS = 1e9
"""Slope of the soft threshold; with this value the lines are black and white."""


def xdog(picture: RGB, sigma: float = XDOG_SIGMAS[1]) -> NDArray[np.uint8]:
    """Extracts lines by extended difference of Gaussians (XDoG, Winnemoeller et al. 2012).

    Args:
        picture: (H, W, 3).
        sigma: standard deviation of the narrow Gaussian, px.

    Returns:
        (H, W) uint8, 0 = line, 255 = paper.
    """
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    sharpened = (1 + _SHARPNESS) * _blur(gray, sigma) - _SHARPNESS * _blur(gray, _WIDER * sigma)
    edge = gray * sharpened - _EDGE
    return np.where(edge >= 0, 255, 255 * (1 + np.tanh(_STEEPNESS * edge))).astype(np.uint8)


def _blur(gray: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    side = round(8 * sigma + 1) | 1
    return cv2.GaussianBlur(gray, (side, side), sigma)


@dataclass(frozen=True)
class Warp:
    """A thin-plate spline that moves two points on the diagonal and keeps the corners (arXiv 2303.11137, section 4.1).

    The points `(first, first)` and `(second, second)` move by `first_by` and `second_by`, in shares of the sides.
    """

    first: float
    first_by: float
    second: float
    second_by: float

    @classmethod
    def draw(cls, random: np.random.Generator) -> Warp:
        """Draws a random warp for training: points in 0.3..0.7, moved by up to 0.25, never onto each other."""
        while True:
            first, second = random.uniform(0.3, 0.7, 2).round(2).tolist()
            first_by, second_by = random.uniform(-0.25, 0.25, 2).round(2).tolist()
            if not np.isclose(first + first_by, second + second_by):
                return cls(first, first_by, second, second_by)

    def sources(self, height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Source coordinates of each pixel: columns and rows, (height, width) each, px."""
        corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
        moved = [(self.first + self.first_by,) * 2, (self.second + self.second_by,) * 2]
        source = np.array([*corners, (self.first,) * 2, (self.second,) * 2])
        target = np.array([*corners, *moved])
        grid = np.stack(np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height)), axis=-1)
        columns, rows = np.moveaxis(grid + _spline(target, source - target, grid), -1, 0)
        return (columns * width).astype(np.float32), (rows * height).astype(np.float32)

    def apply(self, picture: RGB) -> RGB:
        """Warps a picture to the same size; pixels whose source is outside are black."""
        columns, rows = self.sources(*picture.shape[:2])
        return cv2.remap(picture, columns, rows, cv2.INTER_CUBIC)


def _spline(
    points: NDArray[np.float64], values: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Interpolates `values` (N, 2) at `points` (N, 2) by a thin-plate spline, and evaluates it `at` (..., 2)."""
    size = len(points)
    affine = np.hstack([np.ones((size, 1)), points])
    system = np.zeros((size + 3, size + 3))
    system[:size, :size] = _kernel(points, points)
    system[:size, size:] = affine
    system[size:, :size] = affine.T
    weights = np.linalg.solve(system, np.vstack([values, np.zeros((3, values.shape[1]))]))
    flat = at.reshape(-1, 2)
    bent = _kernel(flat, points) @ weights[:size]
    straight = weights[size] + flat @ weights[size + 1 :]
    return np.asarray(bent + straight).reshape(*at.shape[:-1], -1)


def _kernel(at: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """U(r) = r^2 log r of every pair, (M, N), with the published offset that avoids log 0."""
    distance = np.sqrt(((at[:, None] - points[None]) ** 2).sum(-1))
    return np.asarray(distance**2 * np.log(distance + 1e-6))


def to_tensor(picture: NDArray[np.uint8]) -> Tensor:
    """Converts uint8 (H, W, 3) or (H, W) to float32 (1, 3 or 1, H, W) in [-1, 1]."""
    planes = np.atleast_3d(picture).transpose(2, 0, 1)[None].astype(np.float32)
    return torch.from_numpy(planes / 255 * 2 - 1)


def to_picture(tensor: Tensor) -> RGB:
    """Converts (3, H, W), clamped to [-1, 1], to uint8 (H, W, 3); truncated, not rounded, as published."""
    scaled = (tensor.detach().float().clamp(-1, 1) + 1) / 2 * 255
    return scaled.to(torch.uint8).permute(1, 2, 0).cpu().numpy()

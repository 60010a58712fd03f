"""Metrics of a coloured drawing: colours that leaked across the foreground's border, and the foreground's correct area.

A pixel counts as leaked if a colour of the reference's other side (foreground or background) is nearer to it than all
colours of its own side. `ablation` chooses the drawings and the models.
"""

from __future__ import annotations

import cv2
import numpy as np
from colorizer.engines.colorize_diffusion.postprocess import to_picture
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from colorizer_lab.training.colorize_diffusion.batches import Batch

RIGHT = 10.0
"""CIEDE2000 up to which a colour counts as right."""
PALETTE = 12
"""Number of colours that represent a side."""


def figures(batch: Batch, drawn: list[list[NDArray[np.uint8]]]) -> NDArray[np.float64]:
    """Leakage into the background, leakage into the foreground, and the foreground's correct area, as shares in 0..1.

    Args:
        batch: the drawings.
        drawn: each drawing's pictures (H, W, 3), one per seed; their figures are averaged.

    Returns:
        (3, drawings).
    """
    each = np.array([[_judge(batch, i, one) for one in seeds] for i, seeds in enumerate(drawn)])
    return np.asarray(each.mean(axis=1).T, np.float64)


def _judge(batch: Batch, number: int, picture: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Leakage into the background, into the foreground, and the foreground's correct area."""
    one = slice(number, number + 1)
    truth, reference = to_picture(batch.truth[one]), to_picture(batch.reference[one])
    inside = batch.sketch_mask[number, 0].numpy() > 0.5
    lines = batch.sketch[number, 0].numpy() > 0
    mask = cv2.resize(batch.reference_mask[number, 0].numpy(), reference.shape[1::-1]) > 0.5
    figure, ground = _palette(reference[mask]), _palette(reference[~mask])
    background, own = picture[~inside & ~lines], picture[inside & ~lines]
    flat, wanted = _flat(picture, truth, inside & ~lines)
    right = difference(flat, wanted) < RIGHT
    return (
        share_from_other_side(background, ground, figure),
        share_from_other_side(own, figure, ground),
        float(right.mean()),
    )


def _flat(
    picture: NDArray[np.uint8], truth: NDArray[np.uint8], where: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pixels (N, 3) and truth with one colour per region, its median, as the last stage delivers a result."""
    colours, regions = np.unique(truth[where] // 4 * 4, axis=0, return_inverse=True)
    drawn = np.stack([np.median(picture[where][regions.ravel() == i], axis=0) for i in range(len(colours))])
    return drawn[regions.ravel()].astype(np.uint8), truth[where]


def _palette(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The colours (P, 3) that represent a side, without its lines."""
    bright = pixels[pixels.max(axis=1) > 60]
    pixels = bright if len(bright) >= PALETTE else pixels
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 1.0)
    cv2.setRNGSeed(0)
    _, _, centres = cv2.kmeans(
        pixels.astype(np.float32), min(PALETTE, len(pixels)), None, criteria, 1, cv2.KMEANS_PP_CENTERS
    )
    return np.asarray(np.clip(centres, 0, 255), np.uint8)


def share_from_other_side(
    pixels: NDArray[np.uint8], own: NDArray[np.uint8], other: NDArray[np.uint8]
) -> float:
    """Share of pixels (N, 3) that are nearer to a colour of the other side than to all colours of their own side."""
    to_own, to_other = (_nearest(pixels, palette) for palette in (own, other))
    return float((to_other < to_own).mean())


def _nearest(pixels: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Distance of pixels (N, 3) to the nearest colour of a palette (P, 3)."""
    return np.asarray(difference(pixels[:, None], palette[None]).min(axis=1), np.float64)


def difference(first: NDArray[np.generic], second: NDArray[np.generic]) -> NDArray[np.float64]:
    """CIEDE2000 between sRGB colours 0..255, (..., 3) each, with broadcasting."""
    labs = np.broadcast_arrays(*(rgb2lab(np.asarray(one, np.float64) / 255) for one in (first, second)))
    return np.asarray(deltaE_ciede2000(*labs), np.float64)

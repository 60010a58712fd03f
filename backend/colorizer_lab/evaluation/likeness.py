"""Similarity metrics of two pictures: PSNR, SSIM, MS-SSIM, CIEDE2000. Pictures are float (H, W, 3), sRGB 0..1.

The parameters are those commonly used in papers. `psnr` is computed from floats, not from rounded levels.
"""

from __future__ import annotations

import cv2
import numpy as np
from colorizer.imaging.palette import find_palette
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

Colours = NDArray[np.floating]
"""(H, W, 3), sRGB 0..1."""

_WINDOW = 11
_SIGMA = 1.5
_SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Weights of the scales from fine to coarse (Wang, Simoncelli, Bovik 2003)."""
_LEAST_SIDE = _WINDOW * 2 ** (len(_SCALES) - 1)
"""Smallest side for MS-SSIM, px: the coarsest scale must contain one window."""
_C1, _C2 = 0.01**2, 0.03**2


def psnr(ours: Colours, truth: Colours) -> float:
    """Peak signal-to-noise ratio in dB; infinite for equal pictures."""
    if np.array_equal(ours, truth):
        return float("inf")
    return float(peak_signal_noise_ratio(truth, ours, data_range=1.0))


def ssim(ours: Colours, truth: Colours) -> float:
    """Structural similarity (Wang et al. 2004) on RGB, with a Gaussian window of 11 px and sigma 1.5."""
    return float(
        structural_similarity(
            truth,
            ours,
            channel_axis=2,
            data_range=1.0,
            gaussian_weights=True,
            sigma=_SIGMA,
            use_sample_covariance=False,
        )
    )


def ms_ssim(ours: Colours, truth: Colours) -> float | None:
    """Structural similarity over five scales, averaged over the channels; None for a side below 176 px."""
    if min(truth.shape[:2]) < _LEAST_SIDE:
        return None
    a: Colours = np.asarray(ours, np.float64)
    b: Colours = np.asarray(truth, np.float64)
    product = np.ones(3)
    for scale, weight in enumerate(_SCALES):
        luminance, structure = _similarity(a, b)
        last = scale == len(_SCALES) - 1
        mean = (luminance * structure if last else structure).mean(axis=(0, 1))
        product *= np.maximum(mean, 0) ** weight  # it can be negative, and a power of it would not be real
        a, b = _half(a), _half(b)
    return float(product.mean())


def delta_e(ours: Colours, truth: Colours) -> float:
    """Mean CIEDE2000 over all pixels."""
    return float(deltaE_ciede2000(rgb2lab(truth), rgb2lab(ours)).mean())


def palette_distance(ours: Colours, truth: Colours) -> float:
    """Distance between the palettes of two pictures, independent of position: CIEDE2000 to the nearest colour.

    It is averaged over both palettes, with each colour weighted by its share of its picture.
    """
    (first, first_share), (second, second_share) = _palette(ours), _palette(truth)
    gaps = deltaE_ciede2000(first[:, None], second[None])
    return float(((gaps.min(1) * first_share).sum() + (gaps.min(0) * second_share).sum()) / 2)


def _palette(picture: Colours) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """CIELAB colours (n, 3) and their shares (n,)."""
    pixels = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    palette = find_palette(np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]))
    return rgb2lab(palette.colours[None] / 255)[0], palette.share


def _similarity(a: Colours, b: Colours) -> tuple[Colours, Colours]:
    """The luminance term, and the contrast-structure term, where the whole window is inside the picture."""
    mean_a, mean_b = _blur(a), _blur(b)
    variance_a, variance_b = _blur(a * a) - mean_a**2, _blur(b * b) - mean_b**2
    covariance = _blur(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    structure = (2 * covariance + _C2) / (variance_a + variance_b + _C2)
    return luminance, structure


def _blur(picture: Colours) -> Colours:
    edge = _WINDOW // 2
    blurred = cv2.GaussianBlur(picture, (_WINDOW, _WINDOW), _SIGMA)
    return blurred[edge:-edge, edge:-edge]  # type: ignore[no-any-return]


def _half(picture: Colours) -> Colours:
    """Averages 2 x 2 pixels; an odd last row or column is dropped."""
    height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    even = picture[:height, :width]
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4

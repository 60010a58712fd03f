"""Pixel measures against known values, palettes wherever they lie."""

from __future__ import annotations

import math

import numpy as np
import pytest
from colorizer_lab.evaluation import likeness
from numpy.typing import NDArray

ROWS, COLUMNS = np.mgrid[0:220, 0:240].astype(float)


def three(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.repeat(plane[..., None], 3, axis=2)


WAVES = three(0.5 + 0.5 * np.sin(ROWS / 9) * np.cos(COLUMNS / 13))


def test_psnr_is_of_floats() -> None:
    assert likeness.psnr(WAVES * 0.9, WAVES * 0.9) == math.inf
    assert likeness.psnr(np.full_like(WAVES, 0.1), np.zeros_like(WAVES)) == pytest.approx(20)
    assert likeness.psnr(np.full_like(WAVES, 1e-4), np.zeros_like(WAVES)) == pytest.approx(80)


def test_ms_ssim_known_values() -> None:
    # The value of five scales written out with convolutions in torch; torchmetrics 1.9, which pads, has .92477.
    assert likeness.ms_ssim(WAVES**2, WAVES) == pytest.approx(0.9255318980888759, abs=1e-9)
    assert likeness.ms_ssim(WAVES, WAVES) == pytest.approx(1)


def test_ssim_near_torchmetrics() -> None:
    assert likeness.ssim(WAVES**2, WAVES) == pytest.approx(0.68685, abs=2e-3)
    assert likeness.ssim(WAVES, WAVES) == pytest.approx(1)


def test_small_pictures_have_no_ms_ssim() -> None:
    assert likeness.ms_ssim(WAVES[:175], WAVES[:175]) is None
    assert likeness.ms_ssim(WAVES[:176], WAVES[:176]) == pytest.approx(1)


def test_delta_e_of_grey_steps() -> None:
    black, white = np.zeros_like(WAVES), np.ones_like(WAVES)
    assert likeness.delta_e(black, white) == pytest.approx(100, abs=0.01)
    assert likeness.delta_e(WAVES, WAVES) == 0


def test_palette_distance_asks_no_place() -> None:
    flag = np.zeros((64, 64, 3))
    flag[:, :32], flag[:, 32:] = (0.8, 0.1, 0.1), (0.1, 0.2, 0.7)
    assert likeness.palette_distance(flag, flag[:, ::-1].copy()) == 0
    assert likeness.palette_distance(flag, np.ones_like(flag)) > 30

"""Soft tones of a reference come over in an area's own proportions; flat references give nothing."""

from __future__ import annotations

import numpy as np
import pytest
from colorizer.imaging.layers import flatten
from colorizer.imaging.shading import shade
from colorizer.imaging.values import Blend, Layer, Role
from drawn import BLUE, RED, YELLOW, blank
from hypothesis import given, settings
from hypothesis import strategies as st


def block(tone: np.ndarray, colour: tuple[int, ...] = RED, size: int = 200) -> np.ndarray:
    """A reference: a block of a colour, `tone` from left to right, on white."""
    picture = blank(size, size)
    low, high = size // 5, 4 * size // 5
    across = np.interp(np.linspace(0, 1, high - low), np.linspace(0, 1, len(tone)), tone)
    picture[low:high, low:high, :3] = np.rint(np.outer(across, colour)).clip(0, 255)
    return picture


def area(x: int, y: int, width: int, height: int, colour: tuple[int, ...] = RED) -> np.ndarray:
    flat = np.zeros((160, 160, 4), np.uint8)
    flat[y : y + height, x : x + width] = (*colour, 255)
    return flat


DARKENING = np.array([1, 1, 0.95, 0.85, 0.7])


def test_darker_side_comes_over() -> None:
    (shading,) = shade(area(20, 40, 100, 30), [block(DARKENING)])
    assert (shading.name, shading.role, shading.blend, shading.clip) == (
        "Shading",
        Role.SHADING,
        Blend.MULTIPLY,
        True,
    )
    row = shading.pixels[55, 20:120, 0].astype(int)
    assert row[5] > 245
    assert row[-5] < 205
    assert (np.diff(row[30:]) <= 0).all()
    assert np.abs(np.diff(row)).max() <= 6


def test_lighter_side_becomes_light() -> None:
    layers = shade(area(20, 40, 100, 30), [block(np.array([1.2, 1.1, 1, 1, 1]))])
    light = next(layer for layer in layers if layer.role is Role.LIGHT)
    assert (light.name, light.blend) == ("Light", Blend.SCREEN)
    assert light.pixels[55, 22, 0] > light.pixels[55, 110, 0]


@pytest.mark.parametrize(
    "reference", [block(np.ones(3)), blank(99, 50, BLUE), np.zeros((50, 50, 4), np.uint8)]
)
def test_flat_or_other_references_give_nothing(reference: np.ndarray) -> None:
    assert shade(area(20, 40, 100, 30), [reference]) == ()


def test_cel_shade_is_an_edge_and_stays_away() -> None:
    assert shade(area(20, 40, 100, 30), [block(np.array([1.0] * 20 + [0.7] * 20))]) == ()


def test_grain_is_no_shading() -> None:
    noisy = block(np.ones(2)).astype(int) + np.random.default_rng(0).integers(-12, 13, (200, 200, 1))
    noisy = noisy.clip(0, 255).astype(np.uint8)
    noisy[..., 3] = 255
    assert shade(area(20, 40, 100, 30), [noisy]) == ()


def test_other_colours_stay_untouched() -> None:
    flat = area(20, 40, 100, 30)
    flat[90:120, 20:120] = (*YELLOW, 255)
    (shading,) = shade(flat, [block(DARKENING)])
    assert (shading.pixels[90:120, 20:120, 0] == 255).all()
    assert ((shading.pixels[..., 3] > 0) == (flat[..., 3] > 0)).all()


def test_nothing_painted_nothing_shaded() -> None:
    assert shade(np.zeros((20, 20, 4), np.uint8), [block(DARKENING)]) == ()


@pytest.mark.parametrize("size", [(1500, 300), (40, 900)])
def test_any_size(size: tuple[int, int]) -> None:
    height, width = size
    flat = blank(width, height, RED)
    (shading,) = shade(flat, [block(DARKENING)])
    assert shading.pixels.shape == flat.shape
    assert shading.pixels[height // 2, 5, 0] > shading.pixels[height // 2, width - 5, 0] + 30


@given(
    st.tuples(*[st.integers(40, 230)] * 3),
    st.floats(0.6, 1.25),
    st.integers(100, 255),
)
@settings(max_examples=30)
def test_layers_recompose_what_is_shown(colour: tuple[int, ...], end: float, alpha: int) -> None:
    flat = area(20, 40, 100, 30, colour)
    flat[..., 3] = np.where(flat[..., 3] > 0, alpha, 0)
    layers = shade(flat, [block(np.linspace(1, end, 5), colour)])
    shown = flatten([Layer("Flats", Role.FOREGROUND, flat), *layers], 160, 160)
    expected = flat[..., :3] / 255.0
    for layer in layers:
        grey = layer.pixels[..., :1] / 255.0
        mixed = expected * grey if layer.role is Role.SHADING else 1 - (1 - expected) * (1 - grey)
        expected = np.where(layer.pixels[..., 3:] > 0, mixed, expected)
    painted = flat[..., 3] > 0
    assert np.abs(shown[painted][:, :3] - expected[painted] * 255).max() <= 1.01
    assert (shown[..., 3] == flat[..., 3]).all()

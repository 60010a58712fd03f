"""Layers put together as Krita does: checked pixel by pixel against its formulas in plain Python."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from colorizer.imaging import layers as module
from colorizer.imaging.layers import flatten, preview, with_lines
from colorizer.imaging.values import Blend, Layer, Role
from drawn import BLUE, RED, blank, box_mask, box_sketch
from hypothesis import example, given, settings
from hypothesis import strategies as st

BYTE = st.sampled_from((0, 255)) | st.integers(0, 255)
"""The ends often: solid and clear pixels take shorter ways."""
PIXEL = st.tuples(BYTE, BYTE, BYTE, BYTE)


def layer(pixels: np.ndarray, **options: object) -> Layer:
    return replace(Layer("", Role.FOREGROUND, pixels), **options)


def krita_pixel(
    below: tuple[int, ...], above: tuple[int, ...], blend: Blend, opacity: float, *, clip: bool
) -> list[float]:
    """KoCompositeOpGenericSC::composeColorChannels on one pixel."""
    ground, share = below[3] / 255, above[3] / 255 * opacity
    alpha = ground if clip else ground + share - ground * share
    if alpha == 0:
        return [0, 0, 0, 0]
    result = []
    for low, high in zip(below[:3], above[:3], strict=True):
        d, s = low / 255, high / 255
        mixed = {
            Blend.NORMAL: s,
            Blend.MULTIPLY: s * d,
            Blend.SCREEN: s + d - s * d,
            Blend.ADDITION: min(1.0, s + d),
        }[blend]
        if clip:
            value = d + (mixed - d) * share
        else:
            value = ((1 - share) * ground * d + (1 - ground) * share * s + ground * share * mixed) / alpha
        result.append(value * 255)
    return [*result, alpha * 255]


@given(
    below=PIXEL,
    above=PIXEL,
    blend=st.sampled_from(Blend),
    opacity=st.sampled_from([1.0, 0.4]),
    clip=st.booleans(),
)
@example(below=(0, 0, 0, 255), above=(9, 99, 255, 255), blend=Blend.NORMAL, opacity=0.4, clip=False)
@settings(max_examples=300, deadline=None)
def test_pixels_as_krita(
    below: tuple[int, ...], above: tuple[int, ...], blend: Blend, opacity: float, *, clip: bool
) -> None:
    pixel = lambda value: np.array(value, np.uint8).reshape(1, 1, 4)  # noqa: E731
    stack = [layer(pixel(below)), layer(pixel(above), blend=blend, opacity=opacity, clip=clip)]
    got = flatten(stack, 1, 1)[0, 0].astype(float)
    ground = below if below[3] else (0, 0, 0, 0)
    wanted = krita_pixel(ground, above, blend, opacity, clip=clip)
    assert abs(got[3] - wanted[3]) <= 1
    # One level of alpha is worth more than one of colour where there is hardly any alpha.
    tolerance = 1 if wanted[3] > 25 else 8
    if wanted[3] > 1:
        assert np.abs(got[:3] - wanted[:3]).max() <= tolerance


def test_mask_hides() -> None:
    flat = flatten([layer(blank(128, 128, RED)), layer(blank(128, 128, BLUE), mask=box_mask())], 128, 128)
    assert flat[64, 64].tolist() == [*BLUE, 255]
    assert flat[4, 4].tolist() == [*RED, 255]


def test_soft_mask_blends() -> None:
    mask = np.full((2, 2), 128, np.uint8)
    flat = flatten([layer(blank(2, 2, (0, 0, 0))), layer(blank(2, 2), mask=mask)], 2, 2)
    assert abs(int(flat[0, 0, 0]) - 128) <= 1


@pytest.mark.parametrize(("x", "y"), [(-3, -2), (6, 5), (2, 1), (40, 0)])
def test_layers_placed_and_cropped(x: int, y: int) -> None:
    flat = flatten([layer(blank(4, 4, RED), x=x, y=y)], 8, 8)
    painted = np.zeros((8, 8), bool)
    painted[max(0, y) : max(0, y + 4), max(0, x) : max(0, x + 4)] = True
    assert ((flat[..., 3] == 255) == painted).all()


def test_bands_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    stack = [
        layer(rng.integers(0, 256, (50, 40, 4), dtype=np.uint8), y=place, blend=blend)
        for place, blend in enumerate(Blend)
    ]
    whole = flatten(stack, 44, 60)
    monkeypatch.setattr(module, "_BAND_PIXELS", 44 * 7)
    assert (flatten(stack, 44, 60) == whole).all()


def test_lines_multiplied_on_paper() -> None:
    sketch = box_sketch()
    flat = with_lines([layer(blank(128, 128, RED))], sketch)
    assert flat[64, 50].tolist() == [*RED, 255]
    assert flat[64, 64].tolist() == [0, 0, 0, 255]


def test_light_lines_on_black_screened() -> None:
    sketch = box_sketch()
    sketch[..., :3] = 255 - sketch[..., :3]
    flat = with_lines([layer(blank(128, 128, RED))], sketch)
    assert flat[64, 50].tolist() == [*RED, 255]
    assert flat[64, 64].tolist() == [255, 255, 255, 255]


def test_transparent_lines_laid_over() -> None:
    sketch = np.zeros((16, 16, 4), np.uint8)
    sketch[8] = (10, 20, 30, 255)
    flat = with_lines([layer(blank(16, 16, RED))], sketch)
    assert flat[8, 0].tolist() == [10, 20, 30, 255]
    assert flat[0, 0].tolist() == [*RED, 255]


def test_preview_small_and_alike() -> None:
    sketch = box_sketch(400, line=12)
    stack = [layer(blank(400, 400, RED)), layer(blank(400, 400, BLUE), mask=box_mask(400))]
    small = preview(stack, sketch, 100)
    assert small.shape == (100, 100, 4)
    assert small[40, 40].tolist() == [*BLUE, 255]
    assert small[4, 4].tolist() == [*RED, 255]
    assert preview(stack, sketch, 1024).shape == (400, 400, 4)

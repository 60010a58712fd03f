"""Shades of single shapes: the same for the same seed, in range after clipping, on the shapes alone."""

import random

import numpy as np
import pytest
from colorizer_lab.data.shading import shade, smooth_noise
from hypothesis import given, settings
from hypothesis import strategies as st

SIZE = 64
GREY = np.full((SIZE, SIZE, 3), 0.5, np.float32)

seeds = st.integers(0, 2**40)


def halves():
    """(SIZE, SIZE): two shapes side by side."""
    shapes = np.ones((SIZE, SIZE), np.uint8)
    shapes[:, SIZE // 2 :] = 2
    return shapes


def shaded(seed, picture=GREY, cast=None):
    return shade(picture, halves(), random.Random(seed), cast)


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_same_seed_same_shades(seed):
    assert np.array_equal(shaded(seed), shaded(seed))


@settings(max_examples=40, deadline=None)
@given(seed=seeds, gray=st.floats(0, 1, width=32), count=st.integers(1, 255))
def test_shades_are_finite_and_near_the_colour(seed, gray, count):
    shapes = (np.arange(SIZE * SIZE).reshape(SIZE, SIZE) * count // SIZE**2).astype(np.uint8)
    picture = np.full((SIZE, SIZE, 3), gray, np.float32)
    made = shade(picture, shapes, random.Random(seed))
    assert made.shape == picture.shape
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert np.abs(made).max() < 4


def test_the_picture_is_not_changed():
    picture = GREY.copy()
    for seed in range(20):
        shaded(seed, picture)
    assert np.array_equal(picture, GREY)


def test_most_pictures_have_several_tones():
    spreads = [np.ptp(shaded(seed)[:, : SIZE // 2], axis=(0, 1)).max() for seed in range(60)]
    assert np.median(spreads) > 0.08


def test_shapes_have_tones_of_their_own():
    means = [shaded(seed).reshape(SIZE, 2, SIZE // 2, 3).mean((0, 2)) for seed in range(60)]
    assert np.mean([np.abs(one - other).max() > 0.02 for one, other in means]) > 0.3


def test_the_median_of_some_shapes_is_not_their_colour():
    away = [np.abs(np.median(shaded(seed)[:, : SIZE // 2], axis=(0, 1)) - 0.5).max() for seed in range(60)]
    assert 0.1 < np.mean(np.array(away) > 0.06) < 0.9


def test_a_shadow_that_is_cast_is_dark():
    cast = np.zeros((SIZE, SIZE), np.float32)
    cast[: SIZE // 2] = 1
    lighter = [
        made[SIZE // 2 :].mean() - made[: SIZE // 2].mean()
        for made in (shaded(seed, GREY, cast) for seed in range(60))
    ]
    assert np.mean(np.array(lighter) > 0.02) > 0.4
    assert np.mean(lighter) > 0.03


@pytest.mark.parametrize("channels", [1, 3])
def test_noise_is_smooth(channels):
    noise = smooth_noise(SIZE, 4, random.Random(1), channels)
    assert noise.shape[:2] == (SIZE, SIZE)
    assert np.abs(np.diff(noise, axis=0)).max() < 0.2

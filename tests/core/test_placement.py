"""Pixels, points and boxes follow a canvas that was shifted, mirrored, turned or scaled."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from krita_colorize.core.placement import Placement
from krita_colorize.core.port import Pixels

ORIENTATIONS = [(1, 0, 0, 1), (0, -1, 1, 0), (0, 1, -1, 0), (-1, 0, 0, -1), (-1, 0, 0, 1), (0, 1, 1, 0)]


def placements():
    return st.builds(
        lambda turn, dx, dy: Placement(40, 40, *turn, dx, dy),
        st.sampled_from(ORIENTATIONS),
        st.integers(-30, 30),
        st.integers(-30, 30),
    )


def noise(seed: int, channels: int, width: int, height: int, x: int = 0, y: int = 0) -> Pixels:
    data = np.random.default_rng(seed).integers(0, 256, width * height * channels, np.uint8).tobytes()
    return Pixels(width, height, data, x, y)


@settings(max_examples=60, deadline=None)
@given(placements(), st.sampled_from([1, 4]), st.integers(1, 7), st.integers(1, 7))
def test_every_pixel_goes_where_its_point_goes(placement, channels, width, height):
    pixels = noise(1, channels, width, height, 3, -2)
    moved = placement.moved(pixels)
    for y in range(height):
        for x in range(width):
            across, down = placement.pixel(x + 3, y - 2)
            old = (y * width + x) * channels
            new = ((down - moved.y) * moved.width + across - moved.x) * channels
            assert moved.data[new : new + channels] == pixels.data[old : old + channels]


@settings(max_examples=60, deadline=None)
@given(placements(), st.sampled_from([1, 4]))
def test_the_way_back_gives_the_same_pixels(placement, channels):
    pixels = noise(2, channels, 6, 9, 4, 5)
    assert placement.back(40, 40).moved(placement.moved(pixels)) == pixels


@given(placements(), placements(), st.integers(-9, 9), st.integers(-9, 9))
def test_changes_follow_each_other(first, second, x, y):
    assert second.after(first).point(x, y) == second.point(*first.point(x, y))


def test_scaled_pixels_are_the_nearest_ones():
    pixels = noise(3, 4, 4, 2)
    double = Placement(8, 4, 2, 0, 0, 2).moved(pixels)
    picture = np.frombuffer(pixels.data, np.uint8).reshape(2, 4, 4)
    assert double.data == picture.repeat(2, 0).repeat(2, 1).tobytes()
    assert Placement(4, 2, 0.5, 0, 0, 0.5).moved(double) == pixels


def test_a_shift_moves_no_pixel():
    pixels = noise(4, 4, 3, 3)
    moved = Placement(90, 90, dx=7, dy=-8).moved(pixels)
    assert (moved.x, moved.y, moved.data is pixels.data) == (7, -8, True)


def test_nothing_stays_nothing():
    nothing = Pixels(0, 0, b"")
    assert Placement(9, 9, -1, 0, 0, 1).moved(nothing) == nothing

"""A drawn picture brought to the canvas: no colour crosses a line, no seam, and flats that are the palette's."""

import numpy as np
import pytest
from colorizer.imaging import drawn
from colorizer.imaging.layers import flatten
from colorizer.imaging.lines import find_ink
from colorizer.imaging.regions import find_regions
from hypothesis import given, settings
from hypothesis import strategies as st

LEFT, RIGHT = (200, 40, 40), (40, 60, 200)


def sketch(height, width, line=0.5):
    """Two halves, divided by a line."""
    picture = np.full((height, width, 4), 255, np.uint8)
    thick = max(1, width // 200)
    at = int(width * line)
    picture[:, at - thick : at + thick, :3] = 0
    return picture


def halves(height, width, blur=0):
    """What a model draws of it: both colours, a dark line between, bleeding by some pixels."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2], picture[:, width // 2 :] = LEFT, RIGHT
    picture[:, width // 2 - 1 : width // 2 + 1] = 10
    return picture


def bring(canvas, picture):
    ink = find_ink(canvas)
    regions = find_regions(ink)
    prepared = drawn.prepare(picture, regions, ink)
    return regions, prepared, drawn.carry_up(prepared, regions)


@pytest.mark.parametrize("size", [(64, 64), (200, 300), (600, 900), (2000, 1500)])
def test_no_colour_crosses_a_line(size):
    canvas = sketch(*size)
    _, _, carried = bring(canvas, halves(96, 128))
    assert carried.shape == (*size, 3)
    middle = size[1] // 2
    thick = max(1, size[1] // 200)
    for columns, colour in ((slice(0, middle - thick), LEFT), (slice(middle + thick, None), RIGHT)):
        assert np.abs(carried[:, columns].astype(int) - colour).max() <= 1


def test_drawn_lines_are_painted_over():
    _, prepared, _ = bring(sketch(600, 900), halves(96, 128))
    assert prepared.colours.min() >= 39


def test_no_seam_at_8k():
    """A smooth picture stays smooth at every place inside a region, whatever bands it is worked in."""
    canvas = sketch(1024, 8192)
    ramp = np.linspace(60, 200, 128)[None, :, None].repeat(16, 0).repeat(3, 2).astype(np.uint8)
    regions, _, carried = bring(canvas, ramp)
    for axis in (0, 1):
        steps = np.abs(np.diff(carried.astype(int), axis=axis)).max(2)
        inside = np.diff(regions.labels, axis=axis) == 0
        assert steps[inside].max() <= 2


@settings(max_examples=15)
@given(st.integers(8, 200), st.integers(8, 200), st.integers(8, 120), st.integers(8, 120), st.integers(0, 99))
def test_every_pixel_is_within_its_regions_colours(height, width, tall, wide, seed):
    rng = np.random.default_rng(seed)
    canvas = np.full((height, width, 4), 255, np.uint8)
    canvas[rng.random((height, width)) > 0.9, :3] = 0
    canvas[0, 0, :3] = 0
    picture = rng.integers(0, 256, (tall, wide, 3), np.uint8)
    regions, prepared, carried = bring(canvas, picture)
    assert carried.shape == (height, width, 3)
    assert prepared.middle.shape == (regions.count, 3)
    assert carried.min() >= picture.min()
    assert carried.max() <= picture.max()


def palette():
    return np.array([(198, 44, 39), (38, 62, 199), (0, 255, 0)], np.uint8)


def test_flats_are_exactly_the_palettes():
    canvas = sketch(300, 400)
    regions, prepared, carried = bring(canvas, halves(96, 128))
    (flats,) = drawn.in_flats(prepared, carried, regions, palette(), None)
    found = {tuple(colour) for colour in flats.pixels.reshape(-1, 4).tolist()}
    assert found == {(198, 44, 39, 255), (38, 62, 199, 255)}
    assert (flats.name, flats.mask) == ("Flats", None)


def shaded(height, width):
    """Both halves darker towards the bottom and lighter at the top."""
    tone = np.linspace(1.3, 0.6, height)[:, None, None]
    return np.clip(halves(height, width) * tone, 0, 255).astype(np.uint8)


def test_shading_and_light_bring_the_tones_back():
    canvas = sketch(300, 400)
    regions, prepared, carried = bring(canvas, shaded(96, 128))
    layers = drawn.in_flats(prepared, carried, regions, palette(), None)
    assert [layer.name for layer in layers] == ["Flats", "Shading", "Light"]
    shown = flatten(layers, 400, 300)[..., :3].astype(int)
    flat = flatten(layers[:1], 400, 300)[..., :3].astype(int)
    wanted = carried.astype(int)
    assert np.abs(shown - wanted).mean() < 0.7 * np.abs(flat - wanted).mean()


def test_tones_stay_on_their_side():
    canvas = sketch(300, 400)
    mask = np.zeros((300, 400), np.uint8)
    mask[:, :200] = 255
    regions, prepared, carried = bring(canvas, shaded(96, 128))
    for layer in drawn.in_flats(prepared, carried, regions, palette(), mask)[1:]:
        assert layer.clip
        assert np.array_equal(layer.pixels[..., 3], mask)


def test_a_picture_as_large_as_the_canvas_only_loses_its_lines():
    canvas = sketch(96, 128)
    _, prepared, carried = bring(canvas, halves(96, 128))
    assert np.array_equal(carried, prepared.colours)

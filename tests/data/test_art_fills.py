"""Coloured pictures taken apart: fills, shades of one part, outlines."""

import numpy as np
from colorizer_lab.data.art.fills import find_fills

from tests.data.drawn_art import HAIR, SHADE, SHIRT, SKIN, figure, fills


def colours(found):
    return {tuple(colour) for colour in found.palette[1:].tolist()}


def test_every_colour_is_a_fill_and_the_outside_none():
    found = fills()
    assert colours(found) == {SKIN, SHIRT, HAIR}
    assert (found.fills[0] == 0).all()
    assert not found.outlined


def test_a_shade_is_a_fill_of_its_own_and_part_of_the_larger_one():
    found = fills(shade=True)
    assert colours(found) == {SKIN, SHIRT, SHADE, HAIR}
    shirt, shade = (found.palette.tolist().index(list(colour)) for colour in (SHIRT, SHADE))
    assert found.parts[shade] == shirt
    assert len({found.parts[fill] for fill in range(1, len(found.palette))}) == 3


def test_outlines_are_lines_and_what_lies_under_them_belongs_to_fills():
    found = fills(outlined=True)
    assert found.outlined
    assert colours(found) == {SKIN, SHIRT, HAIR}
    assert (found.fills[found.lines > 200] > 0).mean() > 0.95
    assert 0.01 < (found.lines > 127).mean() < 0.2


def test_one_colour_is_nothing_to_learn_from():
    picture = np.zeros((64, 64, 4), np.uint8)
    picture[16:48, 16:48] = (200, 30, 30, 255)
    assert find_fills(picture, soft=False, size=32) is None


def test_a_painted_picture_has_fills_in_spite_of_its_grain():
    grain = np.random.default_rng(0).normal(0, 4, (256, 256, 1))
    picture = figure()
    picture[..., :3] = (picture[..., :3] + grain).clip(0, 255).astype(np.uint8)
    found = find_fills(picture, soft=True, size=128)
    assert 3 <= len(found.palette) - 1 <= 8

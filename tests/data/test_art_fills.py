"""Coloured pictures taken apart: fills, shades of one part, outlines."""

import cv2
import numpy as np
from colorizer_lab.data.art.fills import find_fills, without_thick_outlines

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


def test_thick_outline_is_a_line_and_no_part():
    picture = figure(512)
    drawn = picture[..., 3] > 0
    outline = cv2.dilate(drawn.view(np.uint8), np.ones((33, 33), np.uint8)) > 0
    picture[outline & ~drawn] = (10, 10, 10, 255)
    found = find_fills(picture, soft=False, size=256)
    assert (10, 10, 10) in colours(found)
    clean = without_thick_outlines(found)
    used = clean.palette[np.unique(clean.fills[clean.fills > 0])]
    assert {tuple(colour) for colour in used.tolist()} == {SKIN, SHIRT, HAIR}
    assert (clean.lines[found.palette[found.fills].max(-1) == 10] == 255).all()
    assert ((clean.fills > 0) == (found.fills > 0)).all()


def test_dark_shape_stays_a_part():
    picture = figure()
    picture[(picture[..., :3] == SHIRT).all(-1)] = (10, 10, 10, 255)
    found = find_fills(picture, soft=False, size=128)
    assert without_thick_outlines(found) is found


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

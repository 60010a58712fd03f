"""Key strokes mark every area of one colour, and only there."""

import numpy as np
from colorizer.imaging.key_strokes import CLEAR, MAX_COLOURS, key_strokes, recoloured
from colorizer.imaging.values import Layer, Role
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import label

RED, BLUE, GREEN = (200, 0, 0, 255), (0, 0, 200, 255), (0, 200, 0, 255)


def layer(colour, role=Role.FOREGROUND, mask=None):
    return Layer("", role, np.full((40, 60, 4), colour, np.uint8), mask=mask)


def marks(*layers):
    made = key_strokes(layers, 60, 40)
    assert made is not None
    return made.pixels


def left_half(value=255):
    mask = np.zeros((40, 60), np.uint8)
    mask[:, :30] = value
    return mask


def test_each_side_of_a_mask_has_its_own_mark_away_from_the_edge():
    found = marks(layer(BLUE, Role.BACKGROUND), layer(RED, mask=left_half()))
    assert found[20, 15].tolist() == list(RED)
    assert found[20, 45].tolist() == list(BLUE)
    assert not found[:, 26:34, 3].any()


def test_what_is_not_painted_is_marked_as_clear():
    found = marks(layer(RED, mask=left_half()))
    assert found[20, 45, 3] == CLEAR
    assert found[20, 15].tolist() == list(RED)


def test_soft_masks_mix_no_new_colours():
    found = marks(layer(BLUE, Role.BACKGROUND), layer(RED, mask=left_half(150)))
    assert {tuple(pixel) for pixel in found[found[..., 3] > 0].tolist()} == {RED, BLUE}


def test_shading_is_no_flat_colour():
    shaded = marks(layer(RED), layer((9, 9, 9, 255), Role.SHADING))
    assert np.array_equal(shaded, marks(layer(RED)))


def test_pictures_of_many_colours_have_none():
    noisy = layer(RED)
    noisy.pixels[0, : MAX_COLOURS + 1, 1] = np.arange(60)[: MAX_COLOURS + 1]
    noisy.pixels[1, :20, 2] = np.arange(20) + 1
    assert key_strokes([noisy], 60, 40) is None
    assert key_strokes([], 60, 40) is None


@given(st.lists(st.sampled_from([RED, BLUE, GREEN]), min_size=6, max_size=6))
def test_every_area_that_is_wide_enough_is_marked_in_its_own_colour(colours):
    picture = layer(RED)
    for number, colour in enumerate(colours):
        picture.pixels[:, number * 10 : number * 10 + 10] = colour
    found = marks(picture)
    for colour in (RED, BLUE, GREEN):
        areas, count = label((picture.pixels == colour).all(axis=2))
        marked = (found == colour).all(axis=2)
        assert set(areas[marked]) == set(range(1, count + 1))


def row(*colours):
    return np.array([colours], np.uint8)


def test_marks_take_the_colours_of_now():
    flats = [
        Layer("", Role.BACKGROUND, row(GREEN, GREEN, GREEN)),
        Layer("", Role.FOREGROUND, row(BLUE, BLUE, BLUE), mask=np.array([[0, 255, 255]], np.uint8)),
    ]
    found = recoloured(row(RED, (0, 0, 0, 0), RED), flats)
    assert found.tolist() == row(GREEN, (0, 0, 0, 0), BLUE).tolist()


def test_marks_of_clear_areas_stay():
    old = row((0, 0, 0, CLEAR), RED, BLUE)
    flats = [Layer("", Role.FOREGROUND, row(GREEN, (9, 9, 9, CLEAR), (0, 0, 0, 0)))]
    assert recoloured(old, flats).tolist() == old.tolist()


def test_marks_stay_where_there_would_be_too_many_colours():
    count = MAX_COLOURS + 1
    old = row(*[RED] * count)
    motley = Layer("", Role.FOREGROUND, row(*[(number, 1, 1, 255) for number in range(count)]))
    assert recoloured(old, [motley]).tolist() == old.tolist()

"""Outlines that are found again in a reference, wherever and in whatever colour, and those that are not."""

import cv2
import numpy as np
import pytest
from colorizer.engines.match.registration import Registration
from colorizer.engines.match.shapes import (
    find_segments,
    likest_colours,
    main_colours,
    reduce_picture,
    shape_votes,
    shapes_of,
    without_lines,
)
from hypothesis import given, settings
from hypothesis import strategies as st

SIDE = 200
WHITE, RED, BLUE, GREEN = (250, 250, 250), (200, 40, 40), (40, 60, 200), (40, 160, 70)
PALETTE = np.array([WHITE, RED, BLUE, GREEN], np.uint8)
IN_PLACE = Registration(np.eye(2, 3, dtype=np.float32), 1.0)


def star(x, y, radius):
    angles = np.arange(10) * np.pi / 5
    radii = radius * np.where(np.arange(10) % 2, 0.45, 1)
    return np.stack([x + radii * np.sin(angles), y - radii * np.cos(angles)], 1)


def disc(x, y, radius):
    angles = np.arange(40) * np.pi / 20
    return np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], 1)


def hook(x, y, radius):
    """Looks to the right."""
    corners = [(-1, -1), (-0.4, -1), (-0.4, 0.5), (1, 0.5), (1, 1), (-1, 1)]
    return np.array([x, y]) + radius * np.array(corners)


def reference(*shapes):
    picture = np.full((SIDE, SIDE, 4), 255, np.uint8)
    picture[..., :3] = WHITE
    for points, colour in shapes:
        cv2.fillPoly(picture, [np.rint(points).astype(np.int32)], (*colour, 255))
    return picture


def segments_of(picture, inside):
    reduced = reduce_picture(picture)
    likest = likest_colours(reduced, inside, PALETTE)
    return find_segments(likest, PALETTE, reduced.step, max(inside.shape))


def segments(*shapes):
    return segments_of(reference(*shapes), np.ones((SIDE, SIDE), bool))


def sketch(*shapes):
    """What regions of a sketch with these outlines look like; 0 is the paper."""
    labels = np.zeros((SIDE, SIDE), np.int32)
    for number, points in enumerate(shapes, 1):
        cv2.fillPoly(labels, [np.rint(points).astype(np.int32)], number)
    return shapes_of(labels, len(shapes) + 1)


def votes(regions, *found):
    return shape_votes(regions, [(one, IN_PLACE) for one in found], len(PALETTE))


def test_the_same_outline_elsewhere_gives_its_colour():
    found = votes(
        sketch(star(50, 60, 22), disc(140, 60, 20)),
        segments((star(90, 120, 24), RED), (disc(50, 60, 21), BLUE)),
    )
    assert found[1:].argmax(1).tolist() == [1, 2]
    assert (found[1:].max(1) > 0.5).all()


def test_it_may_look_the_other_way():
    mirrored = hook(0, 0, 25) * (-1, 1) + (120, 100)
    found = votes(sketch(hook(70, 100, 25)), segments((mirrored, GREEN), (disc(60, 100, 24), RED)))
    assert found[1].argmax() == 3


def test_nothing_alike_says_nothing():
    found = votes(sketch(star(60, 60, 30)), segments((hook(140, 140, 40), RED)))
    assert found[1, 1:].max() < 0.05


def test_another_size_is_another_thing():
    found = votes(sketch(disc(60, 60, 8)), segments((disc(60, 60, 60), RED)))
    assert found[1, 1] < 0.05


def test_of_two_alike_the_nearer_one_counts_more():
    found = votes(sketch(disc(50, 100, 16)), segments((disc(55, 100, 16), RED), (disc(150, 100, 16), BLUE)))
    assert found[1, 1] > 2 * found[1, 2]


def test_one_part_of_the_reference_is_not_claimed_by_all():
    one, many = (
        votes(sketch(*[disc(20 + 40 * i, 100, 14) for i in range(count)]), segments((disc(20, 100, 14), RED)))
        for count in (1, 4)
    )
    assert many[1, 1] < one[1, 1]
    assert many[1, 1] == pytest.approx(many[:, 1].max())


def test_segments_are_areas_of_one_colour():
    found = segments((disc(50, 50, 20), RED), (disc(150, 50, 20), RED), (star(100, 150, 30), BLUE))
    assert sorted(found.colours.tolist()) == [0, 1, 1, 2]
    assert found.side == SIDE


def test_what_is_outside_or_transparent_is_no_segment():
    picture = reference((disc(50, 50, 20), RED), (disc(150, 50, 20), BLUE))
    picture[:, 100:, 3] = 0
    inside = np.zeros((SIDE, SIDE), bool)
    inside[:, :] = True
    assert set(segments_of(picture, inside).colours.tolist()) == {0, 1}
    inside[:, :90] = False
    assert set(segments_of(picture, inside).colours.tolist()) == {0}


def test_an_empty_side_says_nothing():
    nothing = segments_of(reference(), np.zeros((SIDE, SIDE), bool))
    assert not votes(sketch(star(60, 60, 25)), nothing).any()


def test_grain_is_compared_in_its_largest_parts_alone():
    grain = np.random.default_rng(1).integers(0, 4, (SIDE // 4, SIDE // 4))
    picture = np.full((SIDE, SIDE, 4), 255, np.uint8)
    picture[..., :3] = np.kron(PALETTE[grain], np.ones((4, 4, 1), np.uint8))
    assert len(segments_of(picture, np.ones((SIDE, SIDE), bool)).colours) == 400


def test_several_references_compete():
    found = votes(
        sketch(star(60, 60, 25)), segments((disc(60, 60, 25), RED)), segments((star(90, 90, 25), GREEN))
    )
    assert found[1].argmax() == 3


@settings(max_examples=30, deadline=None)
@given(
    labels=st.lists(st.integers(-1, 4), min_size=64, max_size=64),
    colours=st.lists(st.integers(0, 3), min_size=64, max_size=64),
)
def test_any_areas_give_shares(labels, colours):
    regions = shapes_of(np.array(labels, np.int32).reshape(8, 8), 5)
    picture = np.full((8, 8, 4), 255, np.uint8)
    picture[..., :3] = PALETTE[np.array(colours).reshape(8, 8)]
    found = votes(regions, segments_of(picture, np.ones((8, 8), bool)))
    assert found.shape == (5, 4)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (found.sum(1) <= 1 + 1e-9).all()


@given(width=st.sampled_from([1, 3, 5, 7]), side=st.integers(30, 60))
def test_lines_take_the_colours_of_the_areas_that_they_divide(width, side):
    colours = np.full((160, 160), -1, np.intp)
    colours[20:140, 20:140] = 0
    colours[40 : 40 + side, 40 : 40 + side] = 1
    line = np.zeros(colours.shape, np.uint8)
    cv2.rectangle(line, (40, 40), (39 + side, 39 + side), 1, 1)
    line = cv2.dilate(line, np.ones((width, width), np.uint8)) > 0
    found = without_lines(np.where(line, 2, colours), width)
    assert set(np.unique(found).tolist()) == {-1, 0, 1}
    assert (found == colours)[~line].mean() > 0.99
    assert (found == colours).mean() > 0.97


def test_picture_without_wide_areas_stays():
    stripes = np.arange(40)[None].repeat(40, axis=0) % 3
    assert (without_lines(stripes, 5) == stripes).all()


def test_similar_colours_become_the_most_frequent_one():
    palette = np.array([RED, (206, 44, 42), BLUE], np.uint8)
    likest = np.array([[0, 1, 1], [2, -1, 1]])
    assert main_colours(likest, palette).tolist() == [[1, 1, 1], [2, -1, 1]]

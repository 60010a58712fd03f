"""A drawing that the model moved: found and brought back up to a bound, refused beyond it, else left alone."""

import cv2
import numpy as np
import pytest
from colorizer.engines.flux2_klein.registration import MovedPicture, Registration, register
from hypothesis import given, settings
from hypothesis import strategies as st

SIDE = 256
COLOURS = ((250, 220, 200), (90, 40, 60), (60, 120, 200), (240, 200, 80), (40, 140, 90), (200, 60, 70))


def drawing(seed, *, width=SIDE, height=SIDE, wider=0):
    """Ink (H, W) of overlapping shapes, and the picture (H, W, 3) painted under it, its strokes so many px wider."""
    random = np.random.default_rng(seed)
    ink = np.zeros((height, width), np.uint8)
    picture = np.full((height, width, 3), 235, np.uint8)
    for number in range(9):
        middle = (int(random.uniform(0.2, 0.8) * width), int(random.uniform(0.2, 0.8) * height))
        size = (int(random.uniform(0.06, 0.18) * width), int(random.uniform(0.06, 0.18) * height))
        angle = float(random.uniform(0, 180))
        for canvas, colour, thick in ((picture, COLOURS[number % 6], -1), (ink, 0, -1), (ink, 255, 2)):
            cv2.ellipse(canvas, middle, size, angle, 0, 360, colour, thick, cv2.LINE_AA)
    drawn = cv2.dilate(ink, np.ones((wider + 1, wider + 1), np.uint8))
    return ink, (picture * (1 - drawn[..., None] / 255)).astype(np.uint8)


def moved(picture, matrix):
    height, width = picture.shape[:2]
    return cv2.warpAffine(
        picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


def off_the_lines(ink, found, matrix):
    """The farthest that any line pixel is from where it truly is, px."""
    y, x = np.nonzero(ink > 127)
    places = np.stack([x, y, np.ones(len(x))], axis=1)
    return np.linalg.norm(places @ (found.matrix - matrix).T, axis=1).max()


@settings(max_examples=16, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shift=st.tuples(st.floats(-0.03, 0.03), st.floats(-0.03, 0.03)).filter(lambda s: np.hypot(*s) <= 0.03),
    scale=st.floats(-0.01, 0.01),
    blur=st.sampled_from([0, 0.7, 1.2, 2]),
    wider=st.sampled_from([0, 2]),
    recolour=st.booleans(),
)
def test_brings_lines_back_within_a_pixel(seed, shift, scale, blur, wider, recolour):
    ink, picture = drawing(seed, wider=wider)
    matrix = np.array(
        [
            [1 + scale, 0, shift[0] * SIDE - scale * SIDE / 2],
            [0, 1 + scale, shift[1] * SIDE - scale * SIDE / 2],
        ]
    )
    drawn = moved(picture, matrix)
    if blur:
        drawn = cv2.GaussianBlur(drawn, (0, 0), blur)
    if recolour:  # a paler picture in other colours, with the grain of a generator's
        grain = np.random.default_rng(seed).normal(0, 2, drawn.shape)
        drawn = np.clip(drawn[..., ::-1] * 0.8 + 40 + grain, 0, 255).astype(np.uint8)
    found = register(ink, drawn)
    assert found.found
    assert off_the_lines(ink, found, matrix) < (1 if blur or wider or recolour else 0.5)
    assert found.undo(drawn).shape == drawn.shape


@pytest.mark.parametrize("share", [0.08, 0.2])
def test_refuses_what_moved_too_far(share):
    ink, picture = drawing(1, width=400)
    far = moved(picture, np.array([[1.0, 0, share * 400], [0, 1, 0]]))
    with pytest.raises(MovedPicture, match=r"The model moved the picture by \d+% of its longer side"):
        register(ink, far)


def test_another_drawing_and_noise_are_left_alone():
    ink, _ = drawing(2)
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    for picture in (drawing(3)[1], noise, np.full((SIDE, SIDE, 3), 128, np.uint8)):
        found = register(ink, picture)
        assert not found.found
        assert np.array_equal(found.undo(picture), picture)


def test_a_picture_in_its_place_keeps_its_bytes():
    ink, picture = drawing(4)
    assert register(ink, picture).found
    assert Registration().moved(100, 200) == 0
    assert np.array_equal(register(ink, picture).undo(picture), picture)

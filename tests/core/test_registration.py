"""How a canvas was changed is found from the sketch's pixels, with edits, cropped, turned, mirrored, scaled."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from krita_colorize.core.placement import Placement
from krita_colorize.core.port import Pixels
from krita_colorize.core.registration import Sheet, register

WIDTH, HEIGHT = 260, 200


def drawing(seed: int, *, paper: bool) -> np.ndarray:
    """Some curves in black, on white or on nothing. (H, W, 4)"""
    chance = np.random.default_rng(seed)
    picture = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    if paper:
        picture[:] = 255
    for _ in range(12):
        (x, y), (dx, dy) = chance.uniform(0, 1, 2) * (WIDTH, HEIGHT), chance.normal(0, 1.5, 2)
        for _ in range(140):
            x, y = x + dx, y + dy
            dx, dy = np.array([dx, dy]) + chance.normal(0, 0.2, 2)
            left, top = int(x), int(y)
            if 1 <= left < WIDTH - 3 and 1 <= top < HEIGHT - 3:
                picture[top : top + 3, left : left + 3] = (0, 0, 0, 255)
    return picture


def sheet(picture: np.ndarray) -> Sheet:
    """As a snapshot gives it: cropped to what isn't clear."""
    height, width = picture.shape[:2]
    rows, columns = (np.flatnonzero(picture[..., 3].any(axis=axis)) for axis in (1, 0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    data = picture[top:bottom, left:right].tobytes()
    return Sheet(Pixels(int(right - left), int(bottom - top), data, int(left), int(top)), width, height)


def resized(picture: np.ndarray, left: int, top: int, width: int, height: int) -> np.ndarray:
    """As Resize Canvas: the former corner comes to `left`, `top`."""
    canvas = np.zeros((height, width, 4), np.uint8)
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(width, left + picture.shape[1]), min(height, top + picture.shape[0])
    canvas[y0:y1, x0:x1] = picture[y0 - top : y1 - top, x0 - left : x1 - left]
    return canvas


TURNS = {
    "right": (lambda p: np.rot90(p, -1), Placement(HEIGHT, WIDTH, 0, -1, 1, 0, HEIGHT, 0)),
    "left": (np.rot90, Placement(HEIGHT, WIDTH, 0, 1, -1, 0, 0, WIDTH)),
    "half": (lambda p: np.rot90(p, 2), Placement(WIDTH, HEIGHT, -1, 0, 0, -1, WIDTH, HEIGHT)),
    "mirrored": (np.fliplr, Placement(WIDTH, HEIGHT, -1, 0, 0, 1, WIDTH, 0)),
    "upside down": (np.flipud, Placement(WIDTH, HEIGHT, 1, 0, 0, -1, 0, HEIGHT)),
    "transposed": (lambda p: p.swapaxes(0, 1), Placement(HEIGHT, WIDTH, 0, 1, 1, 0)),
}


@pytest.mark.parametrize("paper", [False, True])
@pytest.mark.parametrize("turn", TURNS)
def test_turns_and_mirrors_are_found_and_followed(turn, paper):
    before = drawing(1, paper=paper)
    change, right = TURNS[turn]
    after = sheet(np.ascontiguousarray(change(before)))
    found = register(sheet(before), after)
    assert found == right
    assert found.moved(sheet(before).pixels) == after.pixels


@settings(max_examples=8, deadline=None)
@given(
    st.integers(0, 9),
    st.booleans(),
    st.integers(-60, 60),
    st.integers(-50, 50),
    st.integers(200, 330),
    st.integers(160, 260),
)
def test_offsets_and_crops_are_found(seed, paper, left, top, width, height):
    before = drawing(seed, paper=paper)
    after = sheet(resized(before, left, top, width, height))
    assert register(sheet(before), after) == Placement(width, height, dx=left, dy=top)


@pytest.mark.parametrize("paper", [False, True])
@pytest.mark.parametrize("size", [(130, 100), (390, 300), (520, 400), (200, 154)])
def test_scales_are_found(size, paper):
    before = drawing(2, paper=paper)
    image = Image.fromarray(before, "RGBA").resize(size, Image.Resampling.BICUBIC)
    found = register(sheet(before), sheet(np.array(image)))
    assert found is not None
    for x, y in ((20, 30), (200, 150)):
        wanted = (x * size[0] / WIDTH, y * size[1] / HEIGHT)
        assert np.allclose(found.point(x, y), wanted, atol=1.5)


def test_a_turned_crop_is_found():
    before = drawing(3, paper=True)
    after = resized(np.rot90(before, -1), -20, -30, 150, 180)
    found = register(sheet(before), sheet(np.ascontiguousarray(after)))
    assert found == Placement(150, 180, 0, -1, 1, 0, HEIGHT - 20, -30)


@pytest.mark.parametrize("paper", [False, True])
def test_a_drawing_that_went_on_is_still_followed(paper):
    before = drawing(4, paper=paper)
    after = resized(before, 30, 10, 320, 260)
    after[120:126, 60:300] = (0, 0, 0, 255)
    assert register(sheet(before), sheet(after)) == Placement(320, 260, dx=30, dy=10)


def test_a_nearly_symmetric_drawing_that_was_mirrored_is_found():
    half = drawing(8, paper=False)
    before = np.maximum(half, half[:, ::-1])
    before[20:34, 200:204] = before[20:23, 190:204] = (0, 0, 0, 255)
    found = register(sheet(before), sheet(np.ascontiguousarray(before[:, ::-1])))
    assert found == TURNS["mirrored"][1]
    assert register(sheet(before), sheet(before.copy())) == Placement(WIDTH, HEIGHT)


def test_another_drawing_proves_nothing():
    other = sheet(resized(drawing(6, paper=True), 0, 0, 300, 240))
    assert register(sheet(drawing(5, paper=True)), other) is None


def test_on_a_canvas_of_the_same_size_it_stays():
    first, second = (sheet(drawing(seed, paper=True)) for seed in (5, 6))
    assert register(first, second) == Placement(WIDTH, HEIGHT)
    assert register(first, Sheet(Pixels(0, 0, b""), WIDTH, HEIGHT)) == Placement(WIDTH, HEIGHT)


def test_an_erased_drawing_proves_nothing():
    before = sheet(drawing(5, paper=True))
    assert register(before, Sheet(Pixels(0, 0, b""), 300, 200)) is None


def test_it_is_the_same_each_time():
    before, after = drawing(7, paper=False), resized(drawing(7, paper=False), -50, 20, 240, 190)
    random.seed(3)
    found = register(sheet(before), sheet(after))
    random.seed(8)
    assert register(sheet(before), sheet(after)) == found

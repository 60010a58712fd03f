"""Ink is found whatever paper, pen or polarity; where there is none, a sentence says so."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from colorizer.errors import NothingToColour
from colorizer.imaging.lines import find_ink, line_mask
from drawn import blank, box_sketch, opaque
from hypothesis import given, settings
from hypothesis import strategies as st

SIZE = 256


@pytest.fixture
def drawn() -> np.ndarray:
    """Where the lines of the box are."""
    return box_sketch(SIZE)[..., 0] == 0


def overlap(ink: np.ndarray, drawn: np.ndarray) -> float:
    found = line_mask(ink) > 0
    return float((found & drawn).sum() / (found | drawn).sum())


def on_nothing(drawn: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    picture = np.zeros((SIZE, SIZE, 4), np.uint8)
    picture[..., :3] = colour
    picture[..., 3] = drawn * 255
    return picture


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (40, 60, 200), (240, 240, 120)])
def test_lines_on_transparency(drawn: np.ndarray, colour: tuple[int, int, int]) -> None:
    assert overlap(find_ink(on_nothing(drawn, colour)), drawn) > 0.95


def test_white_on_black_turned_round(drawn: np.ndarray) -> None:
    assert overlap(find_ink(opaque(np.where(drawn, 255, 0).astype(np.uint8))), drawn) > 0.95


@pytest.mark.parametrize("colour", [(150, 190, 245), (230, 120, 120), (120, 120, 120)])
def test_coloured_pencils_survive(drawn: np.ndarray, colour: tuple[int, int, int]) -> None:
    paper = blank(SIZE, SIZE)
    paper[drawn, :3] = colour
    assert overlap(find_ink(paper), drawn) > 0.9


def test_uneven_light_levelled(drawn: np.ndarray) -> None:
    light = np.linspace(120, 240, SIZE)[None] * np.linspace(0.8, 1, SIZE)[:, None]
    photo = np.where(drawn, light * 0.84, light)
    noise = np.random.default_rng(0).normal(0, 2, photo.shape)
    ink = find_ink(opaque(np.clip(photo + noise, 0, 255).astype(np.uint8)))
    assert overlap(ink, drawn) > 0.6
    assert np.median(ink[drawn]) > 4 * max(10, np.median(ink[~drawn]))


def test_screentone_cleared(drawn: np.ndarray) -> None:
    grey = np.where(drawn, 0, 255).astype(np.uint8)
    big = cv2.resize(grey, (800, 800), interpolation=cv2.INTER_NEAREST)
    dots = big.copy()
    for y in range(260, 540, 8):
        for x in range(260, 380, 8):
            cv2.circle(dots, (x, y), 2, 0, -1)
    ink = find_ink(opaque(dots))
    assert np.count_nonzero(ink[270:530, 270:380] > 127) < 0.02 * 260 * 110
    assert (ink[big == 0] > 127).mean() > 0.99


@pytest.mark.parametrize(
    ("sketch", "words"),
    [
        (np.zeros((64, 64, 4), np.uint8), "empty"),
        (blank(64, 64), "only one colour"),
        (blank(64, 64, (0, 0, 0)), "only one colour"),
        (blank(1, 1), "few pixels"),
        (blank(6000, 3), "few pixels"),
    ],
)
def test_nothing_to_colour_told(sketch: np.ndarray, words: str) -> None:
    with pytest.raises(NothingToColour, match=words):
        find_ink(sketch)


def test_sketch_not_touched() -> None:
    sketch = box_sketch()
    before = sketch.copy()
    find_ink(sketch)
    assert (sketch == before).all()


def turned(sketch: np.ndarray, angle: float) -> np.ndarray:
    """Mixed with transparent black at its edge, as programs do that know nothing of alpha."""
    height, width = sketch.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 0.8)
    return cv2.warpAffine(sketch, matrix, (width, height), flags=cv2.INTER_AREA)


@given(
    alpha=st.integers(40, 255),
    angle=st.floats(-180, 180),
    paper=st.tuples(*[st.integers(170, 255)] * 3),
    line=st.tuples(*[st.integers(0, 90)] * 3),
)
@settings(max_examples=40, deadline=None)
def test_lines_of_a_turned_sheet(
    alpha: int, angle: float, paper: tuple[int, int, int], line: tuple[int, int, int]
) -> None:
    drawn = box_sketch(SIZE)[..., 0] == 0
    sheet = blank(SIZE, SIZE, paper)
    sheet[drawn, :3] = line
    sheet[..., 3] = alpha
    lines = turned(np.repeat(drawn[..., None] * np.uint8(255), 4, 2), angle)[..., 0]
    found = line_mask(find_ink(turned(sheet, angle))) > 0
    assert (found | (lines < 200)).mean() > 0.999  # no line is lost,
    assert not (
        found & (cv2.dilate(lines, np.ones((5, 5), np.uint8)) == 0)
    ).any()  # and the sheet's edge is none


@given(pale=st.integers(190, 235), dark=st.integers(0, 60), alpha=st.integers(60, 255))
@settings(max_examples=25, deadline=None)
def test_pale_lines_beside_black_ones(pale: int, dark: int, alpha: int) -> None:
    sheet = box_sketch(SIZE)
    sheet[..., :3] = np.maximum(sheet[..., :3], dark)
    sheet[127:130, 70:190, :3] = (pale, 255, pale)
    sheet[..., 3] = alpha
    assert line_mask(find_ink(sheet))[128, 75:122].all()


@given(white=st.booleans(), tone=st.integers(245, 255))
@settings(max_examples=10, deadline=None)
def test_white_corrects_what_it_covers(tone: int, *, white: bool) -> None:
    sketch = np.zeros((SIZE, SIZE, 4), np.uint8)
    sketch[box_sketch(SIZE)[..., 0] == 0] = (0, 0, 0, 255)
    sketch[100:112, 40:90] = (tone, tone, tone, 255) if white else 0
    assert not line_mask(find_ink(sketch))[102:110, 42:88].any()


def test_erased_pixel_changes_nothing_else() -> None:
    sketch = box_sketch(SIZE)
    before = find_ink(sketch)
    sketch[3, 3] = 0
    assert (find_ink(sketch) == before).all()

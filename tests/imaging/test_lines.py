"""Ink is found whatever paper, pen or polarity; where there is none, a sentence says so."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from colorizer.errors import NothingToColour
from colorizer.imaging.lines import find_ink, has_paper, line_mask
from drawn import blank, box_sketch, opaque

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
        (blank(64, 64), "one even colour"),
        (blank(64, 64, (0, 0, 0)), "one even colour"),
        (blank(1, 1), "few pixels"),
        (blank(6000, 3), "few pixels"),
    ],
)
def test_nothing_to_colour_told(sketch: np.ndarray, words: str) -> None:
    with pytest.raises(NothingToColour, match=words):
        find_ink(sketch)


def test_paper_is_opaqueness(drawn: np.ndarray) -> None:
    assert has_paper(box_sketch())
    assert not has_paper(on_nothing(drawn, (0, 0, 0)))


def test_paper_covers_more_than_half() -> None:
    sketch = np.zeros((10, 10, 4), np.uint8)
    sketch[:4] = 255
    assert not has_paper(sketch)
    sketch[:6] = 255
    assert has_paper(sketch)


def test_sketch_not_touched() -> None:
    sketch = box_sketch()
    before = sketch.copy()
    find_ink(sketch)
    assert (sketch == before).all()

"""Words are found whatever their size; rows of other things are none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from colorizer.imaging.lettering import find_lettering
from colorizer.imaging.lines import find_ink
from colorizer_lab.data.drawing import triplet
from documents import broken
from documents import draw as draw_figure
from drawn_pages import doll


def written(*lines: str, scale: float = 0.6, thickness: int = 1) -> np.ndarray:
    ink = np.zeros((400, 800), np.uint8)
    for row, line in enumerate(lines):
        place = (60, round(80 + row * 45 * scale))
        cv2.putText(ink, line, place, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thickness, cv2.LINE_AA)
    return ink


@pytest.mark.parametrize("scale", [0.5, 0.8, 1.4])
def test_rows_of_words_are_one_block(scale: float) -> None:
    ink = written("Where are we?", "Look out!", scale=scale, thickness=round(scale * 1.6))
    lettering = find_lettering(ink)
    assert lettering is not None
    assert len(lettering.boxes) == 1
    assert (lettering.letters[ink > 128] > 0).mean() > 0.98


@pytest.mark.parametrize("text", ["SCENE 12  CUT 4", "CUT 7", "PAGE TWO", "hold 8", "BACK VIEW"])
@pytest.mark.parametrize("thickness", [1, 2])
def test_notes_in_capitals_are_words(text: str, thickness: int) -> None:
    assert find_lettering(written(text, scale=0.9, thickness=thickness)) is not None


def test_words_apart_are_blocks_of_their_own() -> None:
    ink = cv2.max(written("Hello there"), np.roll(written("Over here"), 250, axis=0))
    lettering = find_lettering(ink)
    assert lettering is not None
    assert len(lettering.boxes) == 2


def buttons(ink: np.ndarray) -> None:
    for x in range(100, 500, 40):
        cv2.circle(ink, (x, 200), 10, 255, 2)


def hatching(ink: np.ndarray) -> None:
    for x in range(100, 500, 14):
        cv2.line(ink, (x, 180), (x - 12, 215), 255, 2)


def spots(ink: np.ndarray) -> None:
    for x in range(100, 500, 30):
        cv2.circle(ink, (x, 200 + x % 7), 5 + x % 3, 255, -1)


def fence(ink: np.ndarray) -> None:
    for x in range(100, 500, 30):
        cv2.rectangle(ink, (x, 180), (x + 18, 220), 255, 2)


@pytest.mark.parametrize("draw", [buttons, hatching, spots, fence])
def test_rows_of_other_things_are_no_words(draw: object) -> None:
    ink = np.zeros((400, 600), np.uint8)
    draw(ink)  # type: ignore[operator]
    assert find_lettering(ink) is None


@pytest.mark.parametrize("size", [200, 400, 800])
def test_faces_are_no_words(size: int) -> None:
    assert find_lettering(doll(size, 3)[1]) is None


@pytest.mark.parametrize("size", [512, 768, 1000])
@pytest.mark.parametrize("lost", [0.45, 0.5, 0.54])
def test_crumbs_of_a_dry_brush_are_no_words(size: int, lost: float) -> None:
    wide = cv2.dilate(doll(size, 3)[1], np.ones((3, 3), np.uint8))
    kept = np.random.default_rng(0).random(wide.shape) > lost
    assert find_lettering((wide * kept).astype(np.uint8)) is None


@pytest.mark.parametrize(("size", "seed"), [(560, 57), (640, 14), (640, 47), (720, 48)])
def test_pieces_of_broken_lines_are_no_words(size: int, seed: int) -> None:
    drawing = draw_figure(size, 3)
    ink = find_ink(broken(drawing, np.random.default_rng(seed), dots=6, lost=0.2).sketch)
    lettering = find_lettering(ink)
    assert lettering is None or not lettering.sure_blocks(ink > 60).any()


@pytest.mark.parametrize("seed", range(12))
def test_drawings_hold_no_words(seed: int) -> None:
    assert find_lettering(255 - triplet(seed, 512).sketch) is None


def test_blocks_of_few_letters_are_sure_outside_of_the_drawing() -> None:
    words = cv2.max(written("Over there they go"), np.roll(written("Wait!"), 250, axis=0))
    for place, expected in (((40, 300, 300, 80), False), ((40, 370, 300, 20), True)):
        ink = words.copy()
        cv2.rectangle(ink, place, 255, 2)
        lettering = find_lettering(ink)
        assert lettering is not None
        kept = lettering.sure_blocks(ink > 60)
        assert kept[:200].any()
        assert kept[200:].any() is np.bool_(expected)
        assert lettering.letters[200:].any()

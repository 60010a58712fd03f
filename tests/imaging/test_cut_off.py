"""Lines that end side by side on one level are continued and joined; whatever else ends below stays as it is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from colorizer.imaging.cut_off import continue_cut_off
from colorizer.imaging.regions import find_regions
from documents import PAPER, draw
from hypothesis import example, given, settings
from hypothesis import strategies as st

SIZE = 400


def strokes(*points: tuple[int, int, int, int], width: int = 3) -> np.ndarray:
    lines = np.zeros((SIZE, SIZE), np.uint8)
    for x1, y1, x2, y2 in points:
        cv2.line(lines, (x1, y1), (x2, y2), 1, width)
    return lines


ROOF = (100, 80, 300, 80)
LEFT, RIGHT = (100, 80, 80, 380), (300, 80, 320, 380)


def cut(lines: np.ndarray, row: int) -> np.ndarray:
    lines[row:] = 0
    return lines


@given(row=st.integers(200, 340), width=st.integers(1, 5), lean=st.integers(-60, 60))
@settings(max_examples=30, deadline=None)
def test_cut_lines_are_closed_along_their_direction(row: int, width: int, lean: int) -> None:
    left, right = (100, 80, 100 - lean, 380), (300, 80, 300 + lean // 2, 380)
    closed = continue_cut_off(cut(strokes(ROOF, left, right, width=width), row)[: row + SIZE // 10])
    _, pieces = cv2.connectedComponents(1 - closed, connectivity=4)
    assert pieces[150, 200] != pieces[20, 20]
    below = round(0.02 * SIZE)
    share = (row + below - 80) / 300
    middles = [
        round(start + (end - start) * share) for start, end in ((left[0], left[2]), (right[0], right[2]))
    ]
    assert pieces[row + below, middles[0] + 8] == pieces[150, 200] == pieces[row + below, middles[1] - 8]
    assert pieces[row + below, middles[0] - 8] == pieces[20, 20] == pieces[row + below, middles[1] + 8]


@pytest.mark.parametrize(
    "lines",
    [
        strokes(ROOF, LEFT, RIGHT, (80, 380, 320, 380)),  # closed
        cut(strokes(ROOF, LEFT, (300, 80, 310, 300)), 350),  # lines of different lengths
        strokes(ROOF, (100, 80, 100, 399), (300, 80, 300, 399)),  # off the canvas
        strokes((100, 80, 140, 300), (140, 300, 180, 80), (180, 80, 220, 300), (220, 300, 260, 80)),  # tips
        np.zeros((SIZE, SIZE), np.uint8),
    ],
)
def test_other_lines_are_left_alone(lines: np.ndarray) -> None:
    assert continue_cut_off(lines) is lines


def test_lines_that_end_far_from_the_edge_are_closed_there() -> None:
    closed = continue_cut_off(cut(strokes(ROOF, LEFT, RIGHT), 250))
    _, pieces = cv2.connectedComponents(1 - closed, connectivity=4)
    assert pieces[249, 200] != pieces[256, 200] == pieces[20, 20]


def test_things_side_by_side_are_closed_by_themselves() -> None:
    left, right = (
        strokes((60, 80, 160, 80), (60, 80, 60, 300), (160, 80, 160, 300)),
        strokes((240, 200, 340, 200), (240, 200, 240, 300), (340, 200, 340, 300)),
    )
    closed = continue_cut_off(left | right)
    _, pieces = cv2.connectedComponents(1 - closed, connectivity=4)
    assert pieces[290, 200] == pieces[20, 20]
    assert len({int(pieces[290, x]) for x in (110, 200, 290)}) == 3


def shown(left: int, right: int, row: int, size: int = SIZE) -> np.ndarray:
    """A figure of any size between two columns, down to a row."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[:row, left:right] = 255
    return cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("end", [302, 310, 330, 345])
@pytest.mark.parametrize("size", [SIZE // 2, SIZE])
def test_figure_that_is_known_is_closed_at_its_end(end: int, size: int) -> None:
    straight = strokes(ROOF, (100, 80, 100, 380), (300, 80, 300, 380))
    closed = continue_cut_off(cut(straight, 300), lambda: shown(100, 300, end, size))
    _, pieces = cv2.connectedComponents(1 - closed, connectivity=4)
    assert pieces[end - 3, 200] == pieces[150, 200] != pieces[20, 20] == pieces[end + 5, 200]
    assert pieces[end - 3, 90] == pieces[end - 3, 310] == pieces[20, 20]


@pytest.mark.parametrize("figure", [shown(100, 300, 399), shown(100, 300, 200), shown(0, 0, 0), None])
def test_figure_that_goes_on_far_or_is_elsewhere_changes_nothing(figure: np.ndarray | None) -> None:
    lines = cut(strokes(ROOF, LEFT, RIGHT), 300)
    assert (continue_cut_off(lines, lambda: figure) == continue_cut_off(lines)).all()


@pytest.mark.parametrize("row", [240, 270, 290])
@pytest.mark.parametrize("shift", [-4, 0, 4])
def test_figure_is_closed_along_its_outline(row: int, shift: int) -> None:
    disc, figure = np.zeros((SIZE, SIZE), np.uint8), np.zeros((SIZE, SIZE), np.uint8)
    cv2.circle(disc, (200, 200), 100, 1, 3)
    cv2.circle(figure, (200 + shift, 200), 100, 255, -1)
    closed = continue_cut_off(cut(disc | strokes((180, 100, 180, 290)), row), lambda: figure)
    _, pieces = cv2.connectedComponents(1 - closed, connectivity=4)
    left, right, paper = pieces[200, 140], pieces[200, 230], pieces[20, 20]
    assert len({int(left), int(right), int(paper)}) == 3
    inside = cv2.erode(figure, np.ones((9, 9), np.uint8)) > 0
    inside[:row] = inside[:, 176:185] = False
    for piece, side in ((left, np.s_[:, :180]), (right, np.s_[:, 180:])):
        assert (pieces[side][inside[side]] == piece).mean() > 0.97
    outside = cv2.dilate(figure, np.ones((9, 9), np.uint8)) == 0
    outside[:row] = False
    assert (pieces[outside] == paper).all()


def test_paper_between_legs_stays_open() -> None:
    legs = strokes(ROOF, (100, 80, 100, 380), (180, 80, 180, 380), (220, 80, 220, 380), (300, 80, 300, 380))
    cv2.line(legs, (180, 250), (220, 250), 1, 3)
    figure = shown(100, 300, 345)
    figure[250:, 180:220] = 0
    closed = continue_cut_off(cut(legs, 300), lambda: figure)
    _, pieces = cv2.connectedComponents(1 - closed, connectivity=4)
    assert pieces[320, 200] == pieces[20, 20]
    assert pieces[320, 140] == pieces[200, 140] != pieces[20, 20] != pieces[320, 260] == pieces[200, 260]


def test_what_ends_inside_of_the_figure_is_closed_soon() -> None:
    pocket = strokes((180, 250, 220, 250), (180, 250, 180, 380), (220, 250, 220, 380))
    lines = cut(strokes(ROOF, LEFT, RIGHT) | pocket, 350)
    _, pieces = cv2.connectedComponents(
        1 - continue_cut_off(lines, lambda: shown(80, 320, 390)), connectivity=4
    )
    assert pieces[380, 200] == pieces[150, 200] != pieces[340, 200] != pieces[20, 20] != pieces[380, 200]


def test_figure_is_only_looked_for_if_the_drawing_is_cut_off() -> None:
    def never() -> None:
        raise AssertionError

    whole = strokes(ROOF, LEFT, RIGHT, (80, 380, 320, 380))
    assert continue_cut_off(whole, never) is whole


@given(height=st.floats(0.8, 0.96), size=st.sampled_from([480, 640, 1400]))
@example(height=0.92578125, size=480)  # two strokes meet there
@settings(max_examples=12, deadline=None)
def test_figure_that_is_cut_off_holds_no_paper(height: float, size: int) -> None:
    drawing = draw(size, max(2, size // 240))
    lines = drawing.lines.copy()
    lines[round(height * size) :] = 0
    regions = find_regions(lines, gap=0)
    inside = (drawing.labels != PAPER) & (cv2.dilate(drawing.lines, np.ones((5, 5), np.uint8)) == 0)
    inside[round(height * size) :] = False
    outside = regions.labels[0, 0]
    assert (regions.labels[inside] == outside).mean() < 0.005

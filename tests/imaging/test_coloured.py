"""Coloured lines beside black ones: roughs are no ink, trace lines divide, and neither is taken for the other."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from colorizer.imaging.coloured import ColouredLines, what_coloured_are, where_coloured
from colorizer.imaging.lines import clean_lines, line_mask, read_lines
from colorizer.imaging.paper import find_paper
from drawn import blank, opaque
from hypothesis import given, settings
from hypothesis import strategies as st

BLACK = (20, 18, 22)


def drawing(colour: tuple[int, int, int], *, shift: int, trace: bool, size: int = 512) -> np.ndarray:
    """A head on a body in black, over a coloured rough (`shift` px away; 0: none) or with coloured trace lines."""
    colours = np.full((size, size, 3), 255, np.uint8)

    def figure(colour: tuple[int, int, int], at: int, width: int) -> None:
        cv2.ellipse(colours, (256 + at, 170 + at), (110, 130), 0, 0, 360, colour, width, cv2.LINE_AA)
        cv2.circle(colours, (215 + at, 160 - at), 16, colour, width, cv2.LINE_AA)
        cv2.circle(colours, (297 + at, 160 - at), 16, colour, width, cv2.LINE_AA)
        cv2.rectangle(colours, (140 - at, 300 + at), (370 - at, 480 + at), colour, width, cv2.LINE_AA)

    if shift:
        figure(colour, shift, 3)
    if trace:
        cv2.line(colours, (150, 200), (362, 230), colour, 3, cv2.LINE_AA)
        cv2.line(colours, (142, 400), (368, 380), colour, 3, cv2.LINE_AA)
    figure(BLACK, 0, 3)
    return opaque(colours)


def found(sketch: np.ndarray) -> ColouredLines | None:
    return what_coloured_are(sketch, find_paper(sketch), ColouredLines.AUTOMATIC)


@given(
    colour=st.sampled_from([(235, 90, 90), (150, 190, 255), (120, 210, 130), (255, 200, 90)]),
    shift=st.integers(4, 9),
)
@settings(max_examples=12, deadline=None)
def test_rough_below_inks_is_no_ink(colour: tuple[int, int, int], shift: int) -> None:
    sketch = drawing(colour, shift=shift, trace=False)
    ink, kind = read_lines(sketch)
    assert kind is ColouredLines.ROUGHS
    alone = line_mask(read_lines(drawing(colour, shift=0, trace=False))[0])
    extra = line_mask(ink) & (cv2.dilate(alone, np.ones((5, 5), np.uint8)) == 0)
    assert extra.sum() < 0.02 * alone.sum()


@given(
    colour=st.sampled_from([(190, 220, 255), (200, 255, 200), (255, 200, 210), (220, 40, 40), (60, 90, 230)])
)
@settings(max_examples=8, deadline=None)
def test_trace_lines_divide(colour: tuple[int, int, int]) -> None:
    ink, kind = read_lines(drawing(colour, shift=0, trace=True))
    assert kind is ColouredLines.TRACE_LINES
    assert line_mask(ink)[180:250, 256].any()


def test_coloured_strokes_that_end_in_nothing_are_borders() -> None:
    sketch = drawing(BLACK, shift=0, trace=False)
    colours = np.ascontiguousarray(sketch[..., :3])
    cv2.line(colours, (230, 230), (280, 235), (200, 40, 60), 3, cv2.LINE_AA)
    assert found(opaque(colours)) is ColouredLines.BORDERS


@pytest.mark.parametrize("ink", [BLACK, (60, 40, 30), (40, 60, 200)])
def test_one_pen_has_no_coloured_lines_beside_it(ink: tuple[int, int, int]) -> None:
    sketch = blank(256, 256)
    colours = np.ascontiguousarray(sketch[..., :3])
    cv2.circle(colours, (128, 128), 60, ink, 3, cv2.LINE_AA)
    assert found(opaque(colours)) is None


def test_what_is_told_counts() -> None:
    sketch = drawing((150, 190, 255), shift=6, trace=False)
    ink, kind = read_lines(sketch, ColouredLines.BORDERS)
    assert kind is ColouredLines.BORDERS
    rough = where_coloured(sketch, find_paper(sketch))
    assert line_mask(ink)[rough].mean() > 0.5


def test_trace_lines_leave_the_finished_picture() -> None:
    sketch = drawing((190, 220, 255), shift=0, trace=True)
    clean = clean_lines(sketch, "trace_lines")
    assert (clean[180:250, 256, :3].min(axis=1) > 240).all()
    assert (clean[300, 200:300, :3] < 60).all()
    assert clean_lines(sketch) is sketch

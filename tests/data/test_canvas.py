"""The double surface: what is painted is labelled, and frames nest."""

import random
from dataclasses import replace

import numpy as np
import pytest
from colorizer_lab.data.canvas import Canvas
from colorizer_lab.data.lines import draw_line_style, put_on_paper
from colorizer_lab.data.palette import Part
from colorizer_lab.data.shapes import box, limb, mirrored, oval

STYLE = replace(
    draw_line_style(random.Random(0)), see_through=False, edges_only=False, doubled=False,
    dashed=False, dropped=0, width=0.05, uneven=0, gray=0,
)  # fmt: skip


@pytest.fixture
def canvas():
    return Canvas(40, STYLE, seed=0)


def test_shape_labels_its_pixels(canvas):
    canvas.shape(box(0.25, 0.5, 0.75, 1), Part.HAT)
    drawing = canvas.finish()
    assert np.all(drawing.parts[20:, 10:30] == Part.HAT)
    assert np.all(drawing.instances[20:, 10:30] == 1)
    assert np.sum(drawing.parts == Part.HAT) == 20 * 20


def test_later_shape_covers_lines(canvas):
    canvas.shape(box(0.4, 0.4, 0.6, 0.6), Part.HAT)
    canvas.shape(box(0.1, 0.1, 0.9, 0.9), Part.TOP)
    assert np.all(canvas.finish().lines[10:30, 10:30] == 255)


def test_see_through_style_keeps_hidden_lines():
    canvas = Canvas(40, replace(STYLE, see_through=True), seed=0)
    canvas.shape(box(0.4, 0.4, 0.6, 0.6), Part.HAT)
    canvas.shape(box(0.1, 0.1, 0.9, 0.9), Part.TOP)
    assert canvas.finish().lines[16, 20] < 128


def test_line_width_does_not_depend_on_the_frame(canvas):
    other = Canvas(40, STYLE, seed=0)
    canvas.shape(box(0.25, 0.25, 0.75, 0.75), Part.HAT)
    with other.frame(0.5, 0.5, 0.1):
        other.shape(box(-2.5, -2.5, 2.5, 2.5), Part.HAT)
    assert np.array_equal(canvas.finish().lines, other.finish().lines)


def test_frame_is_left_again(canvas):
    with canvas.frame(0.5, 0.5, 0.1, 30), canvas.frame(1, 1, 2):
        pass
    canvas.shape(box(0, 0, 0.5, 0.5), Part.HAT, 0)
    assert np.all(canvas.finish().parts[:20, :20] == Part.HAT)


def test_inside_clips_labels_and_lines(canvas):
    with canvas.inside(box(0, 0, 0.5, 1)):
        canvas.shape(box(0.2, 0.2, 0.8, 0.8), Part.HAT)
    drawing = canvas.finish()
    assert not np.any(drawing.parts[:, 20:])
    assert np.all(drawing.lines[:, 20:] == 255)


def test_light_leaves_shade_inside_the_shape():
    canvas = Canvas(40, STYLE, seed=0, light=(0.1, 0.0))
    canvas.shape(box(0.2, 0.2, 0.8, 0.8), Part.HAT)
    drawing = canvas.finish()
    assert np.all(drawing.shade[10:30, 9:11] == 1)
    assert np.all(drawing.shade[10:30, 14:] == 0)
    assert np.all(drawing.parts[drawing.shade == 1] == Part.HAT)


def test_paper_keeps_type_and_size():
    lines = np.full((33, 33), 255, np.uint8)
    for seed in range(30):
        paper = put_on_paper(lines, random.Random(seed))
        assert paper.dtype == np.uint8
        assert paper.shape == lines.shape


def test_limb_is_as_wide_as_asked():
    bounds = limb(((0, 0), (0, 1), (0, 2)), (0.5, 0.5, 0.5)).computeTightBounds()
    assert bounds.width() == pytest.approx(1, abs=0.05)


def test_mirrored_flips_one_side_only():
    points = [(1, 2), (3, 4)]
    assert mirrored(points, 1) == points
    assert mirrored(points, -1) == [(-1, 2), (-3, 4)]


def test_oval_is_centred():
    assert oval(2, 3, 1, 0.5).getBounds().centerX() == pytest.approx(2)

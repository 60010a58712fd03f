"""Paper is what is painted broadly: of any tone and opacity, dark or light, all over the canvas or on a part of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from colorizer.imaging.lines import clean_lines, find_ink, line_mask
from colorizer.imaging.paper import find_paper, has_dark_paper
from documents import draw, laid_over
from documents import on_nothing as on_transparency
from drawn import blank, box_sketch, opaque
from hypothesis import given, settings
from hypothesis import strategies as st


def on_nothing(colour: tuple[int, int, int] = (0, 0, 0), size: int = 256) -> np.ndarray:
    sketch = np.zeros((size, size, 4), np.uint8)
    sketch[..., :3] = colour
    sketch[..., 3] = 255 - box_sketch(size)[..., 0]
    return sketch


@given(alpha=st.integers(16, 255), tone=st.integers(150, 255))
@settings(max_examples=25, deadline=None)
def test_paper_of_any_opacity_and_tone(alpha: int, tone: int) -> None:
    sketch = np.minimum(box_sketch(256), tone)
    sketch[..., 3] = alpha
    paper = find_paper(sketch)
    assert paper.is_painted
    assert not paper.is_dark
    assert np.abs(paper.colours.astype(int) - tone).max() <= 2


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (190, 220, 255), (200, 30, 30)])
def test_lines_on_nothing_have_no_paper(colour: tuple[int, int, int]) -> None:
    assert not find_paper(on_nothing(colour)).is_painted


@given(size=st.integers(1, 80), tone=st.integers(0, 255))
@settings(max_examples=25, deadline=None)
def test_an_opaque_layer_has_paper_whatever_is_on_it(size: int, tone: int) -> None:
    sketch = np.full((size, size + 3, 4), tone, np.uint8)
    sketch[..., 3] = 255
    assert find_paper(sketch).is_painted


def test_filled_hair_on_nothing_is_no_paper() -> None:
    sketch = on_nothing()
    sketch[64:128, 64:192] = (10, 10, 10, 255)
    assert not find_paper(sketch).is_painted


def test_a_few_white_highlights_are_no_paper() -> None:
    sketch = on_nothing()
    cv2.circle(sketch, (100, 100), 8, (255, 255, 255, 255), -1)
    assert not find_paper(sketch).is_painted


@pytest.mark.parametrize("cut", ["hole", "pixel", "half", "figure"])
def test_paper_on_a_part_of_the_canvas(cut: str) -> None:
    sketch = box_sketch(256)
    if cut == "hole":
        sketch[20:50, 20:50] = 0
    elif cut == "pixel":
        sketch[3, 3, 3] = 0
    elif cut == "half":
        sketch[:, :130] = 0
    else:
        sketch[:62] = sketch[195:] = sketch[:, :62] = sketch[:, 195:] = 0
    assert find_paper(sketch).is_painted


@pytest.mark.parametrize(
    ("ground", "line", "dark"),
    [
        ((20, 24, 30), 250, True),
        ((40, 80, 150), 240, True),
        ((150, 140, 130), 20, False),
        ((140, 140, 140), 250, True),
    ],
)
def test_dark_paper_by_the_lines_on_it(ground: tuple[int, int, int], line: int, *, dark: bool) -> None:
    sketch = blank(256, 256, ground)
    sketch[box_sketch(256)[..., 0] == 0, :3] = line
    assert has_dark_paper(sketch) is dark


def test_black_fills_make_no_dark_paper() -> None:
    sketch = box_sketch(256)
    sketch[50:206, 10:246, :3] = 0
    assert not has_dark_paper(sketch)


@pytest.mark.parametrize("tone", [235, 250])
@pytest.mark.parametrize(("size", "width"), [(440, 3), (512, 2), (640, 3), (1024, 4)])
def test_outline_at_the_edge_of_paper_that_is_not_white_stays(size: int, width: int, tone: int) -> None:
    drawing = draw(size, width)
    paper = np.full((size, size, 4), tone, np.uint8)
    paper[..., 3] = np.where(drawing.labels > 0, 255, 0)
    ink = find_ink(laid_over(paper, on_transparency(drawing.lines)))
    assert (ink[drawing.lines > 200] > 90).mean() > 0.98


def test_clean_paper_left_alone() -> None:
    sketch = box_sketch(256)
    assert clean_lines(sketch) is sketch


@pytest.mark.parametrize("line", [20, 90])
def test_uneven_light_made_white(line: int) -> None:
    light = np.linspace(110, 240, 256)[None] * np.linspace(0.8, 1, 256)[:, None]
    grey = np.where(box_sketch(256)[..., 0] == 0, light * line / 255, light)
    noise = np.random.default_rng(0).normal(0, 2, grey.shape)
    level = clean_lines(opaque(np.clip(grey + noise, 0, 255).astype(np.uint8)))[..., 0]
    paper = cv2.dilate(255 - box_sketch(256)[..., 0], np.ones((5, 5), np.uint8)) == 0
    assert np.mean(level[paper]) > 252
    assert np.percentile(level[box_sketch(256)[..., 0] == 0], 90) < line + 60


def test_cream_tints_nothing() -> None:
    sketch = (box_sketch(256) * np.array([0.97, 0.93, 0.8, 1])).astype(np.uint8)
    level = clean_lines(sketch)
    assert (level[5, 5] == 255).all()
    assert (level[..., 3] == 255).all()


def photo(drawn: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Of what is drawn (255 = nothing) by this light, both (H, W)."""
    noise = np.random.default_rng(1).normal(0, 3, drawn.shape)
    return opaque(np.clip(drawn * light + noise, 0, 255).astype(np.uint8))


@given(depth=st.floats(0.2, 0.8), softness=st.floats(1, 24), place=st.tuples(*[st.integers(100, 412)] * 2))
@settings(max_examples=20, deadline=None)
def test_shadow_is_paper(depth: float, softness: float, place: tuple[int, int]) -> None:
    shadow = np.zeros((512, 512), np.float32)
    cv2.circle(shadow, place, 110, 1, -1)
    sketch = photo(box_sketch(512)[..., 0], 0.95 * (1 - depth * cv2.GaussianBlur(shadow, (0, 0), softness)))
    lines = box_sketch(512)[..., 0] == 0
    off_lines = cv2.dilate(lines.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    found = line_mask(find_ink(sketch)) > 0
    assert found[lines].mean() > 0.98
    assert found[off_lines].mean() < 0.01
    assert np.percentile(clean_lines(sketch)[..., 0][off_lines], 2) > 215


@pytest.mark.parametrize("tone", [10, 30, 60])
def test_black_fill_in_a_photo_stays_dark(tone: int) -> None:
    drawn = box_sketch(512)[..., 0].copy()
    cv2.circle(drawn, (256, 256), 80, tone, -1)
    sketch = photo(drawn, np.linspace(0.7, 0.95, 512)[None])
    assert np.percentile(clean_lines(sketch)[200:300, 200:300, 0], 99) < 160

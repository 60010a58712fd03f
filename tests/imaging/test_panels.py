"""Panels are found on pages of many kinds, in reading order, and none on single pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from colorizer.imaging.lines import find_ink
from colorizer.imaging.panels import Panels, find_panels
from colorizer_lab.data.drawing import triplet
from documents import turned
from drawn import opaque
from drawn_pages import Page, Style, doll, draw_page
from hypothesis import given, settings
from hypothesis import strategies as st

STYLES = {
    "plain": Style(),
    "slanted": Style(slant=0.2),
    "thin": Style(gutter=0.012, frame=0.002),
    "wide": Style(gutter=0.06),
    "gaps": Style(gaps=3),
    "a side missing": Style(missing_sides=1),
    "bleeding": Style(margin=0),
    "sticking out": Style(sticking_out=True),
}


def panels_of(sketch: np.ndarray) -> Panels | None:
    return find_panels(sketch, find_ink(sketch))


def overlap(found: Panels, page: Page) -> list[float]:
    """Of each drawn panel, intersection over union with the found one that is most like it."""
    height, width = page.lines.shape
    masks = [found.mask(number, width, height) > 0 for number in range(1, found.count + 1)]
    return [
        max((mask & (true > 0)).sum() / (mask | (true > 0)).sum() for mask in masks) for true in page.panels
    ]


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("seed", range(3))
def test_every_panel_found(name: str, seed: int) -> None:
    width, height = [(768, 768), (640, 900), (1000, 700)][seed]
    page = draw_page(seed, width, height, panels=2 + seed, style=STYLES[name])
    found = panels_of(page.sketch(transparent=seed == 1))
    assert found is not None
    assert found.count == len(page.panels)
    assert min(overlap(found, page)) > 0.9


@given(seed=st.integers(0, 10_000), panels=st.integers(2, 7), slant=st.floats(0, 0.15))
@settings(max_examples=15, deadline=None)
def test_closed_frames_are_found_whatever_the_layout(seed: int, panels: int, slant: float) -> None:
    page = draw_page(seed, 800, 1000, panels=panels, style=Style(slant=slant))
    found = panels_of(page.sketch())
    assert found is not None
    assert found.count == panels


def test_panels_are_read_by_rows_from_the_left() -> None:
    grey = np.full((600, 600), 255, np.uint8)
    boxes = [(20, 20, 200, 280), (220, 24, 580, 270), (20, 300, 330, 580), (350, 290, 580, 580)]
    for left, top, right, bottom in boxes:
        cv2.rectangle(grey, (left, top), (right, bottom), 0, 3)
    found = panels_of(opaque(grey))
    assert found is not None
    numbers = [found.labels[(top + bottom) // 2, (left + right) // 2] for left, top, right, bottom in boxes]
    assert numbers == [1, 2, 3, 4]


def test_toned_panels_need_no_frames() -> None:
    grey = np.full((600, 600), 255, np.uint8)
    grey[20:290, 20:580] = grey[310:580, 20:280] = grey[310:580, 300:580] = 200
    cv2.circle(grey, (300, 150), 80, 0, 3)
    cv2.circle(grey, (150, 440), 80, 0, 3)
    found = panels_of(opaque(grey))
    assert found is not None
    assert found.count == 3


@pytest.mark.parametrize("angle", [3, -14, 38])
@pytest.mark.parametrize("darkest", [0.5, 0.75])
def test_uneven_light_on_a_turned_sheet_makes_no_panels(angle: float, darkest: float) -> None:
    size = 640
    sheet = opaque(255 - doll(size, 3)[1])
    light = np.linspace(darkest, 1, size)[:, None, None]
    sheet[..., :3] = (sheet[..., :3] * light).astype(np.uint8)
    assert panels_of(turned(sheet, angle, smooth=True)) is None


def test_what_sticks_out_belongs_to_its_panel() -> None:
    page = draw_page(1, 768, 768, panels=2, style=Style(sticking_out=True, bubbles=False, missing_sides=1))
    found = panels_of(page.sketch())
    assert found is not None
    figure = (page.labels > 0) & (page.labels < 255)
    outside = figure & (page.panels[0] == 0) & (page.panels[1] == 0) & (page.lines < 128)
    assert outside.sum() > 100
    assert found.mask(1, 768, 768)[outside].mean() > 0.9 * 255


@pytest.mark.parametrize("seed", range(12))
def test_single_drawing_has_no_panels(seed: int) -> None:
    assert panels_of(opaque(triplet(seed, 384).sketch)) is None


def framed(lines: np.ndarray) -> np.ndarray:
    framed = np.pad(lines, 30)
    cv2.rectangle(framed, (12, 12), (framed.shape[1] - 13, framed.shape[0] - 13), 255, 3)
    return framed


def beside_a_window(lines: np.ndarray) -> np.ndarray:
    wide = np.pad(lines, ((0, 0), (0, 300)))
    cv2.rectangle(wide, (lines.shape[1] + 20, 40), (lines.shape[1] + 280, 360), 255, 3)
    cv2.line(wide, (lines.shape[1] + 150, 40), (lines.shape[1] + 150, 360), 255, 3)
    cv2.line(wide, (lines.shape[1] + 20, 200), (lines.shape[1] + 280, 200), 255, 3)
    return wide


def on_a_table(lines: np.ndarray) -> np.ndarray:
    low = np.pad(lines, ((0, 120), (60, 60)))
    cv2.rectangle(low, (10, lines.shape[0]), (low.shape[1] - 10, lines.shape[0] + 30), 255, 3)
    cv2.rectangle(low, (30, lines.shape[0] + 30), (60, low.shape[0] - 5), 255, 3)
    cv2.rectangle(
        low, (low.shape[1] - 60, lines.shape[0] + 30), (low.shape[1] - 30, low.shape[0] - 5), 255, 3
    )
    return low


def by_a_wall(lines: np.ndarray) -> np.ndarray:
    wide = np.pad(lines, ((0, 0), (100, 0)))
    cv2.line(wide, (80, 0), (80, wide.shape[0]), 255, 3)
    cv2.line(wide, (0, wide.shape[0] - 60), (wide.shape[1], wide.shape[0] - 60), 255, 3)
    return wide


def two_figures(lines: np.ndarray) -> np.ndarray:
    return np.hstack([lines, lines])


@pytest.mark.parametrize("scene", [framed, beside_a_window, on_a_table, by_a_wall, two_figures])
@pytest.mark.parametrize("size", [300, 520])
def test_rectangles_in_a_picture_are_no_panels(scene: object, size: int) -> None:
    lines = scene(doll(size, 3)[1])  # type: ignore[operator]
    assert panels_of(opaque(255 - lines)) is None

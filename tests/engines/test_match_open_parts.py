"""Regions are divided along borders of a reference in the same pose that broken lines follow, and along no others."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from colorizer.engines.match.open_parts import divide_open_parts
from colorizer.engines.match.registration import Overlay
from colorizer.imaging.regions import Regions
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

SIDE = 240
BODY, PANEL, PAPER = (200, 60, 40), (240, 220, 120), (255, 255, 255)
Picture = NDArray[np.uint8]


def robot(panel: tuple[int, int, int] = PANEL) -> Picture:
    """A body (H, W, 3) with a panel in it."""
    colours = np.full((SIDE, SIDE, 3), PAPER, np.uint8)
    cv2.rectangle(colours, (30, 40), (210, 200), BODY, -1)
    cv2.rectangle(colours, (80, 90), (160, 140), panel, -1)
    return colours


def outlines(panel: float, seed: int = 0) -> NDArray[np.bool_]:
    """The lines of the body, and a share of those of the panel."""
    lines, inner = np.zeros((SIDE, SIDE), np.uint8), np.zeros((SIDE, SIDE), np.uint8)
    cv2.rectangle(lines, (30, 40), (210, 200), 1, 3)
    cv2.rectangle(inner, (80, 90), (160, 140), 1, 3)
    kept = np.random.default_rng(seed).random((SIDE // 12, SIDE // 12)) < panel
    return (lines | inner & np.kron(kept, np.ones((12, 12), np.uint8)).astype(np.uint8)) > 0


def body_and_paper() -> Regions:
    """The regions found from lines whose panel is open: the paper and the body."""
    labels = np.zeros((SIDE, SIDE), np.int32)
    labels[40:201, 30:211] = 1
    return Regions(labels, labels, 2)


def laid(colours: Picture, lines: NDArray[np.bool_], shift: int = 0) -> Overlay:
    everywhere = np.ones(lines.shape, bool)
    return Overlay(np.roll(colours, shift, axis=(0, 1)), everywhere, everywhere, lines, 0.9)


@given(kept=st.floats(0.7, 1), seed=st.integers(0, 50), shift=st.integers(-1, 1))
def test_open_part_is_divided_along_the_lines(kept: float, seed: int, shift: int) -> None:
    lines = outlines(kept, seed)
    regions = divide_open_parts(body_and_paper(), laid(robot(), lines, shift))
    assert regions.count == 3
    panel = np.zeros((SIDE, SIDE), bool)
    panel[90:141, 80:161] = True
    off_lines = cv2.dilate(outlines(1).view(np.uint8), np.ones((3, 3), np.uint8)) == 0
    assert ((regions.labels == 2) == panel)[off_lines].all()
    assert ((regions.labels == 0) == (body_and_paper().labels == 0)).all()


@pytest.mark.parametrize("panel", [(216, 90, 64), (206, 66, 44)], ids=["in light", "hardly lighter"])
def test_border_without_lines_divides_nothing(panel: tuple[int, int, int]) -> None:
    regions = body_and_paper()
    assert divide_open_parts(regions, laid(robot(panel), outlines(0))) is regions


def test_lines_of_the_region_itself_show_no_part() -> None:
    """Like glasses as wide as the face, which the sketch doesn't show."""
    colours, regions = robot(BODY), body_and_paper()
    cv2.rectangle(colours, (33, 100), (207, 197), PANEL, -1)
    assert divide_open_parts(regions, laid(colours, outlines(0))) is regions


def test_solid_black_follows_no_outline() -> None:
    """Like a pupil that touches where the reference has the eye's lid, in an eye that is wide open in the sketch."""
    colours, lines = robot(BODY), outlines(0).view(np.uint8)
    cv2.rectangle(colours, (75, 40), (165, 110), PANEL, -1)
    cv2.circle(lines, (120, 110), 50, 1, -1)
    regions = body_and_paper()
    assert divide_open_parts(regions, laid(colours, lines > 0)) is regions


def test_part_of_nearly_the_same_colour_stays() -> None:
    regions = body_and_paper()
    assert divide_open_parts(regions, laid(robot((206, 66, 44)), outlines(0.8))) is regions


def test_closed_parts_stay_as_they_are() -> None:
    labels = body_and_paper().labels.copy()
    labels[90:141, 80:161] = 2
    regions = Regions(labels, labels, 3)
    assert divide_open_parts(regions, laid(robot(), outlines(1))) is regions


def test_several_open_parts_of_one_region_are_separate() -> None:
    colours, lines = robot(), outlines(1)
    cv2.circle(colours, (60, 170), 14, (40, 90, 220), -1)
    circle = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(circle, (60, 170), (14, 14), 0, 30, 300, 1, 3)
    regions = divide_open_parts(body_and_paper(), laid(colours, lines | (circle > 0)))
    assert regions.count == 4
    assert len({int(regions.labels[115, 120]), int(regions.labels[170, 60]), 1, 0}) == 4


def test_parts_that_fill_a_region_leave_none_empty() -> None:
    """The most frequent colour is only between the parts, on both sides of the lines."""
    colours, lines = np.full((SIDE, SIDE, 3), BODY, np.uint8), np.zeros((SIDE, SIDE), bool)
    parts = (PANEL, (40, 90, 220), (60, 160, 70), (150, 60, 170))
    for number, left in enumerate(range(0, SIDE, 11)):
        colours[:, left : left + 7] = parts[number % len(parts)]
        lines[:, left + 8 : left + 10] = True
    labels = np.zeros((SIDE, SIDE), np.int32)
    regions = divide_open_parts(Regions(labels, labels, 1), laid(colours, lines))
    assert regions.count > len(parts)
    assert (np.bincount(regions.labels.ravel(), minlength=regions.count) > 0).all()


@pytest.mark.parametrize("at_edge", [False, True], ids=["closed", "paper"])
def test_parts_below_the_lowest_line_are_divided_in_closed_regions(*, at_edge: bool) -> None:
    lines = outlines(0)
    lines[120:] = False
    colours = robot(BODY)
    cv2.rectangle(colours, (80, 150), (160, 190), PANEL, -1)
    labels = np.zeros((SIDE, SIDE), np.int32)
    labels[40 : SIDE if at_edge else 201, 30:211] = 1
    regions = divide_open_parts(Regions(labels, labels, 2), laid(colours, lines))
    assert regions.count == (2 if at_edge else 3)
    assert at_edge or (regions.labels[150:191, 80:161] == 2).mean() > 0.9

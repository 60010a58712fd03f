"""Basins between lines: which ones are one area, and where they grow."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from colorizer.imaging.basins import Basins, nearest
from colorizer.imaging.lines import find_ink
from colorizer.imaging.regions import find_regions
from drawn import opaque
from hypothesis import given, settings
from hypothesis import strategies as st


def lowered(lines: np.ndarray, radii: tuple[float, ...]) -> np.ndarray:
    """Labels after the water went down to each radius."""
    basins = Basins(cv2.distanceTransform(1 - lines, cv2.DIST_L2, 3))
    for radius in radii:
        basins.lower(radius)
    return basins.labels


def on_paper(lines: np.ndarray) -> np.ndarray:
    return opaque(255 - lines)


def rooms() -> np.ndarray:
    """A wide room, a middle one behind a narrow door, and a closet open to the middle one."""
    lines = np.ones((60, 200), np.uint8)
    lines[2:58, 2:100] = 0
    lines[15:45, 104:144] = 0
    lines[27:33, 100:104] = 0  # the door
    lines[25:35, 148:160] = 0
    lines[26:34, 144:148] = 0  # the closet's opening, nearly as wide as the closet
    return lines


def test_a_narrow_place_belongs_to_what_is_behind_its_widest_neck() -> None:
    labels = lowered(rooms(), (12, 4.6, 2.5, 0))
    wide, middle, closet = labels[30, 50], labels[30, 124], labels[30, 155]
    assert wide != middle
    assert closet == middle


def test_an_area_grows_along_its_own_pool_never_across_a_line() -> None:
    lines = np.ones((60, 200), np.uint8)
    lines[2:58, 2:60] = 0  # a room,
    lines[50:54, 60:196] = 0  # a dead end of it,
    lines[2:49, 64:196] = 0  # another room that a wall of one pixel divides from the dead end,
    lines[10:12, 60:64] = 0  # and a door between the rooms
    labels = lowered(lines, (20, 10, 4, 0))
    room, other = labels[30, 30], labels[20, 130]
    assert room != other
    assert set(np.unique(labels[50:54, 62:196])) == {room}


def test_undecided_pixels_take_the_nearest_label() -> None:
    labels = np.array([[1, 0, 0, 0, 2]], np.int32)
    assert nearest(labels).tolist() in ([[1, 1, 1, 2, 2]], [[1, 1, 2, 2, 2]])
    assert nearest(np.zeros((2, 2), np.int32)).tolist() == [[1, 1], [1, 1]]


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), step=st.integers(9, 16), thick=st.integers(1, 2))
def test_a_pattern_never_becomes_paper_though_its_outline_is_open(seed: int, step: int, thick: int) -> None:
    random = np.random.default_rng(seed)
    lines = np.zeros((400, 400), np.uint8)
    cv2.ellipse(lines, (200, 200), (150, 110), float(random.uniform(0, 180)), 0, 360, 255, 4)
    inside = lines.copy()
    cv2.floodFill(inside, None, (200, 200), 128)
    shape = cv2.erode((inside == 128).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    end = np.argwhere(lines[:, 200] > 0)[0, 0]
    lines[max(0, end - 4) : end + 8, 197:203] = 0
    dashes = np.zeros_like(lines)
    for y in range(120, 280, step):
        for x in range(100, 300, step):
            if random.uniform() < 0.7:
                cv2.rectangle(dashes, (x, y), (x + step - 4, y + step - 4), 255, thick)
    lines[shape & (dashes > 0)] = 255
    labels = find_regions(find_ink(on_paper(lines))).labels
    assert (labels[shape] != labels[2, 2]).mean() > 0.99


@pytest.mark.parametrize("gap", [0.0, 0.02])
def test_a_room_stays_a_room_without_gaps_to_close(gap: float) -> None:
    lines = np.zeros((200, 200), np.uint8)
    cv2.rectangle(lines, (40, 40), (160, 160), 255, 3)
    labels = find_regions(find_ink(on_paper(lines)), gap=gap).labels
    assert labels[100, 100] != labels[5, 5]

"""Pages are cut along gutters into convex polygons, bridged and slanted ones too."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from colorizer.imaging.gutters import find_polygons


def page(slant: int = 0) -> np.ndarray:
    """Two framed panels beside each other, their gutter leaning `slant` px."""
    drawn = np.zeros((400, 600), np.uint8)
    left = np.array([(20, 20), (290 + slant, 20), (290 - slant, 380), (20, 380)])
    right = np.array([(310 + slant, 20), (580, 20), (580, 380), (310 - slant, 380)])
    cv2.polylines(drawn, [left, right], isClosed=True, color=1, thickness=3)
    return drawn


@pytest.mark.parametrize("slant", [0, 17, -60])
def test_two_panels(slant: int) -> None:
    polygons = find_polygons(page(slant))
    assert polygons is not None
    assert len(polygons) == 2
    areas = [cv2.contourArea(polygon.astype(np.float32)) for polygon in polygons]
    assert areas == pytest.approx([270 * 360, 270 * 360], rel=0.05)


def test_something_may_bridge_a_gutter() -> None:
    drawn = page()
    cv2.circle(drawn, (300, 200), 40, 1, 3)
    polygons = find_polygons(drawn)
    assert polygons is not None
    assert len(polygons) == 2


def test_missing_side_is_drawn_between_the_ends_of_its_neighbours() -> None:
    drawn = page()
    drawn[30:370, 280:300] = 0
    polygons = find_polygons(drawn)
    assert polygons is not None
    left = min(polygons, key=lambda polygon: polygon[:, 0].min())
    assert left[:, 0].max() == pytest.approx(290, abs=8)


def test_line_that_only_divides_a_panel_is_no_gutter() -> None:
    drawn = np.zeros((400, 600), np.uint8)
    cv2.rectangle(drawn, (20, 20), (580, 380), 1, 3)
    cv2.line(drawn, (290, 20), (290, 380), 1, 3)
    cv2.line(drawn, (310, 20), (310, 380), 1, 3)
    assert find_polygons(drawn) is None


def test_blank_page_has_none() -> None:
    assert find_polygons(np.zeros((300, 300), np.uint8)) is None


@pytest.mark.parametrize("margin", [0, 1, 2, 3, 4])
def test_frame_close_to_the_page_edge(margin: int) -> None:
    polygons = find_polygons(np.ascontiguousarray(page()[:, 19 - margin :]))
    assert polygons is not None
    assert len(polygons) == 2

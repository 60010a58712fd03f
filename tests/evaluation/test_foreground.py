"""A flood from the border finds closed boxes, and what is painted on transparency."""

from __future__ import annotations

import numpy as np
import pytest
from colorizer_lab.evaluation.foreground import flood
from colorizer_lab.evaluation.masks import iou
from drawn import blank, box_mask, box_reference, box_sketch


@pytest.mark.parametrize("picture", [box_sketch(128), box_reference(128)])
def test_flood_finds_a_closed_box(picture: np.ndarray) -> None:
    assert iou(flood(picture), box_mask()) > 0.85


def test_flood_knows_transparency() -> None:
    picture = box_reference(128)
    picture[box_mask() == 0] = 0
    assert iou(flood(picture), box_mask()) == 1


def test_flood_of_an_even_picture_finds_nothing() -> None:
    assert not flood(blank(32, 32)).any()

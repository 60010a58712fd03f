"""Close-ups: which half of a figure they show, and for which regions they count."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from colorizer.engines.match.evidence import Evidence, MatchedSide
from colorizer.engines.match.multi_scale import ScaleView, close_up_counts, close_ups
from colorizer.engines.match.network import Correspondence
from colorizer.engines.match.network_input import Window, box
from colorizer.engines.match.readout import region_cells
from colorizer.imaging.regions import Regions


def answer(logits: torch.Tensor) -> Correspondence:
    """Of two by two queries on as many keys."""
    parts = torch.zeros(1, 1, 2, 2)
    return Correspondence(logits, torch.zeros(1, 4, 3), parts, parts)


def figure(width: int, height: int) -> np.ndarray:
    mask = np.zeros((400, 400), np.uint8)
    mask[50 : 50 + height, 40 : 40 + width] = 255
    return mask


@pytest.mark.parametrize(("width", "height"), [(100, 300), (300, 100), (200, 200)])
def test_close_ups_cover_the_figure(width: int, height: int) -> None:
    mask = figure(width, height)
    seen = np.zeros_like(mask)
    for window in close_ups(box(mask), mask):
        seen[max(0, window.y) : window.y + window.side, max(0, window.x) : window.x + window.side] = 255
    assert (seen[mask > 0] > 0).mean() > (0.99 if width != height else 0.6)


def test_close_ups_follow_the_longer_side() -> None:
    upright, lying = (close_ups(box(mask), mask) for mask in (figure(100, 300), figure(300, 100)))
    assert upright[0].x == upright[1].x
    assert upright[0].y < upright[1].y
    assert lying[0].y == lying[1].y
    assert lying[0].x < lying[1].x


def test_small_regions_inside_count_most() -> None:
    labels = np.zeros((100, 100), np.int32)
    labels[10:20, 10:20] = 1  # small and inside
    labels[30:80, 0:50] = 2  # large and inside
    labels[85:95, 10:20] = 3  # small and outside
    labels[40:50, 55:65] = 4  # small, half of it inside
    regions, window = Regions(labels, labels, 5), Window(0, 0, 60)
    counts = close_up_counts(region_cells(regions, window, 30), regions, window)
    assert counts[1] == pytest.approx(0.77, abs=0.05)
    assert counts[2] < 0.1
    assert counts[3] == 0
    assert 0 < counts[4] < counts[1] / 2


def test_a_region_that_close_ups_leave_out_is_no_less_sure() -> None:
    one_answer = [[answer(logits=torch.full((1, 4, 5), 3.0))]]
    cells = np.full((1, 2, 4), 0.5, np.float32)
    keys = np.ones(4, bool)
    full = ScaleView(one_answer, cells, [np.arange(4)], keys, keys)
    near = ScaleView(one_answer, cells, [np.arange(4)], keys, keys, np.array([0, 0.5], np.float32))
    evidence = Evidence(
        [full, near], regions=None, warped=[], sizes=np.ones(2), sources=[], is_foreground=np.ones(2, bool)
    )  # type: ignore[arg-type]
    attention, colours = evidence.attention(MatchedSide(np.zeros((1, 3), np.uint8), None))
    assert attention.shape == (2, 8)
    assert len(colours) == 8
    assert attention.sum(1).tolist() == pytest.approx([0.8, 0.8])
    assert evidence.shared_keys == 4

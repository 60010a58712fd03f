"""Pooled attention: who may be read, how a region's vote is counted, and what confidence means."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from colorizer.engines.match import readout
from colorizer.engines.match.network_input import Window, square, whole, windows
from colorizer.imaging.lines import find_ink
from colorizer.imaging.regions import Regions, find_regions
from drawn import box_sketch
from hypothesis import given
from hypothesis import strategies as st

PALETTE = np.array([(200, 30, 40), (40, 160, 60)], np.uint8)
RED, BLUE = (200, 30, 40), (30, 60, 190)
KEYS = torch.tensor([[200, 30, 40], [205, 35, 40], [40, 160, 60]]) / 255


@pytest.fixture
def regions() -> Regions:
    return find_regions(find_ink(box_sketch()))


def test_cells_add_up(regions: Regions) -> None:
    cells = readout.region_cells(regions, whole(128, 128), 16)
    assert cells.sum(axis=0) == pytest.approx(np.ones(256))
    assert cells.sum(axis=1) / 256 == pytest.approx(regions.areas(), abs=0.02)


def test_cells_outside_the_canvas_are_empty(regions: Regions) -> None:
    cells = readout.region_cells(regions, Window(-64, 0, 256), 16).sum(axis=0).reshape(16, 16)
    assert not cells[:, :4].any()
    assert not cells[8:].any()
    assert cells[:8, 4:12] == pytest.approx(np.ones((8, 8)))


def test_missed_regions_entered() -> None:
    labels = np.zeros((64, 64), np.int32)
    labels[40:42, 10:12] = 1
    regions = Regions(labels, labels, 2)
    cells = readout.region_cells(regions, whole(64, 64), 2)[None]
    cells[:, 1] = 0
    readout.add_missed(cells, regions, [whole(64, 64)])
    assert cells[0, 1].tolist() == [0, 0, 1, 0]


def test_weights_sum_to_one(regions: Regions) -> None:
    cells = np.stack(
        [readout.region_cells(regions, window, 8) for window in (whole(128, 128), Window(0, 0, 64))]
    )
    assert readout.weigh(cells).sum(axis=(0, 2)) == pytest.approx(np.ones(regions.count), abs=1e-5)


def test_forbidden_keys_get_nothing() -> None:
    view = readout.View(torch.ones(1, 1), torch.tensor([[9.0, 0.0, 0.0]]), torch.tensor([-50.0]))
    attention = readout.pool([view], torch.tensor([False, True, True]))
    assert attention.tolist() == [[0, pytest.approx(0.5), pytest.approx(0.5)]]


def test_null_takes_its_share() -> None:
    view = readout.View(torch.ones(1, 1), torch.zeros(1, 3), torch.zeros(1))
    assert readout.pool([view], torch.ones(3, dtype=torch.bool)).sum() == pytest.approx(0.75)


def test_alike_keys_vote_together() -> None:
    attention = torch.tensor([[0.3, 0.3, 0.4]])
    found = readout.colour(attention, KEYS, PALETTE, lock=True)
    assert found.colours.tolist() == [[200, 30, 40]]


def test_the_middle_tone_of_a_shaded_part_wins() -> None:
    tones = np.array([(130, 30, 30), (160, 40, 40), (190, 55, 50), (40, 160, 60)], np.uint8)
    attention = torch.tensor([[0.35, 0.25, 0.3, 0.1]])
    found = readout.colour(attention, torch.from_numpy(tones / np.float32(255)), tones, lock=True)
    assert found.colours.tolist() == [[160, 40, 40]]


def test_another_colour_does_not_win_by_what_it_looks_like() -> None:
    palette = np.array([RED, BLUE, (120, 40, 120)], np.uint8)
    attention = torch.tensor([[0.45, 0.4, 0.15]])
    found = readout.colour(attention, torch.from_numpy(palette / np.float32(255)), palette, lock=True)
    assert found.colours.tolist() == [list(RED)]


def test_more_votes_and_a_wider_lead_are_surer() -> None:
    cast = np.array([[0.9, 0.1], [0.6, 0.1], [0.6, 0.4], [0.3, 0.3], [0, 0]], np.float32)
    sure = readout.sureness(cast, cast.argmax(1), np.array([RED, BLUE], np.uint8))
    assert (np.diff(sure) < 0).all()
    assert 0 <= sure[-1] < 0.1 < 0.85 < sure[0] <= 1


def test_nearly_the_same_colour_is_no_rival() -> None:
    cast = np.array([[0.5, 0.45]], np.float32)
    palettes = ([RED, (202, 33, 40)], [RED, BLUE])
    alike, unlike = (readout.sureness(cast, cast.argmax(1), np.array(p, np.uint8)) for p in palettes)
    assert alike > unlike + 0.1


def test_colour_of_bold_outlines_is_not_taken_for_large_parts() -> None:
    palette = np.array([(0, 0, 0), (250, 230, 60), (40, 160, 60)], np.uint8)
    anywhere = np.repeat([0, 1, 2], [300, 500, 200])
    # Half of the outline lies between the figure and what is around it.
    areas = np.where(anywhere == 0, np.arange(1000) % 2 * 2 - 1, anywhere)
    small, large = readout.area_evidence(anywhere, areas, palette, np.array([0.001, 0.3]))
    assert large[0] < -4
    assert small[0] > -0.5
    assert (large[1:] == 0).all()


def test_dark_areas_may_be_taken() -> None:
    palette = np.array([(0, 0, 0), (30, 25, 25), (250, 230, 60)], np.uint8)
    # The outlines are black, and the dark hair has nearly the same colour.
    anywhere = np.repeat([0, 1, 2], [300, 500, 200])
    areas = np.where(anywhere == 0, 1, anywhere)
    assert (readout.area_evidence(anywhere, areas, palette, np.array([0.3])) == 0).all()


def test_dark_strokes_of_a_painted_reference_may_be_taken() -> None:
    palette = np.array([(0, 0, 0), (250, 230, 60), (40, 160, 60)], np.uint8)
    anywhere = np.repeat([0, 1, 2], [300, 500, 200])
    areas = np.full(1000, 2)
    assert (readout.area_evidence(anywhere, areas, palette, np.array([0.3])) == 0).all()


def test_unlocked_takes_the_voters_mean() -> None:
    found = readout.colour(torch.tensor([[0.5, 0.5, 0.0]]), KEYS, PALETTE, lock=False)
    assert np.abs(found.colours[0].astype(int) - (202, 32, 40)).max() <= 1


@pytest.mark.parametrize(
    ("size", "count"), [((100, 100), 1), ((300, 101), 1), ((6000, 300), 12), ((200, 5000), 12)]
)
def test_strips_seen_through_windows(size: tuple[int, int], count: int) -> None:
    width, height = size
    made = windows(width, height)
    assert len(made) == count
    covered = np.zeros((height, width), bool)
    for window in made:
        covered[max(0, window.y) : window.y + window.side, max(0, window.x) : window.x + window.side] = True
    assert covered.all()


def test_square_pads_with_paper() -> None:
    plane = np.full((10, 20), 255, np.uint8)
    seen = square(plane, whole(20, 10), 20, fill=0)
    assert seen[:5].max() == seen[15:].max() == 0
    assert seen[5:15].min() == 1


@given(seed=st.integers(0, 10_000), spread=st.sampled_from([1.0, 30.0, 400.0]))
def test_sides_read_together_are_read_as_alone(seed: int, spread: float) -> None:
    draw = torch.Generator().manual_seed(seed)
    logits, null = torch.randn(5, 7, generator=draw) * spread, torch.randn(5, generator=draw)
    cells = torch.rand(3, 5, generator=draw)
    allowed = [torch.tensor([True] * 7), torch.tensor([True] * 3 + [False] * 4)]
    view = readout.View(cells, logits, null)
    for keys in allowed:
        attention = readout.pool([view], keys)
        alone = torch.cat([logits.masked_fill(~keys, -torch.inf), null[:, None]], 1).softmax(1)[:, :-1]
        assert torch.allclose(attention, cells @ alone, atol=1e-5)


@given(
    labels=st.integers(1, 6).flatmap(
        lambda count: st.lists(st.integers(0, count - 1), min_size=16, max_size=16)
    ),
    grid=st.sampled_from([8, 24]),
)
def test_every_region_asks_and_small_ones_ask_everywhere(labels: list[int], grid: int) -> None:
    blocks = np.array(labels, np.int32).reshape(4, 4)
    coarse = np.kron(blocks, np.ones((16, 16), np.int32))
    regions = Regions(coarse, coarse, max(labels) + 1)
    cells = readout.region_cells(regions, whole(64, 64), grid)
    asked = readout.asked_queries(cells)
    assert (np.diff(asked) > 0).all()
    for region in np.unique(coarse):
        own = np.flatnonzero(cells[region])
        if cells[region].sum() <= 100:
            assert np.isin(own, asked).all()
        else:
            assert len(own) / 3 < np.isin(own, asked).sum()
    if (cells.sum(axis=1) > 100).all():
        assert len(asked) == cells.shape[1] / 2

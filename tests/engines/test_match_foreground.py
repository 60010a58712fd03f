"""The foreground of sketches follows lines, of pictures their colours, of cut-outs their transparency."""

from __future__ import annotations

import numpy as np
import pytest
from colorizer.engines.match.foreground import figure_regions, find_foreground
from colorizer.imaging.regions import Regions
from drawn import box_mask, box_reference, box_sketch
from engines.match_stand_ins import Quiet, SamePlace, random_network


def agreement(mask: np.ndarray, wanted: np.ndarray) -> float:
    return float(((mask > 127) == (wanted > 127)).mean())


def test_sketch_along_its_lines() -> None:
    mask = find_foreground(SamePlace(), box_sketch(256), Quiet())
    assert set(np.unique(mask)) == {0, 255}
    assert agreement(mask, box_mask(256)) > 0.98


def test_picture_along_its_colours() -> None:
    assert agreement(find_foreground(SamePlace(), box_reference(300), Quiet()), box_mask(300)) > 0.97


def test_cut_out_by_its_alpha() -> None:
    picture = box_reference()
    picture[..., 3] = box_mask()
    assert (find_foreground(random_network(), picture, Quiet()) == box_mask()).all()


@pytest.mark.parametrize("shape", [(40, 200), (333, 90)])
def test_mask_has_the_picture_size(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 4), dtype=np.uint8)
    picture[..., 3] = 255
    mask = find_foreground(random_network(), picture, Quiet())
    assert mask.shape == shape
    assert (mask == find_foreground(random_network(), picture, Quiet())).all()


def test_even_border_needs_no_network() -> None:
    picture = box_reference(300)
    for network in (random_network(1), random_network(2)):
        assert agreement(find_foreground(network, picture, Quiet()), box_mask(300)) > 0.97


def test_uneven_border_is_left_to_the_network() -> None:
    picture = box_reference(300)
    picture[0, ::3, :3] = 255
    assert agreement(find_foreground(SamePlace(), picture, Quiet()), box_mask(300)) > 0.97


def test_what_touches_the_edge_is_background_sooner() -> None:
    labels = np.zeros((20, 20), np.int32)
    labels[8:12, 8:12] = 1
    regions = Regions(labels, labels, 2)
    assert figure_regions(np.array([0.45, 0.45]), regions).tolist() == [False, True]
    assert figure_regions(np.array([0.1, 0.1]), regions).tolist() == [True, True]

"""The foreground of sketches follows lines, of pictures their colours, of cut-outs their transparency."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from colorizer.engines.base import Reference
from colorizer.engines.match.foreground import (
    find_foreground,
    find_same_pose,
    foreground_regions,
    side_by_side,
)
from colorizer.engines.match.network import MatchNetwork
from colorizer.imaging.lines import find_ink
from colorizer.imaging.regions import Regions
from documents import draw, on_paper
from drawn import BLUE, RED, blank, box_mask, box_reference, box_sketch
from engines.match_stand_ins import SamePlace, random_network
from listening import Silent


def agreement(mask: np.ndarray, wanted: np.ndarray) -> float:
    return float(((mask > 127) == (wanted > 127)).mean())


def test_sketch_along_its_lines() -> None:
    mask = find_foreground(SamePlace(), box_sketch(256), Silent())
    assert set(np.unique(mask)) == {0, 255}
    assert agreement(mask, box_mask(256)) > 0.98


def test_picture_along_its_colours() -> None:
    assert agreement(find_foreground(SamePlace(), box_reference(300), Silent()), box_mask(300)) > 0.97


def test_cut_out_by_its_alpha() -> None:
    picture = box_reference()
    picture[..., 3] = box_mask()
    assert (find_foreground(random_network(), picture, Silent()) == box_mask()).all()


@pytest.mark.parametrize("shape", [(40, 200), (333, 90)])
def test_mask_has_the_picture_size(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 4), dtype=np.uint8)
    picture[..., 3] = 255
    mask = find_foreground(random_network(), picture, Silent())
    assert mask.shape == shape
    assert (mask == find_foreground(random_network(), picture, Silent())).all()


def test_even_border_needs_no_network() -> None:
    picture = box_reference(300)
    for network in (random_network(1), random_network(2)):
        assert agreement(find_foreground(network, picture, Silent()), box_mask(300)) > 0.97


@pytest.mark.parametrize("network", [random_network(1), random_network(2)])
def test_pale_face_on_white_is_figure_but_a_halo_is_not(network: MatchNetwork) -> None:
    picture, face, halo = blank(300, 300), np.zeros((300, 300), np.uint8), np.zeros((300, 300), np.uint8)
    cv2.circle(face, (150, 170), 70, 255, -1)
    cv2.circle(halo, (150, 80), 45, 255, 4)
    cv2.circle(halo, (150, 170), 70, 0, -1)
    picture[face > 0, :3] = 240
    picture[halo > 0, :3] = 240
    comb = np.zeros((300, 300), np.uint8)
    cv2.circle(comb, (150, 80), 42, 255, -1)
    picture[comb > 0, :3] = RED
    mask = find_foreground(network, picture, Silent())
    assert agreement(mask, face | comb) > 0.99
    assert (mask[halo > 0] > 0).mean() < 0.2


def test_vignette_is_no_figure() -> None:
    picture = box_reference(300)
    places = np.linspace(-1, 1, 300)
    vignette = 20 * np.clip(1.2 - np.hypot(places[:, None], places), 0, 1)
    ground = (picture[..., :3] == BLUE).all(axis=2)
    picture[..., :3] = np.where(ground[..., None], 255 - vignette[..., None], picture[..., :3])
    assert agreement(find_foreground(random_network(1), picture, Silent()), box_mask(300)) > 0.97


def test_uneven_border_is_left_to_the_network() -> None:
    picture = box_reference(300)
    picture[0, ::3, :3] = 255
    assert agreement(find_foreground(SamePlace(), picture, Silent()), box_mask(300)) > 0.97


def test_figure_of_the_reference_in_the_same_pose_is_moved_to_the_sketch() -> None:
    drawing = draw(320, 2)
    ink = find_ink(on_paper(drawing.lines))
    moved = np.roll(drawing.reference, (6, 9), (0, 1))
    other = np.ascontiguousarray(drawing.reference[::-1])
    other[80:240, 100:300] = (90, 200, 90, 255)
    network = random_network()
    found = find_same_pose(ink, [Reference(other), Reference(moved)])
    assert found is not None
    figure = found.figure(network, ink)
    assert agreement(figure, np.where(drawing.labels > 0, np.uint8(255), np.uint8(0))) > 0.97
    assert find_same_pose(ink, [Reference(other)]) is None
    assert find_same_pose(ink, []) is None


def test_mask_of_a_reference_is_its_figure() -> None:
    drawing = draw(320, 2)
    mask = np.zeros((320, 320), np.uint8)
    mask[:160] = 255
    ink = find_ink(on_paper(drawing.lines))
    found = find_same_pose(ink, [Reference(drawing.reference, mask)])
    assert found is not None
    assert agreement(found.figure(random_network(), ink), mask) > 0.97


def paper_around(side: int, first: int, last: int) -> Regions:
    """A square canvas with one square region in its middle; region 0 is the paper around it."""
    labels = np.zeros((side, side), np.int32)
    labels[first:last, first:last] = 1
    return Regions(labels, labels, 2)


def test_what_touches_the_edge_is_background_sooner() -> None:
    regions = paper_around(20, 8, 12)
    assert foreground_regions(np.array([0.45, 0.45]), regions).tolist() == [False, True]
    assert foreground_regions(np.array([0.1, 0.1]), regions).tolist() == [True, True]


def standing(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """A mask of boxes (left, top, width, height)."""
    mask = np.zeros((300, 500), np.uint8)
    for left, top, width, height in boxes:
        mask[top : top + height, left : left + width] = 255
    return mask


def test_paper_around_a_small_drawing_is_background_unless_surely_not() -> None:
    regions = paper_around(64, 30, 36)
    assert foreground_regions(np.array([0.8, 0.9]), regions).tolist() == [False, True]
    assert foreground_regions(np.array([0.95, 0.9]), regions).tolist() == [True, True]


def test_what_lies_among_the_figure_is_figure_sooner() -> None:
    labels = np.zeros((60, 60), np.int32)
    labels[10:50, 20:40] = 1
    labels[25:35, 25:40] = 2  # three of its sides lie against the figure
    labels[4:8, 25:35] = 3  # none of its sides does
    regions = Regions(labels, labels, 4)
    assert foreground_regions(np.array([0.1, 0.9, 0.2, 0.2]), regions).tolist() == [False, True, True, False]
    assert not foreground_regions(np.array([0.1, 0.9, 0.1, 0.2]), regions)[2]


def test_figures_of_a_sheet_are_told_apart() -> None:
    one, other = (20, 20, 100, 260), (180, 40, 120, 240)
    found = side_by_side(standing(one, other))
    assert len(found) == 2
    assert (found[0] == standing(one)).all()
    assert (found[1] == standing(other)).all()


@pytest.mark.parametrize(
    "boxes",
    [
        [(20, 20, 100, 260)],
        [(50, 20, 80, 60), (40, 90, 120, 200)],  # a head over its body
        [(20, 20, 200, 260), (300, 100, 60, 60)],  # something small beside it
        [(10 + 90 * index, 20, 60, 260) for index in range(5)],  # too many to look at each
    ],
)
def test_one_figure_stays_one(boxes: list[tuple[int, int, int, int]]) -> None:
    mask = standing(*boxes)
    (found,) = side_by_side(mask)
    assert (found == mask).all()


def test_what_stands_over_a_figure_goes_with_it() -> None:
    head, body, other = (60, 20, 60, 60), (40, 90, 120, 200), (250, 20, 120, 270)
    first, _ = side_by_side(standing(head, body, other))
    assert (first == standing(head, body)).all()

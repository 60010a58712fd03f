"""What lies at the same place of a reference."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from colorizer.engines.match.network_input import Window
from colorizer.engines.match.readout import place_evidence
from colorizer.engines.match.registration import Overlay, Registration, lay_under, register
from colorizer.imaging.lines import find_ink
from colorizer.imaging.regions import Regions, find_regions
from documents import draw as draw_figure
from documents import faded_out
from numpy.typing import NDArray

SIDE = 240
RED, BLUE, SAND = (200, 30, 40), (30, 60, 190), (230, 200, 150)
PALETTE = np.array([RED, BLUE, SAND], np.uint8)
Picture = NDArray[np.uint8]


def draw(sketch: bool, turn: int = 0) -> Picture:  # noqa: FBT001 - a drawing and its colours
    """A big body with a head on it and a blue belt, as lines or in colours; `turn` in degrees."""
    canvas = np.full((SIDE, SIDE, 3), 255, np.uint8)
    ink = (0, 0, 0)
    shapes = (
        (cv2.boxPoints(((120.0, 160.0), (90.0, 110.0), float(turn))), RED),
        (cv2.boxPoints(((120.0, 160.0), (90.0, 24.0), float(turn))), BLUE),
        (cv2.boxPoints(((120.0 + turn, 66.0), (70.0, 60.0), float(turn))), SAND),
    )
    for corners, colour in shapes:
        outline = np.rint(corners).astype(np.int32)
        cv2.fillPoly(canvas, [outline], (255, 255, 255) if sketch else colour)
        cv2.polylines(canvas, [outline], True, ink, 3)
    return np.dstack([canvas, np.full((SIDE, SIDE), 255, np.uint8)])


def figure(picture: Picture) -> NDArray[np.uint8]:
    found = (picture[..., :3] < 250).any(-1).astype(np.uint8) * 255
    return np.asarray(cv2.morphologyEx(found, cv2.MORPH_CLOSE, np.ones((81, 81), np.uint8)), np.uint8)


def moved(picture: Picture, zoom: float, x: float, y: float) -> Picture:
    affine = np.array([[zoom, 0, x], [0, zoom, y]])
    return np.asarray(cv2.warpAffine(picture, affine, (SIDE, SIDE), borderValue=(255,) * 4), np.uint8)


@pytest.fixture
def sketch() -> Picture:
    return draw(sketch=True)


def lay(sketch: Picture, reference: Picture) -> tuple[Overlay, Regions]:
    ink = find_ink(sketch)
    found = register(ink, figure(sketch), reference, figure(reference))
    return lay_under(ink, reference, figure(reference), found), find_regions(ink)


def colour_at(overlay: Overlay, regions: Regions, x: int, y: int) -> tuple[int, ...]:
    shares = overlay.shares(regions, PALETTE, None)
    return tuple(PALETTE[shares[regions.labels[y, x]].argmax()].tolist())


@pytest.mark.parametrize("move", [(1.0, 0.0, 0.0), (1.0, 20.0, -12.0), (0.7, 30.0, 40.0)])
def test_the_same_pose_is_found_wherever_it_stands(sketch: Picture, move: tuple[float, float, float]) -> None:
    overlay, regions = lay(sketch, moved(draw(sketch=False), *move))
    assert overlay.likeness > 0.6
    assert colour_at(overlay, regions, 120, 200) == RED
    assert colour_at(overlay, regions, 120, 160) == BLUE
    assert colour_at(overlay, regions, 120, 66) == SAND


def test_another_pose_is_less_like(sketch: Picture) -> None:
    same, _ = lay(sketch, draw(sketch=False))
    turned, _ = lay(sketch, draw(sketch=False, turn=50))
    assert turned.likeness < same.likeness - 0.2


@pytest.mark.parametrize("angle", [-60, -31, 12, 40])
def test_a_page_that_lies_askew(sketch: Picture, angle: float) -> None:
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), angle, 0.8)
    askew = cv2.warpAffine(sketch, matrix, (SIDE, SIDE), borderValue=(255,) * 4)
    overlay, regions = lay(np.asarray(askew, np.uint8), draw(sketch=False))
    assert overlay.likeness > 0.6
    x, y = (matrix @ (120, 200, 1)).astype(int)
    assert colour_at(overlay, regions, x, y) == RED


def test_only_the_asked_side_votes(sketch: Picture) -> None:
    overlay, regions = lay(sketch, draw(sketch=False))
    figure_shares = overlay.shares(regions, PALETTE, True)
    background_shares = overlay.shares(regions, PALETTE, False)
    body = regions.labels[200, 120]
    assert figure_shares[body].sum() > 0.8
    assert background_shares[body].sum() < 0.1


def test_only_the_asked_regions_are_counted(sketch: Picture) -> None:
    overlay, regions = lay(sketch, draw(sketch=False))
    asked = np.arange(regions.count) == regions.labels[200, 120]
    every, some = overlay.shares(regions, PALETTE, None), overlay.shares(regions, PALETTE, None, asked)
    assert np.array_equal(some[asked], every[asked])
    assert not some[~asked].any()


def test_an_empty_page_and_a_plain_reference_are_no_trouble() -> None:
    ink = np.zeros((60, 90), np.uint8)
    picture = np.full((40, 40, 4), 255, np.uint8)
    found = register(ink, np.zeros_like(ink), picture, np.zeros((40, 40), np.uint8))
    assert abs(found.likeness) < 0.1


def test_without_masks_the_canvases_are_laid_on_each_other(sketch: Picture) -> None:
    found = register(find_ink(sketch), None, draw(sketch=False), None)
    assert found.likeness > 0.6
    assert np.abs(found.affine - [[1, 0, 0], [0, 1, 0]])[:, :2].max() < 0.05


def test_a_reference_that_looks_the_other_way_is_mirrored() -> None:
    sketch, reference = draw(sketch=True, turn=25), draw(sketch=False, turn=25)[:, ::-1]
    found = register(find_ink(sketch), figure(sketch), reference, figure(reference))
    assert found.likeness > 0.6
    assert found.affine[0, 0] < -0.9


def test_windows_are_laid_as_the_whole_pictures_are(sketch: Picture) -> None:
    found = Registration(np.array([[2, 0, 10], [0, 2, 0]], np.float32), 0.5)
    laid = found.lay(Window(30, 40, 64), Window(20, 80, 200), 128)
    x, y = laid.where[0, 17, 99].tolist()  # row, column
    in_sketch = 30 + 99.5 / 2, 40 + 17.5 / 2
    assert (x + 1) * 100 + 20 == pytest.approx(2 * in_sketch[0] + 10, abs=1e-3)
    assert (y + 1) * 100 + 80 == pytest.approx(2 * in_sketch[1], abs=1e-3)


def test_unlike_poses_say_nothing() -> None:
    shares = np.array([[0.9, 0.0], [0.0, 0.2]], np.float32)
    assert torch.equal(place_evidence(shares, PALETTE[:2], np.full(2, 0.1), np.ones(2)), torch.zeros(2, 2))


def test_the_liker_the_pose_the_more_it_says() -> None:
    shares = np.array([[0.9, 0.0]], np.float32)
    some, more = (
        place_evidence(shares, PALETTE[:2], np.array([likeness]), np.ones(1))[0] for likeness in (0.4, 0.9)
    )
    assert 0 < (some[0] - some[1]).item() < (more[0] - more[1]).item()


def test_it_says_more_of_a_large_part() -> None:
    shares = np.array([[0.9, 0.0], [0.9, 0.0]], np.float32)
    small, large = place_evidence(shares, PALETTE[:2], np.full(2, 0.6), np.array([0.001, 0.3]))
    assert 0 < (small[0] - small[1]).item() < (large[0] - large[1]).item()


def test_what_is_not_seen_says_nothing() -> None:
    evidence = place_evidence(np.zeros((1, 3), np.float32), PALETTE, np.ones(1), np.ones(1))[0]
    assert evidence.max() == evidence.min()


def test_the_same_pictures_give_the_same_votes(sketch: Picture) -> None:
    reference = draw(sketch=False)
    (first, regions), (second, _) = lay(sketch, reference), lay(sketch, reference)
    assert first.likeness == second.likeness
    assert np.array_equal(first.shares(regions, PALETTE, None), second.shares(regions, PALETTE, None))


@pytest.mark.parametrize("height", [0.6, 0.7, 0.8])
@pytest.mark.parametrize(("angle", "zoom"), [(0, 1.0), (4, 0.9), (-5, 0.85)])
def test_what_a_drawing_that_is_cut_off_lacks_does_not_pull_the_reference(
    height: float, angle: float, zoom: float
) -> None:
    size = 320
    drawing = draw_figure(size, 3)
    turn = cv2.getRotationMatrix2D((size / 2, size / 2), angle, zoom)
    reference = cv2.warpAffine(drawing.reference, turn, (size, size), borderValue=(255,) * 4)
    found = register(find_ink(faded_out(drawing, height).sketch), None, reference, None, cut_off=True)
    feet = np.array([[0.3, 0.97, 1 / size], [0.7, 0.97, 1 / size]]) * size
    assert np.abs(feet @ found.affine.T - feet @ turn.T).max() < 0.004 * size

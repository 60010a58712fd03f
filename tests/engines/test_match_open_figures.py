"""A figure that runs open is closed where the network sees it end; what lines hardly bound stays paper."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from colorizer.engines.match.open_figures import close_figures
from colorizer.imaging.lines import find_ink
from colorizer.imaging.regions import Regions, find_regions
from drawn import box_sketch
from engines.match_stand_ins import SamePlace


def box(size: int, *, open_below: bool) -> np.ndarray:
    """Three sides of the box that `SamePlace` takes for the figure, of different lengths, or all four."""
    sketch = box_sketch(size)
    sketch[:, size // 2 - 6 : size // 2 + 7, :3] = 255
    cv2.line(sketch, (size // 4, size // 4), (3 * size // 4, size // 4), (0, 0, 0, 255), 3)
    if open_below:
        sketch[3 * size // 4 - 6 :, :, :3] = 255
        sketch[round(0.69 * size) :, size // 2 :, :3] = (
            255  # lines that end on one level are closed without a network
        )
    else:
        cv2.line(sketch, (size // 4, 3 * size // 4), (3 * size // 4, 3 * size // 4), (0, 0, 0, 255), 3)
    return sketch


def closed(sketch: np.ndarray) -> tuple[Regions, Regions]:
    ink = find_ink(sketch)
    regions = find_regions(ink)
    return regions, close_figures(SamePlace(), ink, regions)


def strokes(size: int, *lines: list[tuple[float, float]]) -> np.ndarray:
    """Polylines, with points (x, y) in 0..1, on white."""
    sketch = np.full((size, size, 4), 255, np.uint8)
    for line in lines:
        points = np.rint(np.array(line) * (size - 1)).astype(np.int32)
        cv2.polylines(sketch, [points], isClosed=False, color=(0, 0, 0, 255), thickness=3)
    return sketch


def network_sees(monkeypatch: pytest.MonkeyPatch, box: tuple[float, float, float, float]) -> None:
    """The network is certain of a figure in a box (left, top, right, bottom) in 0..1, and of paper elsewhere."""

    def share(_network: object, ink: np.ndarray, _window: object) -> np.ndarray:
        height, width = ink.shape
        left, top, right, bottom = (
            round(at * side) for at, side in zip(box, (width, height) * 2, strict=True)
        )
        certain = np.full(ink.shape, 0.05, np.float32)
        certain[top:bottom, left:right] = 0.95
        return certain

    monkeypatch.setattr("colorizer.engines.match.open_figures._share", share)


@pytest.mark.parametrize("size", [256, 700, 1300])
def test_open_figure_is_closed_where_it_ends(size: int) -> None:
    before, after = closed(box(size, open_below=True))
    assert before.count == 1
    assert after.count == 2
    middle, paper = after.labels[size // 2, size // 2], after.labels[size // 8, size // 2]
    assert middle != paper
    inside = np.zeros((size, size), bool)
    inside[size // 4 : 3 * size // 4, size // 4 : 3 * size // 4] = True
    assert ((after.labels == middle) == inside).mean() > 0.97
    assert after.coarse.max() == after.labels.max() == 1


def test_figure_ends_soon_after_its_lines() -> None:
    size = 512
    sketch = box(size, open_below=True)
    sketch[round(0.62 * size) :, :, :3] = 255  # the network sees it go on to 0.75
    _, after = closed(sketch)
    figure = after.labels == after.labels[size // 2, size // 2]
    assert after.count == 2
    assert figure[round(0.62 * size), round(0.3 * size) : round(0.7 * size)].all()
    assert not figure[round(0.67 * size) :].any()


def test_open_figure_stays_within_the_largest_possible_one() -> None:
    size = 512
    ink = find_ink(box(size, open_below=True))
    figure = np.zeros((size // 2, size // 2), np.uint8)
    figure[: round(0.32 * size)] = 255
    regions = find_regions(ink)
    labels = close_figures(SamePlace(), ink, regions, lambda: figure).labels
    middle = labels[:, size // 2]
    assert middle[round(0.62 * size)] == middle[size // 2] != middle[round(0.67 * size)] == middle[8]
    figure[:] = 0
    assert close_figures(SamePlace(), ink, regions, lambda: figure) is regions


@pytest.mark.parametrize(("certain", "count"), [(0.1, 1), (1.0, 2)])
def test_what_is_hardly_certain_stays_paper(
    monkeypatch: pytest.MonkeyPatch, certain: float, count: int
) -> None:
    size = 512

    def share(_network: object, ink: np.ndarray, _window: object) -> np.ndarray:
        answer = np.full(ink.shape, 0.05, np.float32)
        answer[90:420, 90:420] = 0.5
        answer[size // 4 : round(size * (1 + 2 * certain) / 4), size // 4 : 3 * size // 4] = 0.9
        return answer

    monkeypatch.setattr("colorizer.engines.match.open_figures._share", share)
    assert closed(box(size, open_below=True))[1].count == count


def test_closed_figure_is_left_alone() -> None:
    before, after = closed(box(400, open_below=False))
    assert before.count == 2
    assert after is before


def test_figure_without_lines_around_it_stays_paper() -> None:
    sketch = np.full((400, 400, 4), 255, np.uint8)
    cv2.line(sketch, (20, 380), (380, 380), (0, 0, 0, 255), 3)
    before, after = closed(sketch)
    assert after is before


@pytest.mark.parametrize("size", [256, 700, 1300])
@pytest.mark.parametrize(("left", "right", "depth"), [(0.4, 0.59, 0.44), (0.32, 0.67, 0.55)])
def test_paper_in_a_bay_of_the_outline_stays_paper(
    size: int, left: float, right: float, depth: float
) -> None:
    """As between an arm and the head: the network takes it for figure, but no line ends there."""
    outline = [(0.25, 0.25), (left, 0.25), (left, depth), (right, depth), (right, 0.25)]
    sketch = strokes(size, [*outline, (0.75, 0.25), (0.75, 0.75), (0.25, 0.75), (0.25, 0.25)])
    before, after = closed(sketch)
    assert before.count == 2
    assert after is before


def test_open_border_goes_to_ends_of_lines_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network sees the figure end sooner."""
    network_sees(monkeypatch, (0.25, 0.25, 0.75, 0.68))
    _, after = closed(strokes(512, [(0.25, 0.73), (0.25, 0.25), (0.75, 0.25), (0.75, 0.705)]))
    figure = after.labels == after.labels[256, 256]
    assert after.count == 2
    assert figure[round(0.71 * 512), round(0.27 * 512)]
    assert figure[round(0.69 * 512), round(0.73 * 512)]
    assert not figure[round(0.76 * 512)].any()


def test_strip_of_paper_below_a_bust_stays_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Although the line above it ends on both sides."""
    network_sees(monkeypatch, (0.3, 0.3, 0.7, 1.0))
    bust = [(0.35, 0.92), (0.35, 0.3), (0.65, 0.3), (0.65, 0.92)]
    before, after = closed(strokes(512, bust, [(0.3, 0.92), (0.7, 0.92)]))
    assert before.count == 2
    assert after is before


@pytest.mark.parametrize(("lowest", "count"), [(0.73, 2), (1.0, 1)])
def test_long_open_border_lies_between_ends_of_lines(
    monkeypatch: pytest.MonkeyPatch, lowest: float, count: int
) -> None:
    """If the line on the right goes on to the edge, the band is paper, as below a cloud between raindrops."""
    network_sees(monkeypatch, (0.05, 0.6, 0.9, 0.72))
    band = [(0.05, 0.69), (0.05, 0.6), (0.9, 0.6), (0.9, lowest)]
    assert closed(strokes(512, band))[1].count == count

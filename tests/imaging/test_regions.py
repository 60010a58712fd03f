"""Every pixel gets a region, regions are numbered without holes, and gaps in lines are closed up to the set width."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from colorizer.imaging.lines import find_ink
from colorizer.imaging.regions import Regions, find_regions, gap_closed
from drawn import box_sketch, opaque
from hypothesis import given, settings
from hypothesis import strategies as st


def regions_of(sketch: np.ndarray, gap: float = 0.02) -> Regions:
    return find_regions(find_ink(sketch), gap=gap)


def inside(regions: Regions) -> tuple[int, int, int]:
    """The labels left in the box, right in it, and outside."""
    height, width = regions.labels.shape
    labels = regions.labels
    return (
        int(labels[height // 2, 3 * width // 8]),
        int(labels[height // 2, 5 * width // 8]),
        int(labels[height // 8, width // 8]),
    )


def test_box_has_three_regions() -> None:
    regions = regions_of(box_sketch(256))
    assert regions.count == 3
    assert len(set(inside(regions))) == 3


@pytest.mark.parametrize(("gap", "closed"), [(8, True), (40, False)])
def test_gaps_closed_up_to_width(gap: int, *, closed: bool) -> None:
    left, right, outside = inside(regions_of(box_sketch(512, gap=gap), gap=0.04))
    assert right != outside
    assert (left != outside) is closed


@pytest.mark.parametrize(("gap", "closed"), [(20, True), (60, False)])
def test_automatic_gaps_follow_the_strokes_not_the_canvas(gap: int, *, closed: bool) -> None:
    """On A4 at 300 dpi with a pen of 8 px."""
    canvas = np.full((3508, 2480, 4), 255, np.uint8)
    canvas[:2480] = box_sketch(2480, gap=gap, line=8)
    left, _, outside = inside(regions_of(canvas[:2480], gap=0))
    assert (left != outside) == closed
    labels = regions_of(canvas, gap=0).labels
    assert (labels[700, 900] != labels[100, 900]) == closed


def test_automatic_gaps_are_told() -> None:
    regions = regions_of(box_sketch(1024, line=6), gap=0)
    assert gap_closed(regions, 0.0) == pytest.approx(0.02)
    assert gap_closed(regions_of(box_sketch(1024, line=2), gap=0), 0.0) < 0.012
    assert gap_closed(regions, 0.05) == 0.05


def test_gap_setting_decides() -> None:
    sketch = box_sketch(512, gap=14)
    assert inside(regions_of(sketch, gap=0.05))[0] != inside(regions_of(sketch, gap=0.05))[2]
    narrow = inside(regions_of(sketch, gap=0.005))
    assert narrow[0] == narrow[2]


@given(
    seed=st.integers(0, 10_000),
    width=st.integers(16, 220),
    height=st.integers(16, 220),
    gap=st.floats(0, 0.1),
)
@settings(max_examples=40, deadline=None)
def test_every_pixel_labelled(seed: int, width: int, height: int, gap: float) -> None:
    rng = np.random.default_rng(seed)
    ink = np.zeros((height, width), np.uint8)
    for _ in range(rng.integers(1, 12)):
        points = rng.integers(0, max(width, height), (2, 2)).tolist()
        cv2.line(ink, points[0], points[1], 255, int(rng.integers(1, 5)))
    regions = find_regions(ink, gap=gap)
    assert regions.labels.shape == (height, width)
    assert np.unique(regions.labels).tolist() == list(range(regions.count))
    assert regions.areas().sum() == pytest.approx(1)


@pytest.mark.parametrize("size", [(1500, 75), (50, 1250), (521, 773), (1300, 1100)])
def test_odd_sizes(size: tuple[int, int]) -> None:
    width, height = size
    ink = np.zeros((height, width), np.uint8)
    ink[height // 2] = ink[:, width // 2] = 255
    regions = find_regions(ink)
    assert regions.labels.shape == (height, width)
    assert regions.count == 4


def test_large_canvas_follows_its_own_lines() -> None:
    small, large = regions_of(box_sketch(1024, line=6)), regions_of(box_sketch(2048, line=12))
    enlarged = cv2.resize(small.labels, (2048, 2048), interpolation=cv2.INTER_NEAREST)
    pairs = np.bincount((enlarged * large.count + large.labels).ravel())
    assert np.sort(pairs)[-3:].sum() > 0.998 * large.labels.size
    assert large.coarse.shape == (1024, 1024)


def test_beyond_carried_pixels_enlarged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("colorizer.imaging.regions.CARRIED_PIXELS", 1_500_000)
    regions = regions_of(box_sketch(2048, line=12))
    assert regions.labels.shape == (2048, 2048)
    assert len(set(inside(regions))) == 3


def test_same_every_time() -> None:
    sketch = box_sketch(300, gap=5)
    assert (regions_of(sketch).labels == regions_of(sketch).labels).all()


def test_shares_of_a_mask() -> None:
    regions = regions_of(box_sketch(256))
    left, right, outside = inside(regions)
    shares = regions.shares(np.where(regions.labels == left, 255, 0).astype(np.uint8))
    assert shares[left] == 1
    assert shares[right] == shares[outside] == 0


def test_cut_along_mask() -> None:
    regions = regions_of(box_sketch(256))
    mask = np.zeros((256, 256), np.uint8)
    mask[128:] = 255
    cut = regions.cut(mask)
    assert cut.count == 6
    assert set(cut.shares(mask).round().tolist()) == {0, 1}
    assert regions.cut(np.full_like(mask, 255)) is regions


@pytest.mark.parametrize(("rows", "count"), [(10, 2), (20, 4), (80, 4), (90, 2)])
def test_grazing_mask_divides_nothing(rows: int, count: int) -> None:
    halves = np.repeat([[0, 1]], 100, axis=0).repeat(50, axis=1).astype(np.int32)
    mask = np.zeros((100, 100), np.uint8)
    mask[:rows] = 255
    assert Regions(halves, halves, 2).cut(mask).count == count


def test_speck_belongs_to_its_neighbour() -> None:
    ink = np.zeros((1024, 1024), np.uint8)
    cv2.rectangle(ink, (100, 100), (300, 300), 255)
    cv2.rectangle(ink, (50, 50), (54, 54), 255)
    assert find_regions(ink).count == 2


def pencil_grid(size: int = 256, cells: int = 4) -> np.ndarray:
    """A grid of soft lines of all strengths, one for each side of each cell."""
    rng = np.random.default_rng(0)
    grey = np.full((size, size), 255, np.uint8)
    step = size // cells
    for row in range(cells + 1):
        for column in range(cells):
            for start, end in (
                ((column * step, row * step), (column * step + step, row * step)),
                ((row * step, column * step), (row * step, column * step + step)),
            ):
                cv2.line(grey, start, end, int(rng.integers(20, 140)), int(rng.integers(1, 4)), cv2.LINE_AA)
    return opaque(cv2.GaussianBlur(grey, (0, 0), 0.7))


@pytest.mark.parametrize("seed", range(30))
def test_a_stroke_changes_only_the_regions_it_touches(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sketch = pencil_grid()
    cell = rng.integers(0, 4, 2) * 64
    start, end = (cell + rng.integers(8, 56, (2, 2))).tolist()
    drawn = np.ascontiguousarray(sketch[..., :3])
    cv2.line(drawn, start, end, (int(rng.integers(0, 160)),) * 3, int(rng.integers(1, 4)), cv2.LINE_AA)
    before, after = regions_of(sketch), regions_of(opaque(drawn))
    column, row = cell.tolist()
    touched = int(before.labels[row + 32, column + 32])
    for label in set(range(before.count)) - {touched}:
        place = before.labels == label
        same = int(after.labels[place][0])
        assert ((after.labels == same) == place).all()


def circles(side: int, radius: int, line: int) -> np.ndarray:
    """A frame around 5 x 5 small closed circles."""
    ink = np.zeros((side, side), np.uint8)
    cv2.rectangle(ink, (side // 16, side // 16), (15 * side // 16, 15 * side // 16), 255, line)
    for row in range(5):
        for column in range(5):
            at = (round((0.2 + 0.15 * column) * side) + row, round((0.2 + 0.15 * row) * side))
            cv2.circle(ink, at, radius, 255, line)
    return ink


@pytest.mark.parametrize("reduced", [2, 4, 8])
def test_small_eyes_survive_on_a_large_canvas(monkeypatch: pytest.MonkeyPatch, reduced: int) -> None:
    monkeypatch.setattr("colorizer.imaging.regions.DECIDING_SIDE", 2048 // reduced)
    regions = find_regions(circles(2048, 8, 4))
    assert regions.count == 27
    assert np.unique(regions.coarse).tolist() == list(range(27))


@given(x=st.floats(0.05, 0.6), y=st.floats(0.05, 0.6), share=st.sampled_from([4, 6, 8]))
@settings(max_examples=6, deadline=None)
def test_a_small_drawing_has_the_regions_it_has_at_its_own_size(x: float, y: float, share: int) -> None:
    alone = find_ink(pencil_grid())
    sheet = np.zeros((256 * share,) * 2, np.uint8)
    left, top = round(x * len(sheet)), round(y * len(sheet))
    sheet[top : top + 256, left : left + 256] = alone
    own, there = find_regions(np.pad(alone, 16)), find_regions(sheet)
    assert abs(there.count - own.count) <= 1  # a sliver between two soft lines may be seen or not
    inner = there.labels[top : top + 256, left : left + 256]
    pairs = np.bincount((own.labels[16:-16, 16:-16] * there.count + inner).ravel())
    assert np.sort(pairs)[-own.count :].sum() > 0.93 * inner.size


@pytest.mark.parametrize("size", [512, 1024, 2048])
@pytest.mark.parametrize("space", [5, 7, 9])
def test_hatching_adds_no_regions(size: int, space: int) -> None:
    grey = np.ascontiguousarray(box_sketch(size, line=4)[..., 0])
    for step in range(45):
        x = size // 4 + 14 + step * space
        if x < size // 2 - 14:
            cv2.line(grey, (x, size // 3), (x - 12, size // 3 + size // 12), 0, 2, cv2.LINE_AA)
    assert regions_of(opaque(grey)).count <= 5


def test_dry_brush_leaves_no_fragments() -> None:
    size = 768
    drawn = 255 - box_sketch(size, line=7)[..., 0]
    sketch = np.zeros((size, size, 4), np.uint8)
    sketch[..., 3] = drawn * (np.random.default_rng(0).random(drawn.shape) > 0.45)
    regions = regions_of(sketch)
    assert len(set(inside(regions))) == 3
    assert regions.count <= 5


def test_parts_taken_out_of_a_region() -> None:
    regions = regions_of(box_sketch(256))
    outside = inside(regions)[2]
    parts = np.zeros((256, 256), np.uint8)
    parts[:20], parts[-20:] = 1, 2
    divided = regions.divide(outside, parts)
    assert divided.count == 5
    assert divided.labels[5, 5] == 3
    assert divided.labels[250, 5] == 4
    assert (divided.labels[64:192] == regions.labels[64:192]).all()


def test_numbers_that_no_part_has_make_no_regions() -> None:
    regions = regions_of(box_sketch(256))
    parts = np.zeros((256, 256), np.uint8)
    parts[:20], parts[-20:], parts[128, 80] = 2, 5, 7  # the last one lies in another region
    divided = regions.divide(inside(regions)[2], parts)
    assert divided.count == 5
    assert np.unique(divided.coarse).tolist() == list(range(5))


def charcoal_grid(size: int, seed: int) -> np.ndarray:
    """A grid of 3 x 3 cells on transparency, of whose lines a seventh is missing in pieces as long as two strokes."""
    lines = np.zeros((size, size), np.uint8)
    for step in (0.1, 0.35, 0.6, 0.85):
        at, low, high = (round(value * size) for value in (step, 0.1, 0.85))
        cv2.line(lines, (at, low), (at, high), 255, 5)
        cv2.line(lines, (low, at), (high, at), 255, 5)
    strength = np.random.default_rng(seed).random((size // 9 + 1,) * 2).repeat(9, 0).repeat(9, 1)
    sketch = np.zeros((size, size, 4), np.uint8)
    sketch[..., 3] = lines * np.clip(1.4 * strength - 0.2, 0, 1)[:size, :size]
    return sketch


@pytest.mark.parametrize("seed", range(6))
def test_lines_broken_everywhere_are_closed_further(seed: int) -> None:
    regions = regions_of(charcoal_grid(640, seed), gap=0)
    middles = [round(value * 640) for value in (0.225, 0.475, 0.725)]
    cells = {int(regions.labels[y, x]) for y in middles for x in middles}
    assert len(cells - {int(regions.labels[5, 5])}) >= 8


def test_a_few_openings_make_no_broken_lines() -> None:
    ink = np.zeros((512, 512), np.uint8)
    cv2.rectangle(ink, (80, 80), (430, 430), 255, 4)
    for at in range(110, 400, 60):  # each narrow enough to be closed
        ink[60:100, at : at + 8] = 0
    cv2.rectangle(ink, (200, 200), (300, 300), 255, 4)
    ink[190:210, 240:256] = 0  # too wide for these strokes
    ink[290:310, 240:256] = 0
    regions = find_regions(ink, gap=0)
    assert regions.labels[250, 250] == regions.labels[120, 120] != regions.labels[20, 20]

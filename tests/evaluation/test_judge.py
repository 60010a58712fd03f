"""The judge gives full marks to the truth, none to its opposite, and sees colour that runs over lines."""

from __future__ import annotations

import numpy as np
import pytest
from colorizer.imaging.pictures import over_white
from colorizer_lab.evaluation import likeness
from colorizer_lab.evaluation.baselines import baselines
from colorizer_lab.evaluation.judge import SIDE, Problem, pose, squared
from drawn import BLUE, GREEN, RED, blank, box_mask, box_reference, box_sketch
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def problem() -> Problem:
    posed = pose(box_sketch(320), box_reference(320), box_mask(320))
    assert posed is not None
    return posed


def even(colour: tuple[int, int, int]) -> np.ndarray:
    return squared(over_white(blank(320, 320, colour)))


def test_truth_gets_full_marks(problem: Problem) -> None:
    figures = problem.judge(problem.truth)
    assert figures.area_within_10 == figures.regions_within_10 == figures.area_within_5 == 1
    assert figures.delta_e_area == pytest.approx(0, abs=1e-5)
    assert figures.psnr == pytest.approx(80)
    assert figures.ssim == pytest.approx(1)


def test_only_the_figure_is_judged(problem: Problem) -> None:
    assert len(problem.judged) == 2
    assert problem.judge(even(BLUE)).area_within_10 == 0


def test_half_right(problem: Problem) -> None:
    figures = problem.judge(even(RED))
    assert figures.regions_within_10 == 0.5
    assert figures.area_within_10 == pytest.approx(0.5, abs=0.03)
    assert figures.psnr < 20


@pytest.mark.parametrize(
    ("grey", "within_5", "within_10"), [(131, 1, 1), (133, 0, 1), (146, 0, 1), (147, 0, 0)]
)
def test_near_is_below_five_or_ten(grey: int, within_5: int, within_10: int) -> None:
    """These greys lie 4.65, 5.38, 9.92 and 10.25 from the truth's by CIEDE2000."""
    problem = pose(box_sketch(320), blank(320, 320, (119, 119, 119)), box_mask(320))
    assert problem is not None
    figures = problem.judge(even((grey, grey, grey)))
    assert figures.area_within_5 == pytest.approx(within_5)
    assert figures.area_within_10 == pytest.approx(within_10)
    assert figures.regions_within_10 == within_10


@pytest.mark.parametrize(("share", "judged"), [(0.5, 1), (0.7, 2)])
def test_regions_mostly_inside_the_figure_are_judged(share: float, judged: int) -> None:
    mask = box_mask(320)
    mask[80 + int(160 * share) :, :160] = 0
    problem = pose(box_sketch(320), box_reference(320), mask)
    assert problem is not None
    assert len(problem.judged) == judged


def test_solid_ink_is_not_judged() -> None:
    sketch = box_sketch(320)
    sketch[80:240, 80:160, :3] = 90
    problem = pose(sketch, box_reference(320), box_mask(320))
    assert problem is not None
    assert len(problem.judged) == 1


def test_bleed_seen(problem: Problem) -> None:
    spilt = problem.truth.copy()
    spilt[:, SIDE // 2 - 60 : SIDE // 2] = np.array(GREEN, np.float32) / 255
    assert problem.judge(problem.truth).bleed < 0.02
    assert 0.1 < problem.judge(spilt).bleed < 0.3


def test_padding_keeps_proportions() -> None:
    seen = squared(over_white(blank(100, 50, RED)))
    assert seen.shape == (SIDE, SIDE, 3)
    assert (seen[10] == 1).all()
    assert np.abs(seen[SIDE // 2, 10] * 255 - RED).max() < 1


def test_figure_of_the_truth_is_all_right_and_off_the_lines(problem: Problem) -> None:
    assert problem.judge(problem.truth).figure_within_10 == 1
    inked = problem.truth * (problem.line > 0.9)[..., None]
    assert problem.judge(inked).figure_within_10 == 1


@settings(max_examples=20, deadline=None)
@given(st.floats(0.05, 0.95))
def test_figure_counts_pixels_not_regions(problem: Problem, share: float) -> None:
    """Less than half of a region in another colour leaves its median, and `area_within_10`, as it is."""
    spilt = problem.truth.copy()
    y, x = np.nonzero(problem.figure)
    edge = round(y.min() + share * (y.max() + 1 - y.min()))
    spilt[:edge] = np.array(BLUE, np.float32) / 255
    figures = problem.judge(spilt)
    assert figures.figure_within_10 == pytest.approx(1 - share, abs=0.03)
    if abs(share - 0.5) > 0.1:
        assert figures.area_within_10 == (share < 0.5)


def test_figure_counts_what_leaked_into_the_paper() -> None:
    """An open box is one region with the paper, which is not judged; its pixels are."""
    sketch = box_sketch(320)
    sketch[65:95] = sketch[0, 0]
    problem = pose(sketch, box_reference(320), box_mask(320))
    assert problem is not None
    white = problem.judge(even((255, 255, 255)))
    assert white.figure_within_10 == 0
    assert problem.judge(problem.flat(problem.truth)).figure_within_10 < 0.1
    assert problem.judge(problem.truth).figure_within_10 == 1


@pytest.mark.parametrize("ink", [0, 255])
def test_figure_is_the_one_region_where_no_region_counts(ink: int) -> None:
    sketch = blank(320, 320)
    sketch[80:240, 80:83, :3] = ink
    problem = pose(sketch, box_reference(320), box_mask(320))
    assert problem is not None
    figures = problem.judge(problem.truth)
    assert figures.figure_within_10 == figures.area_within_10 == 1
    assert problem.judge(even(BLUE)).area_within_10 == 0


def test_figure_without_a_mask_is_the_truth_s() -> None:
    problem = pose(box_sketch(320), box_reference(320), None)
    masked = pose(box_sketch(320), box_reference(320), box_mask(320))
    assert problem is not None
    assert masked is not None
    assert (problem.figure != masked.figure).mean() < 0.01


def test_ssim_is_the_papers(problem: Problem) -> None:
    colouring, line = even(RED), problem.line[..., None]
    ours = np.where(problem.figure[..., None], colouring, problem.truth) * line
    assert problem.judge(colouring).ssim == likeness.ssim(ours, problem.truth * line)


def test_misfits_not_judged() -> None:
    assert pose(box_sketch(160), blank(160, 90), None) is None
    assert pose(blank(160, 160), blank(160, 160), None) is None


def test_baselines_of_a_twin(problem: Problem) -> None:
    made = baselines(problem, box_reference(320), box_mask(320))
    assert problem.judge(made.white).area_within_10 == 0
    assert problem.judge(made.same_place).area_within_10 == 1
    assert problem.judge(made.palette_match).area_within_10 >= 0.4
    assert problem.judge(made.region_limit).figure_within_10 > 0.99


def test_limit_is_what_the_reference_holds(problem: Problem) -> None:
    whole, part = box_reference(320), box_reference(320)
    part[(part[..., :3] == RED).all(axis=2)] = (*GREEN, 255)
    all_there, some_there = (
        problem.judge(baselines(problem, r, None).reference_limit) for r in (whole, part)
    )
    assert all_there.area_within_10 == all_there.figure_within_10 == 1
    assert 0 < some_there.area_within_10 < 1
    assert some_there.figure_within_10 == pytest.approx(0.5, abs=0.03)


def test_limit_of_an_empty_reference_is_white(problem: Problem) -> None:
    empty = np.zeros((32, 32, 4), np.uint8)
    assert problem.judge(baselines(problem, empty, None).reference_limit).area_within_10 == 0


def test_baselines_same_every_time(problem: Problem) -> None:
    first, second = (baselines(problem, box_reference(320), None).palette_match for _ in range(2))
    assert (first == second).all()

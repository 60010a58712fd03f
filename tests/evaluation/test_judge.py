"""The judge gives full marks to the truth, none to its opposite, and sees colour that runs over lines."""

from __future__ import annotations

import numpy as np
import pytest
from colorizer.evaluation.baselines import baselines
from colorizer.evaluation.judge import SIDE, Problem, pose, squared
from colorizer.imaging.pictures import over_white
from drawn import BLUE, GREEN, RED, blank, box_mask, box_reference, box_sketch


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


def test_misfits_not_judged() -> None:
    assert pose(box_sketch(160), blank(160, 90), None) is None
    assert pose(blank(160, 160), blank(160, 160), None) is None


def test_baselines_of_a_twin(problem: Problem) -> None:
    made = baselines(problem, box_reference(320), box_mask(320))
    assert problem.judge(made.white).area_within_10 == 0
    assert problem.judge(made.same_place).area_within_10 == 1
    assert problem.judge(made.palette_match).area_within_10 >= 0.4


def test_limit_is_what_the_reference_holds(problem: Problem) -> None:
    whole, part = box_reference(320), box_reference(320)
    part[(part[..., :3] == RED).all(axis=2)] = (*GREEN, 255)
    assert problem.judge(baselines(problem, whole, None).reference_limit).area_within_10 == 1
    assert 0 < problem.judge(baselines(problem, part, None).reference_limit).area_within_10 < 1


def test_limit_of_an_empty_reference_is_white(problem: Problem) -> None:
    empty = np.zeros((32, 32, 4), np.uint8)
    assert problem.judge(baselines(problem, empty, None).reference_limit).area_within_10 == 0


def test_baselines_same_every_time(problem: Problem) -> None:
    first, second = (baselines(problem, box_reference(320), None).palette_match for _ in range(2))
    assert (first == second).all()

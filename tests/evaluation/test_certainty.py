"""The surest part of the area is judged by itself."""

from __future__ import annotations

import numpy as np
import pytest
from colorizer.imaging.pictures import over_white
from colorizer.imaging.values import Check
from colorizer_lab.evaluation.certainty import Certainty, certainty, risk
from colorizer_lab.evaluation.judge import pose, squared
from drawn import box_mask, box_reference, box_sketch


def known(confidence: list[float], share: list[float], *, right: list[bool]) -> Certainty:
    return Certainty(np.array(confidence), np.array(share), np.array(right))


def test_surest_half_is_right() -> None:
    found = risk([known([0.9, 0.1], [0.5, 0.5], right=[True, False])])
    assert (found["50%"], found["100%"]) == (1, 0.5)
    assert found["80%"] == pytest.approx(0.5 / 0.8, abs=1e-3)


def test_triplets_count_alike() -> None:
    found = risk([known([0.9], [1.0], right=[True]), known([0.2, 0.1], [0.5, 0.5], right=[False, False])])
    assert found["50%"] == 1
    assert found["100%"] == 0.5


def test_nothing_known_no_table() -> None:
    assert risk([]) == {}


def test_confidence_is_read_for_every_judged_region() -> None:
    problem = pose(box_sketch(160), box_reference(160), box_mask(160))
    assert problem is not None
    sure = np.zeros((80, 80), np.uint8)
    sure[:, :40] = 255
    check = Check(np.zeros((160, 160), np.uint8), (), sure)
    found = certainty(problem, squared(over_white(box_reference(160))), check)
    assert found is not None
    assert sorted(found.confidence.round().tolist()) == [0, 1]
    assert found.right.all()
    assert found.share.sum() == pytest.approx(1)
    assert certainty(problem, squared(over_white(box_reference(160))), None) is None

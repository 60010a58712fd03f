"""Risk-coverage figures: how much of the area is right among the regions that the engine is most confident of.

Every triplet has the same weight, as in the means of `report`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from colorizer.imaging.values import Check
from numpy.typing import NDArray

from colorizer_lab.evaluation.judge import Colours, Problem, squared_mask

COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_RIGHT = 10.0
"""CIEDE2000 below which the colour of a region counts as right."""


@dataclass(frozen=True)
class Certainty:
    """The judged regions of one triplet."""

    confidence: NDArray[np.float64]
    """(n,), 0..1."""
    share: NDArray[np.float64]
    """(n,), of the judged area."""
    right: NDArray[np.bool_]
    """(n,)."""


def certainty(problem: Problem, colouring: Colours, check: Check | None) -> Certainty | None:
    """The engine's confidence in every judged region, and whether it was right; None if the engine reports none."""
    if check is None or check.confidence is None:
        return None
    known = np.repeat(squared_mask(check.confidence)[..., None], 3, axis=2)
    confidence = problem.medians(known)[:, 0].astype(np.float64)
    return Certainty(confidence, problem.shares(), problem.gaps(problem.medians(colouring)) < _RIGHT)


def risk(known: Sequence[Certainty]) -> dict[str, float]:
    """The share of the area that is right among the most confident 50 %, 60 %, ... of all area; empty without data."""
    if not known:
        return {}
    confidence = np.concatenate([one.confidence for one in known])
    share = np.concatenate([one.share for one in known])
    right = np.concatenate([one.right for one in known])
    order = np.argsort(-confidence, kind="stable")
    covered = np.concatenate([[0], np.cumsum(share[order])])
    good = np.concatenate([[0], np.cumsum((share * right)[order])])
    wanted = np.array(COVERAGES) * covered[-1]
    reached = np.interp(wanted, covered, good) / wanted
    return {
        f"{coverage:.0%}": round(float(value), 4) for coverage, value in zip(COVERAGES, reached, strict=True)
    }

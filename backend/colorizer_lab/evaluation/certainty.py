"""Is an engine right where it says it is sure? Of the surest part of the judged area, how much is right.

Every triplet counts alike, whatever its size, as in the means of `report`.
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
"""CIEDE2000 below which a region's colour counts as right."""


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
    """How sure the engine was of every judged region, and whether it was right; None where it doesn't say."""
    if check is None or check.confidence is None:
        return None
    known = np.repeat(squared_mask(check.confidence)[..., None], 3, axis=2)
    confidence = problem.medians(known)[:, 0].astype(np.float64)
    return Certainty(confidence, problem.shares(), problem.gaps(problem.medians(colouring)) < _RIGHT)


def risk(known: Sequence[Certainty]) -> dict[str, float]:
    """Share of the area that is right, of the surest 50 % of all area, 60 %, ...; empty where nothing is known."""
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

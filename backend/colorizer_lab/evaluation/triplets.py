"""Iterates over the triplets of a corpus for the simulated artists (`artist`, `clicks`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from colorizer.engines.base import ColorizeRequest, Engine, Result
from colorizer.imaging.color import Colours
from colorizer.imaging.layers import flatten
from colorizer.imaging.pictures import over_white, read_picture
from numpy.typing import NDArray

from colorizer_lab.evaluation.corpus import Item, read_corpus
from colorizer_lab.evaluation.judge import Problem, pose, squared
from colorizer_lab.evaluation.report import Stage, request_of

RIGHT = 10.0
"""CIEDE2000 below which a colour is right."""


@dataclass(frozen=True)
class Triplet:
    """One triplet, ready to be coloured and judged."""

    id: str
    request: ColorizeRequest
    problem: Problem
    truth: Colours
    """(judged, 3), the true colours."""

    def gaps(self, result: Result) -> NDArray[np.float64]:
        """The CIEDE2000 difference between the result and the truth in each judged region, (judged,)."""
        height, width = self.request.sketch.shape[:2]
        shown = squared(over_white(flatten(result.layers, width, height)))
        return self.problem.gaps(self.problem.medians(shown))


def load_engine(name: str) -> Engine:
    """Returns a loaded engine.

    Raises:
        ColorizerError: the engine or its weights do not exist.
    """
    from colorizer.engines.registry import get
    from colorizer.engines.runtime.device import choose_device

    engine = get(name)
    engine.load(choose_device("auto"))
    return engine


def judged_triplets(
    corpus: Path, limit: int | None, activity: str, progress: Stage | None
) -> Iterator[Triplet]:
    """Yields the triplets of a corpus that can be judged.

    Args:
        corpus: the folder of the corpus.
        limit: number of items to use, from the first.
        activity: what is done with each, for the progress.
        progress: called with the progress.

    Raises:
        InvalidInput: the folder holds no corpus.
    """
    items = [item for item in read_corpus(Path(corpus))[:limit] if item.kind == "triplet"]
    for number, item in enumerate(items):
        if progress is not None:
            progress(f"{activity} {item.id}", number, len(items))
        triplet = _triplet(item)
        if triplet is not None:
            yield triplet


def mean_curve(entries: Sequence[dict[str, Any]], numbers: Sequence[int]) -> dict[str, float]:
    """Averages the `curve` of each entry; empty if there are no entries."""
    if not entries:
        return {}
    return {
        str(number): round(float(np.mean([entry["curve"][str(number)] for entry in entries])), 4)
        for number in numbers
    }


def _triplet(item: Item) -> Triplet | None:
    case = item.cases[0]
    if case.truth is None:
        return None
    request = request_of(case, read_picture(case.sketch))
    problem = pose(request.sketch, read_picture(case.truth), request.sketch_mask)
    if problem is None:
        return None
    truth = np.rint(problem.medians(problem.truth) * 255).clip(0, 255).astype(np.uint8)
    return Triplet(item.id, request, problem, truth)

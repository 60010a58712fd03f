"""A simulated artist who puts hint dots of the true colour on the largest wrong regions.

For each triplet: colour, judge, put dots on the largest wrong regions, and colour again with all dots so far. The curve
is `area_within_10` by number of dots. For `one_each`, every wrong region of the first result gets a dot at once;
`repaired` is the share of the wrong area that is right afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from colorizer.engines.base import ColorizeRequest, Engine, Picture
from colorizer.imaging.layers import flatten
from colorizer.imaging.pictures import over_white, read_picture
from numpy.typing import NDArray

from colorizer_lab.evaluation.corpus import Case, read_corpus
from colorizer_lab.evaluation.judge import Problem, pose, squared
from colorizer_lab.evaluation.places import middle_and_depth
from colorizer_lab.evaluation.report import Stage, request_of, write_json
from colorizer_lab.silent import Silent

_RIGHT = 10.0
_RADIUS = 0.006
"""Radius of a dot as a share of the canvas's longer side; smaller in narrow regions."""
_DEPTH = 0.5
"""Largest radius of a dot as a share of the distance from the region's middle to its border."""


@dataclass(frozen=True)
class _Task:
    """One triplet."""

    engine: Engine
    request: ColorizeRequest
    problem: Problem
    truth: NDArray[np.uint8]
    """(judged, 3), the true colours."""

    def gaps(self, hints: Picture | None) -> NDArray[np.float64]:
        """The colour difference of each judged region to the truth with these hints, (judged,)."""
        height, width = self.request.sketch.shape[:2]
        result = self.engine.colorize(replace(self.request, hints=hints), Silent())
        shown = squared(over_white(flatten(result.layers, width, height)))
        return self.problem.gaps(self.problem.medians(shown))


def evaluate_dots(
    corpus: Path,
    engine: str,
    dots: Sequence[int],
    *,
    report: Path | None = None,
    limit: int | None = None,
    progress: Stage | None = None,
) -> dict[str, Any]:
    """Computes the curve of an engine over the triplets of a corpus.

    Args:
        corpus: the folder of the corpus.
        engine: the name of the engine.
        dots: numbers of dots, ascending.
        report: file to write the figures to.
        limit: number of items to use, from the first.
        progress: called with the progress.

    Returns:
        `curve` (number of dots -> mean `area_within_10`), `one_each`, `repaired`, `items`.

    Raises:
        ColorizerError: the engine, the corpus or the weights do not exist.
    """
    from colorizer.engines.registry import get
    from colorizer.engines.runtime.device import choose_device

    chosen = get(engine)
    chosen.load(choose_device("auto"))
    items = [item for item in read_corpus(Path(corpus))[:limit] if item.kind == "triplet"]
    entries: list[dict[str, Any]] = []
    for number, item in enumerate(items):
        if progress is not None:
            progress(f"Dotting {item.id}", number, len(items))
        task = _task(chosen, item.cases[0])
        if task is not None:
            entries.append({"id": item.id, **_figures(task, dots)})
    result = {"engine": engine, "corpus": str(corpus), **_means(entries, dots), "items": entries}
    if report is not None:
        write_json(Path(report), result)
    return result


def table(figures: dict[str, Any]) -> str:
    """Formats the curve for a terminal."""
    lines = [
        f"{len(figures['items'])} triplets; area within CIEDE2000 10 of the truth, by number of hint dots"
    ]
    lines += [f"{number:>8s} {value:.3f}" for number, value in figures["curve"].items()]
    lines.append(
        f"one dot on every wrong region: {figures['one_each']:.3f}, {figures['repaired']:.0%} of the wrong area"
    )
    return "\n".join(lines)


def draw_dots(problem: Problem, wrong: NDArray[np.intp], colours: NDArray[np.uint8], hints: Picture) -> None:
    """Draws a dot in the middle of each of the given regions.

    Args:
        problem: the problem with the regions.
        wrong: (n,), indices into `problem.judged`.
        colours: (judged, 3).
        hints: (H, W, 4), the size of the sketch; modified in place.
    """
    height, width = hints.shape[:2]
    for index in wrong:
        middle, depth = middle_and_depth(problem, int(index), (width, height))
        radius = max(1, round(min(_RADIUS * max(height, width), _DEPTH * depth)))
        colour = tuple(int(value) for value in colours[index])
        cv2.circle(hints, middle, radius, (*colour, 255), -1)


def _task(engine: Engine, case: Case) -> _Task | None:
    """Prepares a triplet; None if there is nothing to judge."""
    truth = read_picture(case.truth) if case.truth is not None else None
    request = request_of(case, read_picture(case.sketch))
    problem = pose(request.sketch, truth, request.sketch_mask) if truth is not None else None
    if problem is None:
        return None
    colours = np.rint(problem.medians(problem.truth) * 255).clip(0, 255).astype(np.uint8)
    return _Task(engine, request, problem, colours)


def _figures(task: _Task, dots: Sequence[int]) -> dict[str, Any]:
    share = task.problem.shares()
    first = gaps = task.gaps(None)
    hints: Picture = np.zeros_like(task.request.sketch)
    dotted = np.zeros(len(share), bool)
    curve: dict[str, float] = {}
    for number in dots:
        wanted = number - int(dotted.sum())
        wrong = np.flatnonzero((gaps >= _RIGHT) & ~dotted)
        chosen = wrong[np.argsort(-share[wrong], kind="stable")][:wanted]
        if len(chosen):
            dotted[chosen] = True
            draw_dots(task.problem, chosen, task.truth, hints)
            gaps = task.gaps(hints)
        curve[str(number)] = float((share * (gaps < _RIGHT)).sum())
    every: Picture = np.zeros_like(task.request.sketch)
    draw_dots(task.problem, np.flatnonzero(first >= _RIGHT), task.truth, every)
    after = task.gaps(every)
    wrong_area = float(share[first >= _RIGHT].sum())
    right_now = float(share[(first >= _RIGHT) & (after < _RIGHT)].sum())
    return {
        "curve": curve,
        "one_each": float((share * (after < _RIGHT)).sum()),
        "wrong_area": wrong_area,
        "repaired_area": right_now,
    }


def _means(entries: Sequence[dict[str, Any]], dots: Sequence[int]) -> dict[str, Any]:
    if not entries:
        return {"curve": {}, "one_each": 0.0, "repaired": 0.0}
    wrong = sum(entry["wrong_area"] for entry in entries)
    return {
        "curve": {
            str(n): round(float(np.mean([entry["curve"][str(n)] for entry in entries])), 4) for n in dots
        },
        "one_each": round(float(np.mean([entry["one_each"] for entry in entries])), 4),
        "repaired": round(sum(entry["repaired_area"] for entry in entries) / max(wrong, 1e-9), 4),
    }

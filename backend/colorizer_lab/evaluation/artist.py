"""A simulated artist who puts hint dots of the true colour on the largest wrong regions.

For each triplet: colour, judge, put dots on the largest wrong regions, and colour again with all dots so far. The curve
is `area_within_10` by number of dots. For `one_each`, every wrong region of the first result gets a dot at once;
`repaired` is the share of the wrong area that is right afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from colorizer.engines.base import Engine, Picture
from numpy.typing import NDArray

from colorizer_lab.evaluation.judge import Problem
from colorizer_lab.evaluation.places import middle_and_depth
from colorizer_lab.evaluation.report import Stage, write_json
from colorizer_lab.evaluation.triplets import RIGHT, Triplet, judged_triplets, load_engine, mean_curve
from colorizer_lab.silent import Silent

_RADIUS = 0.006
"""Radius of a dot as a share of the canvas's longer side; smaller in narrow regions."""
_DEPTH = 0.5
"""Largest radius of a dot as a share of the distance from the region's middle to its border."""


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
    chosen = load_engine(engine)
    entries = [
        {"id": triplet.id, **_figures(chosen, triplet, dots)}
        for triplet in judged_triplets(corpus, limit, "Dotting", progress)
    ]
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


def _gaps(engine: Engine, triplet: Triplet, hints: Picture | None) -> NDArray[np.float64]:
    """The colour difference of each judged region to the truth with these hints, (judged,)."""
    return triplet.gaps(engine.colorize(replace(triplet.request, hints=hints), Silent()))


def _figures(engine: Engine, triplet: Triplet, dots: Sequence[int]) -> dict[str, Any]:
    share = triplet.problem.shares()
    first = gaps = _gaps(engine, triplet, None)
    hints: Picture = np.zeros_like(triplet.request.sketch)
    dotted = np.zeros(len(share), bool)
    curve: dict[str, float] = {}
    for number in dots:
        wanted = number - int(dotted.sum())
        wrong = np.flatnonzero((gaps >= RIGHT) & ~dotted)
        chosen = wrong[np.argsort(-share[wrong], kind="stable")][:wanted]
        if len(chosen):
            dotted[chosen] = True
            draw_dots(triplet.problem, chosen, triplet.truth, hints)
            gaps = _gaps(engine, triplet, hints)
        curve[str(number)] = float((share * (gaps < RIGHT)).sum())
    every: Picture = np.zeros_like(triplet.request.sketch)
    draw_dots(triplet.problem, np.flatnonzero(first >= RIGHT), triplet.truth, every)
    after = _gaps(engine, triplet, every)
    wrong_area = float(share[first >= RIGHT].sum())
    right_now = float(share[(first >= RIGHT) & (after < RIGHT)].sum())
    return {
        "curve": curve,
        "one_each": float((share * (after < RIGHT)).sum()),
        "wrong_area": wrong_area,
        "repaired_area": right_now,
    }


def _means(entries: Sequence[dict[str, Any]], dots: Sequence[int]) -> dict[str, Any]:
    if not entries:
        return {"curve": {}, "one_each": 0.0, "repaired": 0.0}
    wrong = sum(entry["wrong_area"] for entry in entries)
    return {
        "curve": mean_curve(entries, dots),
        "one_each": round(float(np.mean([entry["one_each"] for entry in entries])), 4),
        "repaired": round(sum(entry["repaired_area"] for entry in entries) / max(wrong, 1e-9), 4),
    }

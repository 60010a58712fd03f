"""A simulated artist who corrects the largest wrong region by a click, with a likely colour or one of the palette.

For each triplet: colour, judge, and click the middle of the largest wrong region. If one of the first three likely
colours is right, the artist chooses it, otherwise the palette's colour that is nearest to the truth. As in the docker,
regions that the engine took for the same thing change with it. The curve is `area_within_10` by number of clicks.
`first` is the share of clicks in which the right colour was the first likely colour, among the first two, three, six,
and anywhere in the palette.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from colorizer.engines import last_stage
from colorizer.engines.base import Correction, Engine, Result
from colorizer.imaging import color
from colorizer.imaging.color import Colours
from colorizer.imaging.region_table import LIKELY, RegionTable
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from colorizer_lab.evaluation.places import middle_of
from colorizer_lab.evaluation.report import Stage, write_json
from colorizer_lab.evaluation.triplets import RIGHT, Triplet, judged_triplets, load_engine, mean_curve
from colorizer_lab.silent import Silent

_TRIED = 3
"""Number of likely colours that the artist considers before the palette."""
RANKS = (1, 2, 3, LIKELY)


@dataclass
class _Task:
    """One triplet, with the corrections so far."""

    engine: Engine
    triplet: Triplet
    corrections: tuple[Correction, ...] = ()
    ranks: list[int] = field(default_factory=list)
    """For each click, the rank of the right colour among the likely ones, from 1; 0: in the palette; -1: nowhere."""

    def coloured(self) -> tuple[Result, NDArray[np.float64]]:
        """The result with the corrections so far, and each region's colour difference to the truth, (judged,)."""
        request = replace(self.triplet.request, corrections=self.corrections)
        result = last_stage.colorize(self.engine, request, Silent())
        return result, self.triplet.gaps(result)

    def click(self, result: Result, judged: int) -> None:
        """Corrects one region, and the regions that the engine took for the same thing."""
        table, truth = result.table, self.triplet.truth[judged]
        assert table is not None
        x, y = middle_of(self.triplet.problem, judged, self.triplet.request.sketch.shape[1::-1])
        region = int(table.labels[y, x])
        colour, rank = chosen(
            table.likely[region][1:], color.from_hex(result.report.get("palette", [])), truth
        )
        self.ranks.append(rank)
        if colour is not None:
            made = [Correction(*point, colour) for point in _points(table, region)]
            self.corrections = (*self.corrections, *made)


def chosen(likely: Colours, palette: Colours, truth: NDArray[np.uint8]) -> tuple[str | None, int]:
    """The colour that the artist chooses (None if there is none), and the right colour's rank as in `_Task.ranks`.

    Args:
        likely: (R, 3), the most likely first.
        palette: (P, 3).
        truth: (3,).
    """
    right = np.flatnonzero(_distances(likely, truth) < RIGHT)
    rank = int(right[0]) + 1 if len(right) else -1
    if 0 < rank <= _TRIED:
        return color.as_hex(likely[rank - 1 : rank])[0], rank
    every = np.concatenate([palette, likely])
    if not len(every):
        return None, -1
    apart = _distances(every, truth)
    nearest = int(apart.argmin())
    if rank < 0 and apart[nearest] < RIGHT:
        rank = 0
    return color.as_hex(every[nearest : nearest + 1])[0], rank


def evaluate_clicks(
    corpus: Path,
    engine: str,
    clicks: Sequence[int],
    *,
    report: Path | None = None,
    limit: int | None = None,
    progress: Stage | None = None,
) -> dict[str, Any]:
    """Computes the curve of an engine over the triplets of a corpus.

    Args:
        corpus: the folder of the corpus.
        engine: the name of the engine.
        clicks: numbers of clicks, ascending.
        report: file to write the figures to.
        limit: number of items to use, from the first.
        progress: called with the progress.

    Returns:
        `curve` (number of clicks -> mean `area_within_10`), `clicks`, `first` (rank -> share), `palette`, `items`.

    Raises:
        ColorizerError: the engine, the corpus or the weights do not exist.
    """
    drawn = load_engine(engine)
    entries = [
        {"id": one.id, **_figures(_Task(drawn, one), clicks)}
        for one in judged_triplets(corpus, limit, "Correcting", progress)
    ]
    result = {"engine": engine, "corpus": str(corpus), **_means(entries, clicks), "items": entries}
    if report is not None:
        write_json(Path(report), result)
    return result


def table(figures: dict[str, Any]) -> str:
    """Formats the curve and the ranks for a terminal."""
    lines = [
        f"{len(figures['items'])} triplets; area within CIEDE2000 10 of the truth, by number of corrected regions"
    ]
    lines += [f"{number:>8s} {value:.3f}" for number, value in figures["curve"].items()]
    shares = ", ".join(f"{rank}: {share:.0%}" for rank, share in figures["first"].items())
    lines.append(f"{figures['clicks']} clicks; the right colour among the first {shares}")
    lines.append(f"                in the palette or among the likely ones: {figures['palette']:.0%}")
    return "\n".join(lines)


def _figures(task: _Task, clicks: Sequence[int]) -> dict[str, Any]:
    share = task.triplet.problem.shares()
    result, gaps = task.coloured()
    done = np.zeros(len(share), bool)
    curve: dict[str, float] = {}
    for number in clicks:
        while len(task.ranks) < number and result.table is not None:
            wrong = np.flatnonzero((gaps >= RIGHT) & ~done)
            if not len(wrong):
                break
            largest = int(wrong[np.argmax(share[wrong])])
            done[largest] = True
            task.click(result, largest)
            result, gaps = task.coloured()
        curve[str(number)] = float((share * (gaps < RIGHT)).sum())
    return {"curve": curve, "ranks": task.ranks}


def _means(entries: Sequence[dict[str, Any]], clicks: Sequence[int]) -> dict[str, Any]:
    ranks = [rank for entry in entries for rank in entry["ranks"]]
    total = max(len(ranks), 1)
    return {
        "curve": mean_curve(entries, clicks),
        "clicks": len(ranks),
        "first": {str(most): round(sum(0 < rank <= most for rank in ranks) / total, 4) for most in RANKS},
        "palette": round(sum(rank >= 0 for rank in ranks) / total, 4),
    }


def _points(regions: RegionTable, region: int) -> list[tuple[int, int]]:
    """A pixel of the region, and one of each region that the engine took for the same thing."""
    found = []
    for one in (region, *regions.alike[region].tolist()):
        y, x = np.unravel_index(int((regions.labels == one).argmax()), regions.labels.shape)
        found.append((int(x), int(y)))
    return found


def _distances(colours: Colours, truth: NDArray[np.uint8]) -> NDArray[np.float64]:
    """CIEDE2000 of colours to the truth, (N,)."""
    lab = rgb2lab(colours.reshape(1, -1, 3) / 255)[0]
    return deltaE_ciede2000(lab, rgb2lab(truth.reshape(1, 1, 3) / 255)[0])  # type: ignore[no-any-return]

"""Compares two reports of `colorize evaluate` on the same corpus, with confidence intervals.

Items are paired. The interval is the 95 % interval of 4,000 bootstrap means of the differences. Items are resampled
within their families, so that each family keeps its weight in the means.

    python -m colorizer_lab.evaluation.compare BEFORE.json AFTER.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from colorizer.errors import InvalidInput
from numpy.typing import NDArray

FIGURES = ("figure_within_10", "area_within_10", "regions_within_10")
_RESAMPLES = 4000


@dataclass(frozen=True)
class Difference:
    """One figure of a group of items, before and after."""

    group: str
    figure: str
    items: int
    before: float
    after: float
    low: float
    """Lower bound of the 95 % interval of the mean difference; `high` is the upper bound."""
    high: float


def compare(before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    """Compares two reports: all items, each difficulty class, and each kind of pair (by names `family-kind_number`).

    Args:
        before: a report of `colorizer_lab.evaluation.report.evaluate`. Its classes are used.
        after: another report on the same corpus.

    Raises:
        InvalidInput: the reports have no item in common.
    """
    old, new = (
        {item["id"]: item for item in report["items"] if FIGURES[0] in item} for report in (before, after)
    )
    names = [name for name in old if name in new]
    if not names:
        raise InvalidInput(
            "The reports have no coloured item in common. Give two reports on the same corpus."
        )
    groups: dict[str, list[str]] = {"all": names}
    for name in names:
        kind = name.rpartition("_")[0].partition("-")[2]
        for group in (old[name]["class"], kind):
            if group:
                groups.setdefault(group, []).append(name)
    return [
        _difference(group, figure, [old[name] for name in members], [new[name] for name in members])
        for group, members in groups.items()
        for figure in FIGURES
    ]


def interval(differences: NDArray[np.float64], families: Sequence[str]) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean of differences (n,), with items resampled within their families."""
    rng = np.random.default_rng(0)
    sums = np.zeros(_RESAMPLES)
    for family in dict.fromkeys(families):
        members = differences[[one == family for one in families]]
        sums += members[rng.integers(0, len(members), (_RESAMPLES, len(members)))].sum(1)
    low, high = np.percentile(sums / len(differences), [2.5, 97.5])
    return float(low), float(high)


def table(differences: Sequence[Difference]) -> str:
    """Formats the differences for a terminal, one per line."""
    return "\n".join(
        f"{one.group:8s} {one.figure:18s} {one.items:4d} items  {one.before:.3f} -> {one.after:.3f}  "
        f"{one.after - one.before:+.3f} [{one.low:+.3f}, {one.high:+.3f}]"
        for one in differences
    )


def _difference(
    group: str, figure: str, before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> Difference:
    old, new = (np.array([item[figure] for item in items], np.float64) for items in (before, after))
    low, high = interval(new - old, [item["family"] for item in before])
    return Difference(group, figure, len(old), float(old.mean()), float(new.mean()), low, high)


def main() -> None:
    """Prints the comparison."""
    parser = argparse.ArgumentParser(prog="python -m colorizer_lab.evaluation.compare", description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    options = parser.parse_args()
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in (options.before, options.after)]
    print(table(compare(*reports)))  # noqa: T201 - the command's output


if __name__ == "__main__":
    main()

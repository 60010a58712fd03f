"""Evaluation of an engine's automatic foreground masks: intersection over union with a corpus's masks.

The baseline is `foreground.flood`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from colorizer.errors import ColorizerError
from colorizer.imaging.masks import fit_mask, mask_from_picture
from colorizer.imaging.pictures import read_picture
from colorizer.imaging.values import Mask

from colorizer_lab.evaluation.corpus import Item, read_corpus
from colorizer_lab.evaluation.foreground import flood
from colorizer_lab.evaluation.report import Stage, write_json
from colorizer_lab.silent import Silent


def evaluate_masks(
    corpus: Path,
    engine: str,
    *,
    report: Path | None = None,
    limit: int | None = None,
    progress: Stage | None = None,
) -> dict[str, Any]:
    """Computes the mean IoU of automatic masks over all pictures of a corpus that have a mask.

    Returns:
        `sketch` and `reference`, each with `engine`, `flood` and `pictures`; and `items`.

    Raises:
        ColorizerError: the engine, the corpus or the weights do not exist.
    """
    from colorizer.engines.registry import get
    from colorizer.engines.runtime.device import choose_device

    chosen = get(engine)
    chosen.load(choose_device("auto"))
    items = read_corpus(Path(corpus))[:limit]
    entries: list[dict[str, Any]] = []
    for number, item in enumerate(items):
        if progress is not None:
            progress(f"Finding the foreground of {item.id}", number, len(items))
        for role, picture_file, mask_file in _marked(item):
            picture, truth = read_picture(picture_file), mask_from_picture(read_picture(mask_file))
            try:
                found = chosen.foreground_mask(picture, Silent())
            except ColorizerError:
                found = np.zeros(picture.shape[:2], np.uint8)
            entries.append(
                {"id": item.id, "of": role, "engine": iou(found, truth), "flood": iou(flood(picture), truth)}
            )
    result = {"engine": engine, "corpus": str(corpus), **_means(entries), "items": entries}
    if report is not None:
        write_json(Path(report), result)
    return result


def table(figures: dict[str, Any]) -> str:
    """Formats the means for a terminal."""
    lines = ["mean IoU of automatic masks with the corpus's"]
    for role in ("sketch", "reference"):
        row = figures[role]
        lines.append(
            f"{role:10s} {row['pictures']:3d} pictures   engine {row['engine']:.3f}   flood {row['flood']:.3f}"
        )
    return "\n".join(lines)


def iou(found: Mask, truth: Mask) -> float:
    """Intersection over union of two masks; `found` is scaled to the other's size."""
    ours, theirs = fit_mask(found, truth.shape[1], truth.shape[0]) > 127, truth > 127
    union = np.count_nonzero(ours | theirs)
    return float(np.count_nonzero(ours & theirs) / union) if union else 1.0


def _marked(item: Item) -> Iterator[tuple[str, Path, Path]]:
    if item.kind == "hostile":
        return
    for case in item.cases:
        if case.sketch_mask is not None:
            yield "sketch", case.sketch, case.sketch_mask
        if case.reference_mask is not None:
            yield "reference", case.references[0], case.reference_mask


def _means(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    means: dict[str, Any] = {}
    for role in ("sketch", "reference"):
        rows = [entry for entry in entries if entry["of"] == role]
        mean = {
            name: round(float(np.mean([row[name] for row in rows])), 4) if rows else 0.0
            for name in ("engine", "flood")
        }
        means[role] = {**mean, "pictures": len(rows)}
    return means

"""`colorize evaluate`: runs an engine on every item of a corpus by its public interface, with baselines.

Triplets are judged (`judge`) and averaged; a triplet that the engine refuses counts like a white result. Frames of a
sequence that have a truth are judged separately and averaged per item. Wild pairs and hostile items are run, and their
outcome is recorded: a result, or the error message for the artist. In addition to the judge's metrics, every coloured
item has

- `unpainted`: the share of the foreground (without a mask: of the canvas) that is transparent;
- `off_palette`: the share of the flat layers' painted pixels whose exact colour occurs in no reference;
- `seconds`: the engine's time;
- `lines_unchanged`: whether the sketch file and its pixels are unchanged (SHA-256).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from colorizer.engines.base import ColorizeRequest, Engine, Mask, Mode, Picture, Reference, Result, Role
from colorizer.errors import ColorizerError
from colorizer.files import write_atomically
from colorizer.imaging import color
from colorizer.imaging.layers import coverage, flatten, with_lines
from colorizer.imaging.masks import fit_mask, mask_from_picture
from colorizer.imaging.pictures import over_white, read_picture
from numpy.typing import NDArray

from colorizer_lab.evaluation.baselines import NAMES, baselines
from colorizer_lab.evaluation.certainty import Certainty, certainty, risk
from colorizer_lab.evaluation.corpus import Case, Item, read_corpus
from colorizer_lab.evaluation.judge import Problem, pose, squared
from colorizer_lab.evaluation.sheet import Row, write_sheet
from colorizer_lab.silent import Silent

FIGURES = (
    "figure_within_10",
    "area_within_10",
    "regions_within_10",
    "area_within_5",
    "delta_e_area",
    "psnr",
    "ssim",
    "bleed",
)
MORE_FIGURES = ("unpainted", "off_palette", "seconds")
CLASSES = ("hard", "middle", "aligned")

Figures = dict[str, float]
Stage = Callable[[str, int, int], None]


@dataclass(frozen=True)
class _Outcome:
    """The outcome of one case."""

    figures: Figures
    baselines: dict[str, Figures]
    lines_unchanged: bool = True
    sentence: str = ""
    """The error message for the artist if there is no result."""
    row: Row | None = None
    sure: Certainty | None = None
    """The engine's confidence by region."""


def evaluate(
    corpus: Path,
    engine: str,
    *,
    report: Path | None = None,
    sheet: Path | None = None,
    limit: int | None = None,
    progress: Stage | None = None,
) -> dict[str, Any]:
    """Evaluates an engine on a corpus.

    Args:
        corpus: the folder of the corpus.
        engine: the name of the engine.
        report: file to write the figures to.
        sheet: file to write the contact sheet to.
        limit: number of items to use, from the first.
        progress: called with the progress.

    Returns:
        `engine`, `corpus`, `items` (each with `id`, `kind`, `family`, `class`, metrics, `baselines`, `sentences`),
        `mean`, `classes` and `families` over the triplets, `baselines` with the same for each baseline, and `risk` (see
        `certainty`). JSON values only.

    Raises:
        ColorizerError: the engine, the corpus or the weights do not exist.
    """
    from colorizer.engines.registry import get
    from colorizer.engines.runtime.device import choose_device

    items = read_corpus(Path(corpus))[:limit]
    chosen = get(engine)
    chosen.load(choose_device("auto"))
    entries: list[dict[str, Any]] = []
    rows: list[Row] = []
    known: list[Certainty] = []
    for number, item in enumerate(items):
        if progress is not None:
            progress(f"Colouring {item.id}", number, len(items))
        outcomes = [_run(chosen, case) for case in item.cases]
        entries.append(_entry(item, outcomes))
        known += [one.sure for one in outcomes if one.sure is not None and item.kind == "triplet"]
        rows += [_captioned(outcome.row, entries[-1]) for outcome in outcomes[:1] if outcome.row is not None]
    result = {
        "engine": engine,
        "corpus": str(corpus),
        **_summary(entries),
        "risk": risk(known),
        "items": entries,
    }
    if report is not None:
        write_json(Path(report), result)
    if sheet is not None:
        write_sheet(Path(sheet), rows, title=_title(result))
    return result


def table(figures: dict[str, Any]) -> str:
    """Formats the means for a terminal."""
    lines = [
        f"{len(figures['items'])} items; within CIEDE2000 10 of the truth: figure's pixels, area, regions; mean "
        "difference, PSNR, SSIM"
    ]
    columns = [("all", None), *((name, name) for name in CLASSES)]
    for title, group in columns:
        for method, means in (("engine", figures), *figures["baselines"].items()):
            row = means["mean"] if group is None else means["classes"].get(group, {})
            if row:
                lines.append(
                    f"{title:8s} {method:15s} {_rights(row)}  {row['delta_e_area']:5.1f}  {row['psnr']:5.1f} dB  "
                    f"{row['ssim']:.3f}"
                )
    for name, row in figures.get("families", {}).items():
        same = figures["baselines"]["same_place"]["families"][name]["figure_within_10"]
        lines.append(f"{name:14s} {row['items']:3d} items  {_rights(row)}  (same place {same:.3f})")
    if figures.get("risk"):
        lines.append(
            "of the surest area, right: " + "  ".join(f"{k} {v:.3f}" for k, v in figures["risk"].items())
        )
    return "\n".join(lines)


def _rights(row: Figures) -> str:
    return f"{row['figure_within_10']:.3f}  {row['area_within_10']:.3f}  {row['regions_within_10']:.3f}"


def _title(figures: dict[str, Any]) -> str:
    """The heading of the sheet: the share of the foreground that is right, for the engine and the baselines."""
    if not figures["mean"]:
        return f"{figures['engine']}: {len(figures['items'])} items"
    parts = [f"{figures['engine']} {figures['mean']['figure_within_10']:.3f}"]
    parts += [
        f"{name} {means['mean']['figure_within_10']:.3f}" for name, means in figures["baselines"].items()
    ]
    return f"{len(figures['items'])} items, figure within CIEDE2000 10 of the truth:  " + "   ".join(parts)


def _run(engine: Engine, case: Case) -> _Outcome:
    before = _fingerprint(case.sketch)
    try:
        sketch = read_picture(case.sketch)
        request = request_of(case, sketch)
        truth = read_picture(case.truth) if case.truth is not None else None
    except ColorizerError as error:
        return _Outcome({}, {}, before == _fingerprint(case.sketch), sentence=str(error))
    pixels, start, sentence = sketch.tobytes(), time.perf_counter(), ""
    try:
        result = engine.colorize(request, Silent())
    except ColorizerError as error:
        result, sentence = Result(()), str(error)
    seconds = time.perf_counter() - start
    unchanged = before == _fingerprint(case.sketch) and pixels == sketch.tobytes()
    if sentence and truth is None:
        return _Outcome({}, {}, unchanged, sentence)
    return replace(_judged(request, result, truth, seconds), lines_unchanged=unchanged, sentence=sentence)


def request_of(case: Case, sketch: Picture) -> ColorizeRequest:
    """The request of an artist with masks: foreground from foreground; without both masks, the whole picture."""
    mask = _mask(case.sketch_mask)
    reference_mask = _mask(case.reference_mask)
    pictures = [read_picture(path) for path in case.references]
    references = (Reference(pictures[0], reference_mask), *(Reference(picture) for picture in pictures[1:]))
    both = mask is not None and reference_mask is not None
    return ColorizeRequest(sketch, references, mode=Mode.SPLIT if both else Mode.WHOLE, sketch_mask=mask)


def _mask(path: Path | None) -> Mask | None:
    return None if path is None else mask_from_picture(read_picture(path))


def _judged(request: ColorizeRequest, result: Result, truth: Picture | None, seconds: float) -> _Outcome:
    height, width = request.sketch.shape[:2]
    flat = flatten(result.layers, width, height)
    figures: Figures = {
        "unpainted": _unpainted(flat, request.sketch_mask),
        "off_palette": _off_palette(result, request.references),
        "seconds": seconds,
    }
    problem = pose(request.sketch, truth, request.sketch_mask) if truth is not None else None
    sure = None
    beside: dict[str, Figures] = {}
    pictures = [
        over_white(request.references[0].picture),
        over_white(with_lines(result.layers, request.sketch)),
    ]
    if problem is not None:
        colouring = squared(over_white(flat))
        figures |= asdict(problem.judge(colouring))
        sure = certainty(problem, colouring, result.check)
        beside, coloured = _baselines(problem, request)
        pictures += coloured
    truth_picture = over_white(truth) if truth is not None else None
    row = Row("", over_white(request.sketch), pictures[0], truth_picture, pictures[1], tuple(pictures[2:]))
    return _Outcome(figures, beside, row=row.small(), sure=sure)


def _baselines(
    problem: Problem, request: ColorizeRequest
) -> tuple[dict[str, Figures], list[NDArray[np.uint8]]]:
    """The metrics of every baseline, and the pictures of those shown on the sheet."""
    made = baselines(problem, request.references[0].picture, request.references[0].mask)
    colourings = {name: getattr(made, name) for name in NAMES}
    figures = {name: asdict(problem.judge(colouring)) for name, colouring in colourings.items()}
    pictures = [problem.picture(colourings[name]) for name in ("same_place", "palette_match")]
    return figures, pictures


def _unpainted(flat: Picture, mask: Mask | None) -> float:
    height, width = flat.shape[:2]
    clear = flat[..., 3] == 0
    if mask is None or not (mask > 127).any():
        return float(clear.mean())
    return float(clear[fit_mask(mask, width, height) > 127].mean())


def _off_palette(result: Result, references: Sequence[Reference]) -> float:
    known = np.unique(
        np.concatenate([np.unique(color.pack(r.picture[r.picture[..., 3] > 0])) for r in references])
    )
    painted = off = 0
    for layer in result.layers:
        if layer.role in (Role.FOREGROUND, Role.BACKGROUND):
            colours, counts = np.unique(color.pack(layer.pixels[coverage(layer) > 0]), return_counts=True)
            painted += int(counts.sum())
            off += int(counts[~np.isin(colours, known)].sum())
    return off / max(1, painted)


def _fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _entry(item: Item, outcomes: Sequence[_Outcome]) -> dict[str, Any]:
    """One item of the report."""
    judged = [outcome for outcome in outcomes if outcome.baselines]
    beside = (
        {name: _mean([outcome.baselines[name] for outcome in judged]) for name in NAMES} if judged else {}
    )
    return {
        "id": item.id,
        "kind": item.kind,
        "family": item.id.split("_")[0],
        "class": _class(beside["same_place"]["area_within_10"]) if judged else None,
        **_mean([outcome.figures for outcome in outcomes]),
        "lines_unchanged": all(outcome.lines_unchanged for outcome in outcomes),
        "cases": len(outcomes),
        "sentences": [outcome.sentence for outcome in outcomes if outcome.sentence],
        "baselines": beside,
    }


def _class(same_place: float) -> str:
    """The difficulty class, by the result of the `same_place` baseline."""
    if same_place < 0.3:
        return "hard"
    return "middle" if same_place < 0.7 else "aligned"


def _summary(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over the judged triplets, in total and by difficulty, of the engine and of the baselines."""
    judged = [entry for entry in entries if entry["kind"] == "triplet" and entry["baselines"]]

    def means(pick: Callable[[dict[str, Any]], Figures]) -> dict[str, Any]:
        def grouped(key: str, names: Sequence[str]) -> dict[str, Any]:
            groups = {name: [pick(entry) for entry in judged if entry[key] == name] for name in names}
            return {name: {**_mean(group), "items": len(group)} for name, group in groups.items() if group}

        families = list(dict.fromkeys(entry["family"] for entry in judged))
        return {
            "mean": _mean([pick(entry) for entry in judged]),
            "classes": grouped("class", CLASSES),
            "families": grouped("family", families),
        }

    def of_engine(entry: dict[str, Any]) -> Figures:
        return {name: entry[name] for name in (*FIGURES, *MORE_FIGURES, "lines_unchanged")}

    beside = {name: means(lambda entry, name=name: entry["baselines"][name]) for name in NAMES}  # type: ignore[misc]
    return {**means(of_engine), "baselines": beside}


def _mean(rows: Sequence[Figures]) -> Figures:
    """The mean of every metric over the rows that have it."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}


def _captioned(row: Row, entry: dict[str, Any]) -> Row:
    text = entry["id"]
    if "figure_within_10" in entry:
        text += f"   {entry['figure_within_10']:.2f}   area {entry['area_within_10']:.2f}   {entry['class']}"
    return Row(text, row.sketch, row.reference, row.truth, row.ours, row.baselines)


def write_json(path: Path, figures: dict[str, Any]) -> None:
    """Writes a report atomically."""
    write_atomically(path, json.dumps(figures, indent=1, ensure_ascii=False) + "\n")

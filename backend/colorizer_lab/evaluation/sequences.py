"""Colour consistency of sequences: compares regions with the same label across frames.

The sequence coloured as a whole is compared with frame-by-frame colouring. An engine that colours every page
independently (ColorFlow, AnimeDiffusion) is compared with the built-in engine, frame by frame, in the same run.

Regions are the judge's. The label of a region is its true colour: starting with the largest region, regions whose
true colours are within CIEDE2000 5 share a label. `largest` and `mean` are the CIEDE2000 between the painted colours
of two regions with the same label on different frames; the mean is weighted by the smaller of the two areas.
`differing` is the weight of the pairs that differ by more than 1. `area_within_10` is given too, because painting
everything in one colour would also be consistent. `truth` are the same figures for the truth itself, whose regions
may be shaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from colorizer.engines.base import ColorizeRequest, Engine, Mask, Options, Picture, Reference
from colorizer.engines.sequences import Likeness, SequenceEngine, agree
from colorizer.errors import InvalidInput
from colorizer.imaging.layers import flatten
from colorizer.imaging.masks import mask_from_picture
from colorizer.imaging.pictures import over_white, read_picture
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from colorizer_lab.evaluation.corpus import Case, Item, read_corpus
from colorizer_lab.evaluation.judge import Problem, pose, squared
from colorizer_lab.evaluation.report import Stage, write_json
from colorizer_lab.silent import Silent

WAYS = ("truth", "match", "frame_by_frame", "together")
_ONE_LABEL = 5.0
_RIGHT = 10.0
_DIFFERENT = 1.0


@dataclass(frozen=True)
class Consistency:
    """The metrics of one colouring of a sequence."""

    largest: float
    mean: float
    differing: float
    area_within_10: float


@dataclass(frozen=True)
class Strip:
    """A sequence prepared for judging any number of colourings; n is the number of judged regions of all frames."""

    problems: tuple[Problem, ...]
    frame: NDArray[np.intp]
    """(n,): the frame of each region."""
    area: NDArray[np.float64]
    """(n,): the region's share of the frame."""
    truth: NDArray[np.float64]
    """(n, 3) CIELAB."""
    label: NDArray[np.intp]
    """(n,)."""

    def judge(self, frames: Sequence[Picture]) -> Consistency:
        """Computes the metrics of one colouring: a flat RGBA picture for every problem."""
        colours = [
            problem.medians(squared(over_white(frame)))
            for problem, frame in zip(self.problems, frames, strict=True)
        ]
        return self._figures(_lab(colours))

    def of_truth(self) -> Consistency:
        """The metrics of the truth itself."""
        return self._figures(self.truth)

    def _figures(self, colours: NDArray[np.float64]) -> Consistency:
        first, second = np.triu_indices(len(self.frame), 1)
        alike = (self.label[first] == self.label[second]) & (self.frame[first] != self.frame[second])
        first, second = first[alike], second[alike]
        right = deltaE_ciede2000(colours, self.truth) < _RIGHT
        gap = deltaE_ciede2000(colours[first], colours[second])
        weight = np.minimum(self.area[first], self.area[second])
        total = max(float(weight.sum()), 1e-9)
        return Consistency(
            largest=float(gap.max(initial=0)),
            mean=float((gap * weight).sum()) / total,
            differing=float(weight[gap > _DIFFERENT].sum()) / total,
            area_within_10=float(self.area[right].sum() / self.area.sum()),
        )


def pose_strip(problems: Sequence[Problem]) -> Strip:
    """Prepares frames: labels their regions by true colour."""
    truth = _lab([problem.medians(problem.truth) for problem in problems])
    area = np.concatenate(
        [np.bincount(problem.regions.ravel())[problem.judged] / problem.regions.size for problem in problems]
    )
    frame = np.repeat(np.arange(len(problems)), [len(problem.judged) for problem in problems])
    label = np.full(len(area), -1)
    for region in np.argsort(-area, kind="stable"):
        if label[region] < 0:
            near = deltaE_ciede2000(truth, truth[region][None]) < _ONE_LABEL
            label[near & (label < 0)] = region
    return Strip(tuple(problems), frame, area, truth, label)


@dataclass(frozen=True)
class Frame:
    """A frame with a known truth."""

    case: Case
    sketch: Picture
    mask: Mask | None
    problem: Problem


def judged_frames(item: Item) -> list[Frame]:
    """The frames of a sequence whose truth is known."""
    frames = []
    for case in item.cases:
        if case.truth is None:
            continue
        sketch = read_picture(case.sketch)
        mask = None if case.sketch_mask is None else mask_from_picture(read_picture(case.sketch_mask))
        problem = pose(sketch, read_picture(case.truth), mask)
        if problem is not None:
            frames.append(Frame(case, sketch, mask, problem))
    return frames


def evaluate_sequences(
    corpus: Path,
    engine: str,
    *,
    model: str = "",
    options: Options | None = None,
    report: Path | None = None,
    progress: Stage | None = None,
) -> dict[str, Any]:
    """Colours every sequence of a corpus frame by frame and as a whole, and compares them.

    Args:
        corpus: the folder of the corpus.
        engine: the name of the engine.
        model: the model; empty: the engine's default.
        options: steps and size of a diffusion model, and other options.
        report: file to write the figures to.
        progress: called with the progress.

    Returns:
        `engine`, `model`, `corpus`, `items` (each `id`, `frames`, and `truth`, `frame_by_frame`, `together`, `match`
        with the fields of `Consistency`) and their `mean`. JSON values only. If the engine colours every page
        independently, `together` is missing and `match` is the built-in engine, frame by frame.

    Raises:
        ColorizerError: the engine, the corpus or the weights do not exist, the corpus has no sequence, or a page is
            refused.
    """
    from colorizer.engines.registry import get
    from colorizer.engines.runtime.device import choose_device

    items = [item for item in read_corpus(Path(corpus)) if item.kind == "sequence"]
    if not items:
        raise InvalidInput(f"{corpus} contains no sequence. Omit --sequences, or give another corpus.")
    chosen = get(engine)
    chosen.load(choose_device("auto"), model)
    peer = None if isinstance(chosen, SequenceEngine) else get("match")
    entries = []
    for number, item in enumerate(items):

        def tell(name: str, done: int, total: int, number: int = number) -> None:
            if progress is not None:
                progress(name, number * 1000 + round(1000 * done / total), len(items) * 1000)

        frames = judged_frames(item)
        strip = pose_strip([frame.problem for frame in frames])
        asked = _requests(item, frames, chosen, model, options or Options())
        entry: dict[str, Any] = {"id": item.id, "frames": len(frames), "truth": asdict(strip.of_truth())}
        entries.append(entry | _measured(chosen, strip, asked, tell))
        if peer is not None:
            plain = _requests(item, frames, peer, "", Options())
            entries[-1]["match"] = _measured(peer, strip, plain, tell)["frame_by_frame"]
    ways = [way for way in WAYS if way in entries[0]]
    mean = {
        way: {name: float(np.mean([entry[way][name] for entry in entries])) for name in entries[0][way]}
        for way in ways
    }
    result = {"engine": engine, "model": model, "corpus": str(corpus), "mean": mean, "items": entries}
    if report is not None:
        write_json(Path(report), result)
    return result


def table(figures: dict[str, Any]) -> str:
    """Formats the figures for a terminal."""
    lines = ["CIEDE2000 between regions of one true colour on different frames; area within 10 of the truth"]
    rows = [*((entry["id"], entry) for entry in figures["items"]), ("mean", figures["mean"])]
    for name, entry in rows:
        for way in WAYS:
            if way in entry:
                row = entry[way]
                lines.append(
                    f"{name:30s} {way.replace('_', ' '):15s} largest {row['largest']:6.2f}  mean {row['mean']:6.2f}  "
                    f"differing {row['differing']:.3f}  right {row['area_within_10']:.3f}"
                )
    return "\n".join(lines)


def colour_together(
    engine: SequenceEngine, requests: Sequence[ColorizeRequest], tell: Callable[[str, int, int], None]
) -> list[Picture]:
    """Colours the pages as a sequence; returns flat RGBA pictures."""
    surveys = []
    for index, request in enumerate(requests):
        tell("Surveying", index, len(requests))
        surveys.append(engine.survey(request, Silent()))

    def compare(one: int, other: int) -> Likeness:
        tell("Comparing", one, len(requests))
        return engine.compare(surveys[one], surveys[other])

    agreed = agree(engine, surveys, compare)
    pairs = zip(requests, agreed, strict=True)
    return [_flat(request, engine.colorize_surveyed(request, survey, Silent())) for request, survey in pairs]


def _requests(
    item: Item, frames: Sequence[Frame], engine: Engine, model: str, options: Options
) -> list[ColorizeRequest]:
    """The request for each frame, with as many references of the pool as the engine accepts."""
    pool = item.cases[0].references[: engine.info.max_references]
    references = tuple(Reference(read_picture(path)) for path in pool)
    return [
        ColorizeRequest(f.sketch, references, sketch_mask=f.mask, model=model, options=options)
        for f in frames
    ]


def _measured(
    engine: Engine, strip: Strip, requests: Sequence[ColorizeRequest], tell: Callable[[str, int, int], None]
) -> dict[str, Any]:
    """The metrics `frame_by_frame`, and `together` if the engine supports sequences."""
    alone = []
    for index, request in enumerate(requests):
        tell("Colouring frames", index, len(requests))
        alone.append(_flat(request, engine.colorize(request, Silent())))
    ways = {"frame_by_frame": asdict(strip.judge(alone))}
    if isinstance(engine, SequenceEngine):
        ways["together"] = asdict(strip.judge(colour_together(engine, requests, tell)))
    return ways


def _flat(request: ColorizeRequest, result: Any) -> Picture:
    height, width = request.sketch.shape[:2]
    return flatten(result.layers, width, height)


def _lab(colours: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    return rgb2lab(np.concatenate(colours)[None])[0]  # type: ignore[no-any-return]

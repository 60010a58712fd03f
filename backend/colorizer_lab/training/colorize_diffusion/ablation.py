"""The ablation of the papers' training stages: leakage across the foreground's border, correct area, training time.

Sketches are held-out drawings whose reference shows the same foreground before another background. `leakage` computes
the metrics, `ablation_page` writes the page. Runs are folders named after their stages, as written by `train --out
RUNS/STAGE`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from colorizer.engines.colorize_diffusion.noise import Spacing
from colorizer.engines.colorize_diffusion.pipeline import ColorizeDiffusionPipeline, Steps
from colorizer.engines.colorize_diffusion.postprocess import to_picture
from colorizer.engines.colorize_diffusion.samplers import Sampler
from colorizer.engines.colorize_diffusion.settings import DiffusionSettings, Guidance, Modes
from colorizer.errors import InvalidInput
from colorizer.imaging.pictures import write_png
from numpy.typing import NDArray

from colorizer_lab.training.colorize_diffusion import ablation_page, data, leakage, products
from colorizer_lab.training.colorize_diffusion.batches import Batch, Batches
from colorizer_lab.training.colorize_diffusion.config import (
    CONFIG_FILE,
    Augmentation,
    Stage,
    TrainingConfig,
    read,
)
from colorizer_lab.training.colorize_diffusion.distillation import STUDENT_STEPS
from colorizer_lab.training.loop import LOG_FILE

FIRST_DRAWING = 0
"""Drawings below `TrainingConfig.first_drawing` are never used for training."""
SEARCHED = 4000
"""Number of drawings that are searched for ones with a background."""
LEAST_SHARE = 0.15
"""Smallest share of the picture of foreground and background, in sketch and reference."""
DIFFERENT = 15.0
"""Smallest CIEDE2000 between the backgrounds' most common colours for them to count as different."""
RESAMPLED = 2000


@dataclass(frozen=True)
class Variant:
    """A row of the table."""

    name: str
    stage: Stage
    modes: Modes
    count: int = 0
    """Number of sampling steps; 0: the plan's."""

    def steps(self, plan: AblationPlan) -> int:
        """The number of sampling steps."""
        return self.count or plan.steps

    def guidance(self, trained: TrainingConfig) -> Guidance:
        """The guidance, as on the sheets of samples; a distilled model needs none."""
        return Guidance(reference=1.0 if self.stage is Stage.DISTIL else trained.guidance)


V1 = Variant("no split", Stage.V1, Modes())
V1_SPLIT = Variant("split, no LoRA", Stage.V1, Modes(background=True))
V1_5 = Variant("split, LoRA (v1.5)", Stage.V1_5_FOREGROUND, Modes(foreground=True, background=True))
V2_BACKGROUND = Variant("+ background encoder (v2)", Stage.V2_BACKGROUND, Modes(background=True))
V2_STYLE = Variant("+ style encoder (v2)", Stage.V2_STYLE, Modes(background=True, style=True))
V2_FOUR = Variant("the same, 4 steps", Stage.V2_STYLE, V2_STYLE.modes, STUDENT_STEPS)
V2_TWO = Variant("the same, 2 steps", Stage.V2_STYLE, V2_STYLE.modes, 2)
DISTILLED = Variant("the same, distilled to 4 steps", Stage.DISTIL, V2_STYLE.modes, STUDENT_STEPS)
"""Measured only if there is such a run."""
VARIANTS = (V1, V1_SPLIT, V1_5, V2_BACKGROUND, V2_STYLE, V2_FOUR, V2_TWO)
REGION_COLOURS = "the match engine's colours alone"
SAME_PLACE = "the reference's colour of the same place"
COMPARED = (
    (V1_SPLIT, V1),
    (V1_5, V1_SPLIT),
    (V1_5, V1),
    (V2_BACKGROUND, V1_5),
    (V2_STYLE, V2_BACKGROUND),
    (V2_FOUR, V2_STYLE),
    (V2_TWO, V2_STYLE),
    (DISTILLED, V2_STYLE),
    (DISTILLED, V2_FOUR),
)
"""The pairs of variants to compare. A variant with region colours is also compared with the match engine."""


@dataclass(frozen=True)
class AblationPlan:
    """The size of the ablation."""

    drawings: int = 24
    seeds: int = 3
    steps: int = 20


@dataclass(frozen=True)
class Figure:
    """A mean and its 95 % interval, over drawings or batches."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Figure:
        """The mean and its bootstrap interval over values (N,)."""
        random = np.random.default_rng(0)
        means = random.choice(values, (RESAMPLED, len(values))).mean(axis=1)
        low, high = np.percentile(means, [2.5, 97.5])
        return cls(float(values.mean()), float(low), float(high))

    def __str__(self) -> str:
        return f"{self.mean:.3f} ({self.low:.3f}-{self.high:.3f})"

    def signed(self, digits: int = 3) -> str:
        """Formats a difference; bold if the interval excludes zero."""
        text = f"{self.mean:+.{digits}f} ({self.low:+.{digits}f} to {self.high:+.{digits}f})"
        return f"**{text}**" if self.low > 0 or self.high < 0 else text


@dataclass(frozen=True)
class Row:
    """The figures of one variant."""

    variant: str
    into_background: Figure
    """Share of the background's pixels with a colour of the reference's foreground."""
    into_figure: Figure
    """Share of the foreground's pixels with a colour of the reference's background."""
    area_within_10: Figure
    """Share of the foreground's area whose colour is within CIEDE2000 10 of the truth."""
    steps: int
    seconds: float
    """CPU seconds per picture."""


@dataclass(frozen=True)
class Comparison:
    """Paired differences of two variants over the same drawings."""

    variant: str
    other: str
    into_background: Figure
    into_figure: Figure
    area_within_10: Figure


@dataclass(frozen=True)
class HeldOut:
    """The loss of a run's averaged weights on held-out drawings."""

    before: float
    """Before the first step."""
    after: float
    """After the last step."""
    change: Figure
    """Paired difference over batches."""

    @classmethod
    def between(cls, first: NDArray[np.float64], last: NDArray[np.float64]) -> HeldOut:
        """From the losses (N,) of the same batches at two moments."""
        return cls(float(first.mean()), float(last.mean()), Figure.of(last - first))


@dataclass(frozen=True)
class Trained:
    """Facts about a stage's run, from its log."""

    stage: Stage
    steps: int
    pictures: int
    minutes: float
    """Wall-clock time; if the run was resumed, of the last part."""
    held_out: HeldOut | None
    """None if the run did not measure it."""


@dataclass(frozen=True)
class Study:
    """A finished ablation."""

    plan: AblationPlan
    guidance: float
    size: tuple[int, int]
    """Height and width of the pictures, px."""
    trained: tuple[Trained, ...]
    rows: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True)
class _Measured:
    """A variant's figures (3, drawings), see `leakage.figures`."""

    figures: NDArray[np.float64]
    steps: int = 0
    seconds: float = 0.0

    def row(self, name: str) -> Row:
        """The row of the table."""
        into_background, into_figure, right = map(Figure.of, self.figures)
        return Row(name, into_background, into_figure, right, self.steps, self.seconds)


def run(
    runs: Path,
    plan: AblationPlan,
    tell: Callable[[str, int, int], None] = lambda *_: None,
    *,
    sheet: Path | None = None,
) -> Study:
    """Measures every variant on the same drawings with the same noise.

    Args:
        runs: the folder with the stages' runs.
        plan: the size of the ablation.
        tell: called with the progress.
        sheet: file to write the contact sheet to.

    Raises:
        InvalidInput: a stage's run is missing.
    """
    has_student = (runs / Stage.DISTIL.value / products.MODEL_FOLDER).is_dir()
    variants = (*VARIANTS, DISTILLED) if has_student else VARIANTS
    configs = {variant.stage: _config(runs, variant.stage) for variant in variants}
    batch = judged(configs[Stage.V1], plan.drawings)
    measured, pictures = _copied(batch), []
    for done, variant in enumerate(variants):
        tell(variant.name, done, len(variants))
        drawn, seconds = _colour(runs, variant, configs[variant.stage], plan, batch)
        measured[variant.name] = _Measured(leakage.figures(batch, drawn), variant.steps(plan), seconds)
        pictures.append([seeds[0] for seeds in drawn])
    if sheet is not None:
        write_png(sheet, ablation_page.sheet(batch, pictures))
    first = configs[Stage.V1]
    return Study(
        plan,
        first.guidance,
        first.crops[0],
        tuple(trained(runs, stage) for stage in Stage if (runs / stage.value / LOG_FILE).is_file()),
        tuple(one.row(name) for name, one in measured.items()),
        tuple(comparisons({name: one.figures for name, one in measured.items()})),
    )


def _copied(batch: Batch) -> dict[str, _Measured]:
    """The rows without a model: the match engine's colours (if the models use them), and the same-place baseline."""
    found = {}
    for name, colours in ((REGION_COLOURS, batch.region_colours), (SAME_PLACE, batch.reference)):
        if colours.shape[1]:
            drawn = [[to_picture(colours[i : i + 1])] for i in range(len(colours))]
            found[name] = _Measured(leakage.figures(batch, drawn))
    return found


def comparisons(figures: dict[str, NDArray[np.float64]]) -> list[Comparison]:
    """The comparisons of the available variants' figures (3, drawings)."""
    pairs = [(one.name, other.name) for one, other in COMPARED]
    pairs += [(name, REGION_COLOURS) for name in figures if name not in (REGION_COLOURS, SAME_PLACE)]
    return [
        Comparison(one, other, *map(Figure.of, figures[one] - figures[other]))
        for one, other in pairs
        if one in figures and other in figures
    ]


def trained(runs: Path, stage: Stage) -> Trained:
    """Reads the facts of a stage's run from its log; it may have been stopped before its last step."""
    folder = runs / stage.value
    lines = [json.loads(line) for line in (folder / LOG_FILE).read_text(encoding="utf-8").splitlines()]
    told = [np.array(line["held_out_batches"]) for line in lines if "held_out_batches" in line]
    steps = int(lines[-1]["step"])
    return Trained(
        stage,
        steps,
        pictures=steps * read(folder / CONFIG_FILE).batch,
        minutes=[line["minutes"] for line in lines if "minutes" in line][-1],
        held_out=HeldOut.between(told[0], told[-1]) if told else None,
    )


def judged(config: TrainingConfig, count: int) -> Batch:
    """Held-out drawings whose reference has a background of another colour."""
    side = max(config.crops[0])
    drawings = data.OwnDrawings(FIRST_DRAWING, SEARCHED, side)
    numbers = _suitable(drawings, count)
    chosen = [drawings.item(number) for number in numbers]
    if config.region_colours:
        chosen = [data.with_region_colours(*one) for one in zip(chosen, numbers, strict=True)]
    plain = Augmentation(pairs=1.0, mask_block=(0, 0))
    seen = replace(config, augmentation=plain, batch=count, crops=config.crops[:1])
    return Batches(_Chosen(chosen), seen, latent_channels=1).of(0)


class _Chosen:
    def __init__(self, items: list[data.Item]) -> None:
        self._items = items

    def item(self, number: int) -> data.Item:
        return self._items[number]


def _suitable(drawings: data.OwnDrawings, count: int) -> list[int]:
    found: list[int] = []
    for number in range(SEARCHED):
        item = drawings.item(number)
        assert item.other is not None
        shares = [mask.mean() / 255 for mask in (item.mask, item.other.mask)]
        if not all(LEAST_SHARE < share < 1 - LEAST_SHARE for share in shares):
            continue
        behind = [
            np.median(p[m == 0], axis=0)
            for p, m in ((item.truth, item.mask), (item.other.picture, item.other.mask))
        ]
        if leakage.difference(*(one[None] for one in behind))[0] > DIFFERENT:
            found.append(number)
        if len(found) == count:
            return found
    raise InvalidInput(f"There are only {len(found)} suitable drawings. Choose fewer with --drawings.")


def _config(runs: Path, stage: Stage) -> TrainingConfig:
    folder = runs / stage.value
    if not (folder / products.MODEL_FOLDER).is_dir() or not (folder / CONFIG_FILE).is_file():
        raise InvalidInput(
            f"The run of stage {stage.value} is missing in {runs}. Train it with --out {folder}."
        )
    return read(folder / CONFIG_FILE)


def _colour(
    runs: Path, variant: Variant, config: TrainingConfig, plan: AblationPlan, batch: Batch
) -> tuple[list[list[NDArray[np.uint8]]], float]:
    """Every drawing's pictures, one per seed, and the seconds per picture."""
    model = ColorizeDiffusionPipeline.from_pretrained(runs / variant.stage.value / products.MODEL_FOLDER)
    model.set_progress_bar_config(disable=True)
    settings = DiffusionSettings(modes=variant.modes, guidance=variant.guidance(config))
    steps = Steps(Sampler.EULER, Spacing.SGM_UNIFORM, variant.steps(plan))
    started = time.process_time()
    drawn = [
        [
            to_picture(model(products.pictures_of(batch, i), settings, steps, (1000 * seed + i,)))
            for seed in range(plan.seeds)
        ]
        for i in range(plan.drawings)
    ]
    return drawn, (time.process_time() - started) / (plan.drawings * plan.seeds)

"""The ablation of the papers' training stages: leakage across the foreground's border, right colours, training time.

Sketches are held-out drawings whose reference shows the same figure before another background. How a picture is judged
is `leakage`'s, the page that comes out `ablation_page`'s. Runs are folders named after their stages, as
`train --out RUNS/STAGE` leaves them.
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
"""Drawings below `TrainingConfig.first_drawing` are never trained on."""
SEARCHED = 4000
"""Drawings that are looked through for ones with a background."""
LEAST_SHARE = 0.15
"""Of the picture, that either side must have in sketch and reference."""
DIFFERENT = 15.0
"""CIEDE2000 between the backgrounds' usual colours from which they count as different."""
RESAMPLED = 2000


@dataclass(frozen=True)
class Variant:
    """One line of the table."""

    name: str
    stage: Stage
    modes: Modes
    count: int = 0
    """Of its own steps; 0: the plan's."""

    def steps(self, plan: AblationPlan) -> int:
        """Of its sampling."""
        return self.count or plan.steps

    def guidance(self, trained: TrainingConfig) -> Guidance:
        """As on the sheets of samples; a distilled model's is in its weights."""
        return Guidance(reference=1.0 if self.stage is Stage.DISTIL else trained.guidance)


V1 = Variant("no split", Stage.V1, Modes())
V1_SPLIT = Variant("split, no LoRA", Stage.V1, Modes(background=True))
V1_5 = Variant("split, LoRA (v1.5)", Stage.V1_5_FOREGROUND, Modes(foreground=True, background=True))
V2_BACKGROUND = Variant("+ background encoder (v2)", Stage.V2_BACKGROUND, Modes(background=True))
V2_STYLE = Variant("+ style encoder (v2)", Stage.V2_STYLE, Modes(background=True, style=True))
V2_FOUR = Variant("the same, 4 steps", Stage.V2_STYLE, V2_STYLE.modes, STUDENT_STEPS)
V2_TWO = Variant("the same, 2 steps", Stage.V2_STYLE, V2_STYLE.modes, 2)
DISTILLED = Variant("the same, distilled to 4 steps", Stage.DISTIL, V2_STYLE.modes, STUDENT_STEPS)
"""Measured too where there is such a run."""
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
"""The pairs of variants that are compared; each is also compared with the match engine, where it takes its colours."""


@dataclass(frozen=True)
class AblationPlan:
    """How much is measured."""

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
        """By drawing from the values (N,) again and again (bootstrap)."""
        random = np.random.default_rng(0)
        means = random.choice(values, (RESAMPLED, len(values))).mean(axis=1)
        low, high = np.percentile(means, [2.5, 97.5])
        return cls(float(values.mean()), float(low), float(high))

    def __str__(self) -> str:
        return f"{self.mean:.3f} ({self.low:.3f}-{self.high:.3f})"

    def signed(self, digits: int = 3) -> str:
        """As a difference; bold where the interval leaves out zero."""
        text = f"{self.mean:+.{digits}f} ({self.low:+.{digits}f} to {self.high:+.{digits}f})"
        return f"**{text}**" if self.low > 0 or self.high < 0 else text


@dataclass(frozen=True)
class Row:
    """What one variant got."""

    variant: str
    into_background: Figure
    """Share of the background's pixels that take a colour of the reference's figure."""
    into_figure: Figure
    """Share of the figure's pixels that take a colour of the reference's background."""
    area_within_10: Figure
    """Share of the figure's area whose colour lies within CIEDE2000 10 of the truth."""
    steps: int
    seconds: float
    """Of processor time, for one picture."""


@dataclass(frozen=True)
class Comparison:
    """What one variant got less what another got, drawing by drawing."""

    variant: str
    other: str
    into_background: Figure
    into_figure: Figure
    area_within_10: Figure


@dataclass(frozen=True)
class HeldOut:
    """The loss of a run's averaged weights on drawings that no training saw."""

    before: float
    """The first step."""
    after: float
    """The last."""
    change: Figure
    """Batch by batch."""

    @classmethod
    def between(cls, first: NDArray[np.float64], last: NDArray[np.float64]) -> HeldOut:
        """Of the same batches' losses (N,) at two moments."""
        return cls(float(first.mean()), float(last.mean()), Figure.of(last - first))


@dataclass(frozen=True)
class Trained:
    """What a stage's run says of itself."""

    stage: Stage
    steps: int
    pictures: int
    minutes: float
    """By the clock; of its last piece, where it was resumed."""
    held_out: HeldOut | None
    """None where the run didn't measure it."""


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
    """A variant's figures (3, drawings), as `leakage.figures` gives them."""

    figures: NDArray[np.float64]
    steps: int = 0
    seconds: float = 0.0

    def row(self, name: str) -> Row:
        """Of the table."""
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

    Raises:
        InvalidInput: a stage's run is missing in the folder.
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
    """What no model is needed for: the match engine's colours, where the models take them, and the same place's."""
    found = {}
    for name, colours in ((REGION_COLOURS, batch.region_colours), (SAME_PLACE, batch.reference)):
        if colours.shape[1]:
            drawn = [[to_picture(colours[i : i + 1])] for i in range(len(colours))]
            found[name] = _Measured(leakage.figures(batch, drawn))
    return found


def comparisons(figures: dict[str, NDArray[np.float64]]) -> list[Comparison]:
    """The comparisons that can be made of variants' figures (3, drawings)."""
    pairs = [(one.name, other.name) for one, other in COMPARED]
    pairs += [(name, REGION_COLOURS) for name in figures if name not in (REGION_COLOURS, SAME_PLACE)]
    return [
        Comparison(one, other, *map(Figure.of, figures[one] - figures[other]))
        for one, other in pairs
        if one in figures and other in figures
    ]


def trained(runs: Path, stage: Stage) -> Trained:
    """What the log of a stage's run tells; it may have been stopped before its last step."""
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
    """Held-out drawings whose reference's background has another colour than their own."""
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
    raise InvalidInput(f"There are only {len(found)} suitable drawings; ask for fewer.")


def _config(runs: Path, stage: Stage) -> TrainingConfig:
    folder = runs / stage.value
    if not (folder / products.MODEL_FOLDER).is_dir() or not (folder / CONFIG_FILE).is_file():
        raise InvalidInput(f"{runs} lacks the run of stage {stage.value}: train it with --out {folder}.")
    return read(folder / CONFIG_FILE)


def _colour(
    runs: Path, variant: Variant, config: TrainingConfig, plan: AblationPlan, batch: Batch
) -> tuple[list[list[NDArray[np.uint8]]], float]:
    """Every drawing's pictures, one a seed, and the seconds that one took."""
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

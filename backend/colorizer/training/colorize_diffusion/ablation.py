"""What each stage of the papers' training brought: leakage across the figure's border, colours that are right, time.

Sketches are held-out drawings whose reference shows the same figure before another background. A pixel of the result
counts as taken from the other side when a colour of the reference's other side is nearer to it than all of its own.
Runs are folders named after their stages, as `train --out RUNS/STAGE` leaves them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from colorizer.engines.colorize_diffusion.noise import Spacing
from colorizer.engines.colorize_diffusion.pipeline import ColorizeDiffusionPipeline, Steps
from colorizer.engines.colorize_diffusion.postprocess import to_picture
from colorizer.engines.colorize_diffusion.samplers import Sampler
from colorizer.engines.colorize_diffusion.settings import Guidance, Modes, Settings
from colorizer.errors import InvalidInput
from colorizer.imaging.pictures import write_png
from colorizer.training.colorize_diffusion import data, products
from colorizer.training.colorize_diffusion.batches import Batch, Batches
from colorizer.training.colorize_diffusion.config import (
    CONFIG_FILE,
    Augmentation,
    Stage,
    TrainingConfig,
    read,
)
from colorizer.training.colorize_diffusion.distillation import STUDENT_STEPS
from colorizer.training.loop import LOG_FILE

FIRST_DRAWING = 0
"""Drawings below `TrainingConfig.first_drawing` are never trained on."""
SEARCHED = 4000
"""Drawings that are looked through for ones with a background."""
LEAST_SHARE = 0.15
"""Of the picture, that either side must have in sketch and reference."""
DIFFERENT = 15.0
"""CIEDE2000 between the backgrounds' usual colours from which they count as different."""
RIGHT = 10.0
PALETTE = 12
"""Colours that a side is known by."""
RESAMPLED = 2000


@dataclass(frozen=True)
class Variant:
    """One line of the table."""

    name: str
    stage: Stage
    modes: Modes

    def steps(self, plan: AblationPlan) -> int:
        """Of its sampling."""
        return STUDENT_STEPS if self.stage is Stage.DISTIL else plan.steps

    def guidance(self, trained: TrainingConfig) -> Guidance:
        """As on the sheets of samples; a distilled model's is in its weights."""
        return Guidance(reference=1.0 if self.stage is Stage.DISTIL else trained.guidance)


VARIANTS = (
    Variant("no split", Stage.V1, Modes()),
    Variant("split, no LoRA", Stage.V1, Modes(background=True)),
    Variant("split, LoRA (v1.5)", Stage.V1_5_FOREGROUND, Modes(foreground=True, background=True)),
    Variant("+ background encoder (v2)", Stage.V2_BACKGROUND, Modes(background=True)),
    Variant("+ style encoder (v2)", Stage.V2_STYLE, Modes(background=True, style=True)),
)
REGION_COLOURS = "the match engine's colours alone"
BASELINE = "the reference's colour of the same place"
DISTILLED = Variant("the last, distilled", Stage.DISTIL, Modes(background=True, style=True))
"""Measured too where there is such a run."""


@dataclass(frozen=True)
class AblationPlan:
    """How much is measured."""

    drawings: int = 24
    seeds: int = 3
    steps: int = 20


@dataclass(frozen=True)
class Figure:
    """A mean and its 95 % interval, over drawings."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Figure:
        """By drawing drawings again and again (bootstrap)."""
        random = np.random.default_rng(0)
        means = random.choice(values, (RESAMPLED, len(values))).mean(axis=1)
        low, high = np.percentile(means, [2.5, 97.5])
        return cls(float(values.mean()), float(low), float(high))

    def __str__(self) -> str:
        return f"{self.mean:.3f} ({self.low:.3f}-{self.high:.3f})"

    @property
    def signed(self) -> str:
        """As a difference; bold where the interval leaves out zero."""
        text = f"{self.mean:+.3f} ({self.low:+.3f} to {self.high:+.3f})"
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
    differences: tuple[Figure, ...] = ()
    """Of the three figures to the row before, drawing by drawing; the first row has none."""


@dataclass(frozen=True)
class Study:
    """A finished ablation."""

    plan: AblationPlan
    guidance: float
    size: tuple[int, int]
    samples: dict[str, int]
    """Pictures that each stage was trained on."""
    rows: tuple[Row, ...]


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
    measured, pictures = [], []
    for done, variant in enumerate(variants):
        tell(variant.name, done, len(variants))
        drawn, seconds = _colour(runs, variant, configs[variant.stage], plan, batch)
        measured.append((variant.name, _figures(batch, drawn), variant.steps(plan), seconds))
        pictures.append([seeds[0] for seeds in drawn])
    for name, copied in ((REGION_COLOURS, batch.region_colours), (BASELINE, batch.reference)):
        if copied.shape[1]:
            given = [[to_picture(copied[i : i + 1])] for i in range(plan.drawings)]
            measured.append((name, _figures(batch, given), 0, 0.0))
    if sheet is not None:
        write_png(sheet, _sheet(batch, pictures))
    samples = {stage.value: _seen(runs, stage) * config.batch for stage, config in configs.items()}
    first = configs[Stage.V1]
    return Study(plan, first.guidance, first.crops[0], samples, tuple(_rows(measured)))


def _rows(measured: list[tuple[str, NDArray[np.float64], int, float]]) -> Iterator[Row]:
    """From each variant's name, figures (3, drawings), steps and seconds."""
    before: NDArray[np.float64] | None = None
    for name, values, steps, seconds in measured:
        differences = () if before is None else tuple(map(Figure.of, values - before))
        into_background, into_figure, right = map(Figure.of, values)
        yield Row(name, into_background, into_figure, right, steps, seconds, differences)
        before = values


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
        if _difference(*(one[None] for one in behind))[0] > DIFFERENT:
            found.append(number)
        if len(found) == count:
            return found
    raise InvalidInput(f"There are only {len(found)} suitable drawings; ask for fewer.")


def _config(runs: Path, stage: Stage) -> TrainingConfig:
    folder = runs / stage.value
    if not (folder / products.MODEL_FOLDER).is_dir() or not (folder / CONFIG_FILE).is_file():
        raise InvalidInput(f"{runs} lacks the run of stage {stage.value}: train it with --out {folder}.")
    return read(folder / CONFIG_FILE)


def _seen(runs: Path, stage: Stage) -> int:
    """Steps that a stage was trained for; it may have been stopped before its last."""
    lines = (runs / stage.value / LOG_FILE).read_text(encoding="utf-8").splitlines()
    return int(json.loads(lines[-1])["step"])


def _colour(
    runs: Path, variant: Variant, config: TrainingConfig, plan: AblationPlan, batch: Batch
) -> tuple[list[list[NDArray[np.uint8]]], float]:
    """Every drawing's pictures, one a seed, and the seconds that one took."""
    model = ColorizeDiffusionPipeline.from_pretrained(runs / variant.stage.value / products.MODEL_FOLDER)
    model.set_progress_bar_config(disable=True)
    settings = Settings(modes=variant.modes, guidance=variant.guidance(config))
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


def _figures(batch: Batch, drawn: list[list[NDArray[np.uint8]]]) -> NDArray[np.float64]:
    """What `_judge` says of every drawing, the mean of its seeds: (3, drawings)."""
    figures = np.array([[_judge(batch, i, one) for one in seeds] for i, seeds in enumerate(drawn)])
    return np.asarray(figures.mean(axis=1).T, np.float64)


def _judge(batch: Batch, number: int, picture: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Leakage into the background, into the figure, and the figure's right area."""
    one = slice(number, number + 1)
    truth, reference = to_picture(batch.truth[one]), to_picture(batch.reference[one])
    inside = batch.sketch_mask[number, 0].numpy() > 0.5
    lines = batch.sketch[number, 0].numpy() > 0
    mask = cv2.resize(batch.reference_mask[number, 0].numpy(), reference.shape[1::-1]) > 0.5
    figure, ground = _palette(reference[mask]), _palette(reference[~mask])
    background, own = picture[~inside & ~lines], picture[inside & ~lines]
    flat, wanted = _flat(picture, truth, inside & ~lines)
    right = _difference(flat, wanted) < RIGHT
    return (
        share_from_other_side(background, ground, figure),
        share_from_other_side(own, figure, ground),
        float(right.mean()),
    )


def _flat(
    picture: NDArray[np.uint8], truth: NDArray[np.uint8], where: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pixels (N, 3) and truth with one colour a region, as the last stage delivers a result: each region's median."""
    colours, regions = np.unique(truth[where] // 4 * 4, axis=0, return_inverse=True)
    drawn = np.stack([np.median(picture[where][regions.ravel() == i], axis=0) for i in range(len(colours))])
    return drawn[regions.ravel()].astype(np.uint8), truth[where]


def _palette(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The colours (P, 3) that a side is known by; its own lines don't count."""
    bright = pixels[pixels.max(axis=1) > 60]
    pixels = bright if len(bright) >= PALETTE else pixels
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 1.0)
    cv2.setRNGSeed(0)
    _, _, centres = cv2.kmeans(
        pixels.astype(np.float32), min(PALETTE, len(pixels)), None, criteria, 1, cv2.KMEANS_PP_CENTERS
    )
    return np.asarray(np.clip(centres, 0, 255), np.uint8)


def share_from_other_side(
    pixels: NDArray[np.uint8], own: NDArray[np.uint8], other: NDArray[np.uint8]
) -> float:
    """Share of pixels (N, 3) that are nearer to the other side's colours than to all of their own."""
    to_own, to_other = (_nearest(pixels, palette) for palette in (own, other))
    return float((to_other < to_own).mean())


def _nearest(pixels: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.float64]:
    every = _difference(pixels[:, None].repeat(len(palette), 1), palette[None].repeat(len(pixels), 0))
    return np.asarray(every.min(axis=1), np.float64)


def _difference(first: NDArray[np.generic], second: NDArray[np.generic]) -> NDArray[np.float64]:
    """CIEDE2000 between sRGB colours 0..255, (..., 3) each."""
    labs = [rgb2lab(np.asarray(one, np.float64) / 255) for one in (first, second)]
    return np.asarray(deltaE_ciede2000(*labs), np.float64)


def _sheet(batch: Batch, variants: list[list[NDArray[np.uint8]]]) -> NDArray[np.uint8]:
    """A row per drawing: sketch, reference, the variants, truth."""
    rows = []
    for number in range(min(8, len(batch.truth))):
        one = slice(number, number + 1)
        ends = [to_picture(part[one]) for part in (-batch.sketch, batch.reference, batch.truth)]
        rows.append(
            np.concatenate([ends[0], ends[1], *(drawn[number] for drawn in variants), ends[2]], axis=1)
        )
    return np.concatenate(rows)


def table(study: Study) -> str:
    """The figures and their paired differences as Markdown tables."""
    lines = [
        "| variant | figure's colours in the background | background's colours in the figure | area_within_10"
        " | steps | seconds |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.variant} | {row.into_background} | {row.into_figure} | {row.area_within_10} | {row.steps}"
        f" | {row.seconds:.2f} |"
        for row in study.rows
    ]
    lines += [
        "",
        "Differences to the row before, drawing by drawing; bold where the interval leaves out zero:",
        "",
    ]
    lines += ["| variant | into the background | into the figure | area_within_10 |", "|---|---|---|---|"]
    lines += [
        f"| {row.variant} | " + " | ".join(one.signed for one in row.differences) + " |"
        for row in study.rows
        if row.differences
    ]
    return "\n".join(lines)


START, END = "<!-- table -->", "<!-- end of table -->"


def write(study: Study, markdown: str, file: Path) -> None:
    """Puts the table into a page, between its marks where it has them; what a person wrote around it stays."""
    plan = study.plan
    facts = (
        f"{plan.drawings} drawings, {plan.seeds} seeds each, {plan.steps} steps, guidance {study.guidance:g},"
        f" {study.size[1]} x {study.size[0]} px; trained on "
        + ", ".join(f"{count} pictures ({stage})" for stage, count in study.samples.items())
        + ". Means with 95 % intervals over drawings; seconds of processor time a picture."
    )
    block = f"{START}\n{facts}\n\n{markdown}\n{END}"
    page = file.read_text(encoding="utf-8") if file.exists() else f"{START}{END}\n"
    if START not in page or END not in page:
        page = f"{page.rstrip()}\n\n{START}{END}\n"
    before, _, rest = page.partition(START)
    text = before + block + rest.partition(END)[2]
    part = file.with_name(file.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, file)

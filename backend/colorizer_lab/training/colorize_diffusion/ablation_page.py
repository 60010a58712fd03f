"""Writes an ablation's page and contact sheet; the measurements are in `ablation`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from colorizer.engines.colorize_diffusion.postprocess import to_picture
from colorizer.files import write_atomically
from numpy.typing import NDArray

from colorizer_lab.training.colorize_diffusion.batches import Batch

if TYPE_CHECKING:
    from colorizer_lab.training.colorize_diffusion.ablation import Study, Trained

START, END = "<!-- table -->", "<!-- end of table -->"
SHOWN = 8
"""Number of drawings on the sheet."""


def sheet(batch: Batch, variants: list[list[NDArray[np.uint8]]]) -> NDArray[np.uint8]:
    """A row per drawing: sketch, reference, the variants, truth."""
    rows = []
    for number in range(min(SHOWN, len(batch.truth))):
        one = slice(number, number + 1)
        ends = [to_picture(part[one]) for part in (-batch.sketch, batch.reference, batch.truth)]
        rows.append(
            np.concatenate([ends[0], ends[1], *(drawn[number] for drawn in variants), ends[2]], axis=1)
        )
    return np.concatenate(rows)


def table(study: Study) -> str:
    """The figures and their paired differences as Markdown tables."""
    lines = [
        "| variant | foreground's colours in the background | background's colours in the foreground | area_within_10"
        " | steps | seconds |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.variant} | {row.into_background} | {row.into_figure} | {row.area_within_10} | {row.steps}"
        f" | {row.seconds:.2f} |"
        for row in study.rows
    ]
    lines += ["", "Paired differences over drawings; bold where the interval excludes zero:", ""]
    lines += [
        "| variant | minus | into the background | into the foreground | area_within_10 |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.variant} | {one.other} | {one.into_background.signed()} | {one.into_figure.signed()}"
        f" | {one.area_within_10.signed()} |"
        for one in study.comparisons
    ]
    return "\n".join(lines)


def losses(study: Study) -> str:
    """The facts of the runs as a Markdown table."""
    lines = [
        "| stage | steps | pictures | minutes | before | after | change |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join(lines + [_line(one) for one in study.trained])


def _line(run: Trained) -> str:
    loss = run.held_out
    measured = f"{loss.before:.4f} | {loss.after:.4f} | {loss.change.signed(4)}" if loss else "| |"
    return f"| {run.stage.value} | {run.steps} | {run.pictures} | {run.minutes:.1f} | {measured} |"


def write(study: Study, file: Path) -> None:
    """Writes the tables into a page, between its marks if it has them; other text in the page is kept."""
    plan = study.plan
    facts = (
        f"{plan.drawings * plan.seeds} pictures of {plan.drawings} drawings, {plan.steps} steps,"
        f" guidance {study.guidance:g}, {study.size[1]} x {study.size[0]} px."
        " Means with 95 % intervals over drawings; CPU seconds per picture."
    )
    learned = (
        "The stages' runs: loss of the averaged weights on held-out drawings before the first step and after the last,"
        " and its change with a 95 % interval over batches. Losses of different stages can't be compared."
    )
    block = f"{START}\n{facts}\n\n{table(study)}\n\n{learned}\n\n{losses(study)}\n{END}"
    page = file.read_text(encoding="utf-8") if file.exists() else f"{START}{END}\n"
    if START not in page or END not in page:
        page = f"{page.rstrip()}\n\n{START}{END}\n"
    before, _, rest = page.partition(START)
    text = before + block + rest.partition(END)[2]
    write_atomically(file, text)

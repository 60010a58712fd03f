"""`colorize batch`: a folder of pages on the command line. Parses the options, calls `batch` and prints the results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from colorizer.cli_options import (
    ColouredLines,
    ColourMode,
    ColourPaper,
    Device,
    Engine,
    Json,
    Model,
    ReferenceMasks,
    Seed,
    Size,
    Steps,
    answer,
    masks_of,
    settings_of,
)
from colorizer.errors import ColorizerError
from colorizer.protocol.modes import Mode


def batch(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="The folder of the pages or frames, in natural order of their names."
        ),
    ],
    reference: Annotated[
        list[Path],
        typer.Option(metavar="PATH", help="A picture to take colours from, for all pages; may be repeated."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder to write the results to.")],
    engine: Engine = "match",
    model: Model = "",
    mode: ColourMode = Mode.WHOLE,
    sketch_masks: Annotated[
        Path | None,
        typer.Option(help="A folder of masks with the names of the pages: white where the foreground is."),
    ] = None,
    reference_mask: ReferenceMasks = None,
    consistent: Annotated[
        bool, typer.Option(help="Choose the same colours on all pages, if the engine supports it.")
    ] = True,
    layers: Annotated[
        bool, typer.Option("--layers", help="Write .ora files with layers instead of .png.")
    ] = False,
    palette_lock: Annotated[
        bool, typer.Option(help="Use only the references' exact colours for flat colours.")
    ] = True,
    coloured_lines: ColouredLines = "automatic",
    colour_paper: ColourPaper = False,
    steps: Steps = 0,
    seed: Seed = 0,
    size: Size = 0,
    device: Device = "auto",
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Work on a Ray cluster: its HOST:PORT, auto for the one that this machine belongs to, or local for"
            " several processes on this machine.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Colour a folder of pages from the same references. If it is stopped, run it again to continue."""
    from colorizer.batch.pages import BatchJob
    from colorizer.batch.run import colorize_batch, sentence
    from colorizer.engines.base import Options
    from colorizer.progress import ProgressBar

    job = BatchJob(
        folder=folder,
        references=tuple(reference),
        output=output,
        engine=engine,
        model=model,
        mode=mode,
        masks=sketch_masks,
        reference_masks=masks_of(reference, reference_mask),
        seed=seed,
        options=Options(
            palette_lock=palette_lock,
            colour_paper=colour_paper,
            steps=steps,
            size=size,
            advanced=settings_of([f"coloured_lines={coloured_lines}"]),
        ),
        device=device,
        consistent=consistent,
        layers=layers,
        cluster=cluster,
    )
    with ProgressBar() as progress:
        record = colorize_batch(job, progress)
    answer(record, sentence(record), as_json=as_json)
    if record["failed"]:
        raise ColorizerError(
            f"{record['failed']} of {len(record['pages'])} pages failed. Run the same command again to retry only"
            " these."
        )

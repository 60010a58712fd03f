"""`colorize batch`: a folder of pages on the command line. Reads the words, calls `batch`, prints."""

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
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The pages or frames, in natural order.")],
    reference: Annotated[
        list[Path], typer.Option(metavar="PATH", help="A picture of the pool of colours; may be repeated.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder the results go to.")],
    engine: Engine = "match",
    model: Model = "",
    mode: ColourMode = Mode.WHOLE,
    sketch_masks: Annotated[
        Path | None,
        typer.Option(help="A folder of masks, named like the pages: white where the foreground is."),
    ] = None,
    reference_mask: ReferenceMasks = None,
    consistent: Annotated[
        bool, typer.Option(help="The pages agree on colours, where the engine can do that.")
    ] = True,
    layers: Annotated[bool, typer.Option("--layers", help="Write .ora files with layers, not .png.")] = False,
    palette_lock: Annotated[bool, typer.Option(help="Flat colours are exactly the references'.")] = True,
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
            help="Work on a Ray cluster: HOST:PORT, auto, or local for all processors here.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Colour a folder of pages from one pool of references; run it again to go on where it stopped."""
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
            f"{record['failed']} of {len(record['pages'])} pages failed. Run the same again to try only these."
        )

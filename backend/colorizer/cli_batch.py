"""`colorize batch`: a folder of pages on the command line. Reads the words, calls `batch`, prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from colorizer.engines.modes import Mode
from colorizer.errors import ColorizerError


def batch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The pages or frames, in natural order.")],
    reference: Annotated[
        list[Path], typer.Option(metavar="PATH", help="A picture of the pool of colours; may be repeated.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder the results go to.")],
    engine: Annotated[str, typer.Option(help="What colours.")] = "match",
    model: Annotated[str, typer.Option(help="Which weights; empty for the engine's own choice.")] = "",
    mode: Annotated[Mode, typer.Option(help="What is coloured, and from what.")] = Mode.WHOLE,
    sketch_masks: Annotated[
        Path | None, typer.Option(help="A folder of masks, named like the pages: white where the figure is.")
    ] = None,
    reference_mask: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="White where the figure is; one for each reference, in order."),
    ] = None,
    consistent: Annotated[
        bool, typer.Option(help="The pages agree on colours, where the engine can do that.")
    ] = True,
    layers: Annotated[bool, typer.Option("--layers", help="Write .ora files with layers, not .png.")] = False,
    palette_lock: Annotated[bool, typer.Option(help="Flat colours are exactly the references'.")] = True,
    steps: Annotated[int, typer.Option(min=1, max=100, help="Steps of a diffusion model.")] = 20,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The same seed gives the same result.")] = 0,
    size: Annotated[
        int, typer.Option(min=0, max=4096, help="Working size of a model in px; 0 for its own.")
    ] = 0,
    device: Annotated[
        str, typer.Option(help="cpu, cuda, mps, xpu; auto takes the fastest there is.")
    ] = "auto",
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Work on a Ray cluster: HOST:PORT, auto, or local for all processors here.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result record as one JSON line.")
    ] = False,
) -> None:
    """Colour a folder of pages from one pool of references; run it again to go on where it stopped."""
    from colorizer.batch.pages import BatchJob
    from colorizer.batch.run import colorize_batch, sentence
    from colorizer.engines.base import Options
    from colorizer.progress import Progress

    if reference_mask and len(reference_mask) != len(reference):
        raise typer.BadParameter(
            "give one mask for each reference, in the same order", param_hint="--reference-mask"
        )
    job = BatchJob(
        folder=folder,
        references=tuple(reference),
        output=output,
        engine=engine,
        model=model,
        mode=mode,
        masks=sketch_masks,
        reference_masks=tuple(reference_mask or ()),
        seed=seed,
        options=Options(palette_lock=palette_lock, steps=steps, size=size),
        device=device,
        consistent=consistent,
        layers=layers,
        cluster=cluster,
    )
    with Progress() as progress:
        record = colorize_batch(job, progress)
    print(json.dumps(record, ensure_ascii=False) if as_json else sentence(record))
    if record["failed"]:
        raise ColorizerError(
            f"{record['failed']} of {len(record['pages'])} pages failed. Run the same again to try only these."
        )

"""`colorize benchmark`: the papers' benchmarks on the command line. Parses the options and calls `evaluation`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from colorizer.cli_options import Engine, Json, Model, Report, Size, Steps, answer

LAYOUTS = (
    "How the folder is laid out: anime-diffusion (reference/ and condition/) or colorflow (CHAPTER/reference, page and"
    " original)."
)


def benchmark(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The benchmark's pictures.")],
    layout: Annotated[str, typer.Option(help=LAYOUTS)],
    engine: Engine = "match",
    model: Model = "",
    beside: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENGINE", help="Measure this engine too, in its own row of the table; may be repeated."
        ),
    ] = None,
    cross: Annotated[
        bool,
        typer.Option(
            "--cross", help="Take the colours from another picture than the original (anime-diffusion)."
        ),
    ] = False,
    clip: Annotated[
        Path | None,
        typer.Option(
            help="CLIP for FID and CLIP-IS: an installed model's name (clip-vit-h-14) or a folder. Default: a small"
            " built-in network."
        ),
    ] = None,
    inception: Annotated[
        bool,
        typer.Option(
            "--inception",
            help="Measure FID with Inception v3, as published (needs `colorize models download inception-fid`).",
        ),
    ] = False,
    aesthetics: Annotated[
        Path | None,
        typer.Option(help="A predictor of aesthetic scores (.safetensors) from the features of --clip."),
    ] = None,
    steps: Steps = 0,
    size: Size = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="Use only the first N pictures.")] = None,
    report: Report = None,
    as_json: Json = False,
) -> None:
    """Measure engines on a benchmark of the papers and print a table like theirs."""
    from colorizer.engines.base import Options
    from colorizer.progress import ProgressBar

    from colorizer_lab.evaluation import tables
    from colorizer_lab.evaluation.benchmarks import Layout
    from colorizer_lab.evaluation.features import BuiltIn, Clip, InceptionFeatures, LinearAesthetics

    known = {each.value: each for each in Layout}
    if layout not in known:
        raise typer.BadParameter(f"must be one of {', '.join(known)}", param_hint="--layout")
    if aesthetics is not None and clip is None:
        raise typer.BadParameter("needs --clip, because it scores CLIP's features", param_hint="--aesthetics")
    network = BuiltIn() if clip is None else Clip(clip)
    with ProgressBar() as progress:
        figures = tables.measure(
            tables.Benchmark(
                folder=folder,
                layout=known[layout],
                engine=engine,
                model=model,
                options=Options(steps=steps, size=size),
                cross=cross,
                limit=limit,
                network=network,
                fid_network=InceptionFeatures() if inception else None,
                aesthetics=None if aesthetics is None else LinearAesthetics(aesthetics, network),
            ),
            beside or (),
            report=report,
            progress=progress.stage,
        )
    answer(figures, tables.table(figures), as_json=as_json)

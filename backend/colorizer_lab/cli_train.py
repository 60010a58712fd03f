"""`colorize train` and `colorize ablation` on the command line. Parses the options and calls `training`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from colorizer.cli_options import Device, Json, answer

from colorizer_lab.training import RECIPES

STAGES = "autoencoder, v1-noisy, v1, v1.5-background, v1.5-foreground, v2-background, v2-style, fine-tune or distil"


def train(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help=f"What to train: {', '.join(RECIPES)}.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, log and weights.")],
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue from the last checkpoint in the folder.")
    ] = False,
    limit_minutes: Annotated[
        float, typer.Option(min=0.01, help="Save a checkpoint and stop after this time.")
    ] = 60.0,
    device: Device = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the data order and the initial weights.")] = 0,
    config: Annotated[
        Path | None, typer.Option(help="colorize-diffusion: a TOML file with the training's settings.")
    ] = None,
    stage: Annotated[str, typer.Option(help=f"colorize-diffusion: the stage of training: {STAGES}.")] = "",
    start: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="MODEL",
            help="colorize-diffusion, klein-lora: the model to start from, by name or folder.",
        ),
    ] = "",
    data: Annotated[
        Path | None, typer.Option(help="A folder of pictures to train on instead of the generated drawings.")
    ] = None,
) -> None:
    """Train one of the project's own models, or one of your own."""
    from colorizer.engines.runtime.device import choose_device
    from colorizer.progress import ProgressBar

    from colorizer_lab import training

    trainer = training.recipe(recipe)
    settings = training.settings(recipe, training.Overrides(config, stage, start, data, seed))
    with ProgressBar() as bar:
        trainer(
            out,
            resume=resume,
            limit_minutes=limit_minutes,
            device=choose_device(device),
            seed=seed,
            progress=lambda now: bar.stage(_losses(now.losses), now.step, now.steps),
            recipe=settings,
        )
    print(f"{out}: stopped at the time limit; continue with --resume.")


def ablation(
    runs: Annotated[
        Path,
        typer.Argument(
            metavar="RUNS", help="A folder with one training run for each stage, named after the stage."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The table to write (.md).")],
    drawings: Annotated[
        int, typer.Option(min=2, help="How many drawings that weren't trained on to colour.")
    ] = 24,
    seeds: Annotated[int, typer.Option(min=1, help="How many results to make of each drawing.")] = 3,
    steps: Annotated[int, typer.Option(min=1, max=100, help="Steps of the sampler.")] = 20,
    sheet: Annotated[
        Path | None, typer.Option(help="Also write the results as a contact sheet (.png).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure what each stage of ColorizeDiffusion's training improves, on drawings that weren't trained on."""
    from colorizer.progress import ProgressBar

    from colorizer_lab import training

    training.needs_packages("colorize-diffusion")
    from colorizer_lab.training.colorize_diffusion import ablation as study
    from colorizer_lab.training.colorize_diffusion import ablation_page

    with ProgressBar() as bar:
        plan = study.AblationPlan(drawings, seeds, steps)
        found = study.run(runs, plan, bar.stage, sheet=sheet)
    ablation_page.write(found, output)
    answer(asdict(found), ablation_page.table(found), as_json=as_json)


def _losses(losses: dict[str, float]) -> str:
    return " ".join(f"{name} {loss:.3f}" for name, loss in losses.items())

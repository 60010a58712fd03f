"""`colorize train` and `colorize ablation` on the command line. Reads the words, calls `training`, prints."""

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
        bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")
    ] = False,
    limit_minutes: Annotated[float, typer.Option(min=0.01, help="Stop cleanly after so long.")] = 60.0,
    device: Device = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Decides data order and first weights.")] = 0,
    config: Annotated[
        Path | None, typer.Option(help="colorize-diffusion: a TOML file that describes the training.")
    ] = None,
    stage: Annotated[str, typer.Option(help=f"colorize-diffusion: {STAGES}.")] = "",
    start: Annotated[
        str,
        typer.Option("--from", metavar="MODEL", help="colorize-diffusion, klein-lora: a model or a folder."),
    ] = "",
    data: Annotated[Path | None, typer.Option(help="Pictures to learn from instead of our own.")] = None,
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
    print(f"{out}: stopped cleanly; --resume goes on from here.")


def ablation(
    runs: Annotated[
        Path,
        typer.Argument(metavar="RUNS", help="A folder with the stages' runs, each named after its stage."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the table goes (.md).")],
    drawings: Annotated[int, typer.Option(min=2, help="Held-out drawings.")] = 24,
    seeds: Annotated[int, typer.Option(min=1, help="Pictures made of each drawing.")] = 3,
    steps: Annotated[int, typer.Option(min=1, max=100, help="Of the sampler.")] = 20,
    sheet: Annotated[Path | None, typer.Option(help="Also paint the pictures (.png).")] = None,
    as_json: Json = False,
) -> None:
    """Measure what each stage of ColorizeDiffusion's training brought, on drawings it never saw."""
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

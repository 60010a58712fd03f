"""The commands that the lab adds to `colorize`. They parse options, call the other rooms and print the results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from colorizer_lab import cli_benchmark, cli_docs, cli_evaluate, cli_train


def plug_into(app: typer.Typer) -> None:
    """Adds the commands; `colorizer.cli` calls this where the lab is installed."""
    for command in (
        cli_evaluate.evaluate,
        cli_benchmark.benchmark,
        cli_train.train,
        cli_train.ablation,
        demo,
        other_krita,
        package,
        cli_docs.docs,
    ):
        app.command()(command)


def package(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The .zip to write.")] = None,
    release: Annotated[
        Path | None,
        typer.Option(help="A folder for all files of a release: zip, wheels, sdists, SHA256SUMS."),
    ] = None,
) -> None:
    """Make the zip for Krita's "Import Python Plugin from File", or all files of a release."""
    from colorizer_lab import release as releases

    if (output is None) == (release is None):
        raise typer.BadParameter("give either -o ZIP or --release FOLDER")
    made = [releases.package(output)] if output else releases.release(release) if release else []
    print(*made, sep="\n")


def other_krita(
    name: Annotated[str, typer.Argument(metavar="VERSION", help="5.2, 5.3 or 6.")],
) -> None:
    """Install another version of Krita beside yours from Debian's packages, and print the folder to put first on PATH
    (Linux, as root).
    """
    from colorizer_lab.krita import other_krita as others

    print(others.prepare(name))


def demo(out: Annotated[Path, typer.Option(help="Folder for the three files.")] = Path("out")) -> None:
    """Colour the sample sketch in real Krita; writes demo.kra, demo.png and docker.png."""
    from colorizer.progress import ProgressBar

    from colorizer_lab.krita.demo import demo as run_demo

    with ProgressBar() as progress:
        run_demo(out, progress.stage)
    for name in ("demo.kra", "demo.png", "docker.png"):
        print(out / name)

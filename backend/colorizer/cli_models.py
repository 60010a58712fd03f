"""`colorize models`: the catalogue on the command line. Parses the options and calls `catalogue`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from colorizer.catalogue.store import Store

app = typer.Typer(no_args_is_help=True, help="Download, verify, convert and remove models.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A name from `colorize models list`.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")]
AcceptLicence = Annotated[
    bool, typer.Option("--accept-licence", help="Confirm that you have read the licence shown and accept it.")
]


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """List all models with their licences, and whether they are installed."""
    models = _store().models()
    if as_json:
        print(json.dumps([model.record() for model in models], ensure_ascii=False))
        return
    for model in models:
        print(
            f"{model.name:30} {model.state.value:10} {model.bytes / 1e9:6.2f} GB  {model.licence:34} {model.title}"
        )


@app.command()
def download(name: Name, accept_licence: AcceptLicence = False, as_json: Json = False) -> None:
    """Download and install a model and the models that it needs. An interrupted download is continued."""
    from colorizer.progress import ProgressBar

    store = _store()
    with ProgressBar() as progress:
        installed = store.download(name, progress.stage, accept_licence=accept_licence)
    words = f"Installed: {', '.join(installed)}." if installed else f"{name} is installed already."
    print(json.dumps({"installed": installed}) if as_json else words)


@app.command()
def verify(name: Name, as_json: Json = False) -> None:
    """Compare every file of an installed model with its hash from the installation."""
    from colorizer.progress import ProgressBar

    with ProgressBar() as progress:
        problems = _store().verify(name, progress.stage)
    text = (
        "\n".join([*problems, "Remove the model and install it again."]) if problems else f"{name} is intact."
    )
    print(json.dumps({"name": name, "problems": problems}) if as_json else text)
    if problems:
        raise typer.Exit(1)


@app.command()
def convert(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="The published file; for ColorFlow the downloaded folder.")
    ],
    name: Annotated[str, typer.Option(help="The installed model's name. Default: the file's name.")] = "",
    prediction: Annotated[
        str,
        typer.Option(
            help="ColorizeDiffusion v1, v1.5: what the model predicts, epsilon or v_prediction, if the file's name"
            " doesn't say it."
        ),
    ] = "",
    base: Annotated[Path | None, typer.Option(help="ColorFlow: the folder of its base model.")] = None,
    variant: Annotated[
        str,
        typer.Option(
            help="ColorFlow: the kind of input, GraySD, sketch or shading. ISNet: drawings, for weights that were"
            " trained on drawings."
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Convert a published file that you have downloaded, and install it. Its kind is detected from its content."""
    from colorizer.catalogue.convert import PREDICTIONS, Choices
    from colorizer.progress import ProgressBar

    if prediction not in ("", *PREDICTIONS):
        raise typer.BadParameter(f"give one of {', '.join(PREDICTIONS)}", param_hint="--prediction")
    choices = Choices(prediction=prediction, base=base, variant=variant)
    with ProgressBar() as progress:
        folder = _store().convert(path, name, choices, progress.stage)
    print(
        json.dumps({"name": folder.name, "folder": str(folder)})
        if as_json
        else f"Installed as {folder.name}."
    )


@app.command()
def remove(name: Name) -> None:
    """Remove a model and its downloaded files."""
    _store().remove(name)
    print(f"{name} is removed.", file=sys.stderr)


def _store() -> Store:
    from colorizer.catalogue import entries
    from colorizer.catalogue.store import Store

    return Store(entries.load())

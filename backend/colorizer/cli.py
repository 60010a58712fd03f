"""The `colorize` command: parses the options, calls the other rooms and prints the results. It does no work itself.

Exit status: 0 on success, 2 for invalid options, 1 on failure with one sentence on stderr, 130 when stopped with
Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from colorizer import cli_batch, cli_devices, cli_models, lab
from colorizer.cli_options import (
    ColouredLines,
    ColourMode,
    ColourPaper,
    Device,
    Engine,
    Json,
    Model,
    ReferenceMasks,
    Result,
    Seed,
    Size,
    Steps,
    answer,
    masks_of,
    settings_of,
)
from colorizer.errors import ColorizerError
from colorizer.protocol.modes import Mode

_Value = TypeVar("_Value")
STOPPED = 130

LAB_COMMANDS = ("evaluate", "benchmark", "train", "ablation", "demo", "other-krita", "package", "docs")
"""The commands that `colorizer_lab` adds."""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Colour line art from a reference picture.",
)

app.add_typer(cli_models.app, name="models")
app.add_typer(cli_devices.app, name="devices")


@app.command()
def run(
    sketch: Annotated[Path, typer.Argument(metavar="SKETCH", help="The line art, a picture file.")],
    reference: Annotated[
        list[Path], typer.Option(metavar="PATH", help="A picture to take colours from; may be repeated.")
    ],
    output: Result,
    engine: Engine = "match",
    model: Model = "",
    mode: ColourMode = Mode.WHOLE,
    sketch_mask: Annotated[
        Path | None, typer.Option(help="A mask picture: white where the sketch's foreground is.")
    ] = None,
    reference_mask: ReferenceMasks = None,
    background: Annotated[
        Path | None, typer.Option(help="A picture to take only the background's colours from.")
    ] = None,
    hints: Annotated[
        Path | None,
        typer.Option(
            help="A transparent picture of the sketch's size with dots or strokes of colour: the regions below get"
            " these"
            " colours."
        ),
    ] = None,
    bind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y=REFERENCE:X,Y",
            help="Give the region at X,Y of the sketch the colour at X,Y of a reference; references are numbered from"
            " 1; may be repeated.",
        ),
    ] = None,
    swap: Annotated[
        list[str] | None,
        typer.Option(
            metavar="#RRGGBB=#RRGGBB",
            help="Replace the first colour in the result by the second; may be repeated.",
        ),
    ] = None,
    palette_lock: Annotated[
        bool, typer.Option(help="Use only the reference's exact colours for flat colours.")
    ] = True,
    style_detail: Annotated[
        bool, typer.Option(help="Take the style of shading from the reference, too.")
    ] = False,
    background_detail: Annotated[
        bool,
        typer.Option(help="Take the background's details from the reference, too (ColorizeDiffusion v2)."),
    ] = False,
    line_gap: Annotated[
        float,
        typer.Option(
            min=0,
            max=0.1,
            help="Close gaps in the lines up to this width, as a fraction of the picture's longer side; 0 chooses a"
            " width by the lines.",
        ),
    ] = 0,
    coloured_lines: ColouredLines = "automatic",
    colour_paper: ColourPaper = False,
    steps: Steps = 0,
    seed: Seed = 0,
    size: Size = 0,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="An advanced setting of the engine (docs/colorize_diffusion.md); may be repeated.",
        ),
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Colour one picture without Krita."""
    from colorizer import headless
    from colorizer.engines.base import Options
    from colorizer.progress import ProgressBar

    if output.suffix.lower() not in (".ora", ".png"):
        raise typer.BadParameter("the result must end in .ora or .png", param_hint="-o")
    swaps = _values(swap, headless.read_swap, "--swap")
    if len({one.before for one in swaps}) < len(swaps):
        raise typer.BadParameter("each colour can be replaced only once", param_hint="--swap")
    job = headless.Job(
        sketch=sketch,
        references=tuple(reference),
        output=output,
        engine=engine,
        model=model,
        mode=mode,
        sketch_mask=sketch_mask,
        reference_masks=masks_of(reference, reference_mask),
        background=background,
        hints=hints,
        bindings=_values(bind, headless.read_binding, "--bind"),
        swaps=swaps,
        seed=seed,
        options=Options(
            palette_lock=palette_lock,
            style_detail=style_detail,
            background_detail=background_detail,
            line_gap=line_gap,
            colour_paper=colour_paper,
            steps=steps,
            size=size,
            advanced=settings_of([f"coloured_lines={coloured_lines}", *(setting or [])]),
        ),
        device=device,
    )
    with ProgressBar() as progress:
        record = headless.colorize_file(job, progress)
    said = record["report"]
    panels = f" in {said['panels']} panels" if "panels" in said else ""
    answer(record, f"{output}: {said.get('regions', 0)} regions{panels} coloured.", as_json=as_json)


app.command()(cli_batch.batch)


@app.command()
def serve(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port on this machine; 0 lets the system choose.")
    ] = 0,
    listen: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="Serve other machines, with TLS and only for paired devices (`colorize devices`); 0.0.0.0:7860 listens"
            " on all network interfaces.",
        ),
    ] = "",
) -> None:
    """Run the backend. It prints its address and token; it ends on Ctrl-C or when its standard input closes."""
    from colorizer.server import serve as server

    raise typer.Exit(server.serve(port, listen=server.read_address(listen) if listen else None))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check this machine and say how to fix what doesn't work."""
    from colorizer import doctor as examination

    findings = examination.examine()
    answer(examination.as_record(findings), examination.as_text(findings), as_json=as_json)
    if not examination.usable(findings):
        raise typer.Exit(1)


@app.command()
def krita(
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Pictures to open.")] = None,
) -> None:
    """Install the docker for this user and open Krita with it."""
    from colorizer.krita_host import install

    raise typer.Exit(install.open_krita(files or []))


def _plug_in_lab() -> None:
    """Adds the lab's commands; if the lab isn't installed, commands that say so."""
    if lab.installed():
        lab.module("cli", "This command").plug_into(app)
        return
    anything = {"allow_extra_args": True, "ignore_unknown_options": True}
    for name in LAB_COMMANDS:
        app.command(name, hidden=True, context_settings=anything)(_without_lab(name))


def _without_lab(name: str) -> Callable[[], None]:
    def command() -> None:
        lab.module("cli", f"`colorize {name}`")

    return command


_plug_in_lab()


def _values(words: list[str] | None, read: Callable[[str], _Value], option: str) -> tuple[_Value, ...]:
    try:
        return tuple(read(word) for word in words or [])
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def _fail(sentence: str, status: int) -> NoReturn:
    print(f"colorize: {sentence}", file=sys.stderr)
    sys.exit(status)


def main() -> None:
    """Runs the command line. Only this function turns an exception into a sentence and an exit status."""
    # Must be set before torch is imported. OpenMP's busy-waiting threads slow down everything if Krita is busy, too.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app(prog_name="colorize")
    except ColorizerError as error:
        _fail(str(error), 1)
    except KeyboardInterrupt:
        _fail("stopped.", STOPPED)
    except SystemExit as end:
        if end.code == STOPPED:  # typer has handled the interrupt and printed nothing
            _fail("stopped.", STOPPED)
        raise
    except MemoryError:
        _fail("this machine's memory is full. Close other programs or use a smaller picture.", 1)
    except OSError as error:
        _fail(f"{error.filename or 'a file'}: {error.strerror or error}.", 1)

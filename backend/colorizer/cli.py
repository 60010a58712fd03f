"""The `colorize` command: reads the words, calls the rooms, prints. No work is done here.

Exit status 0 on success, 2 on wrong use, 1 on failure with one sentence on stderr, 130 when stopped with Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from colorizer import cli_batch, cli_benchmark, cli_devices, cli_docs, cli_models, cli_train
from colorizer.cli_options import (
    ColouredLines,
    ColourMode,
    ColourPaper,
    Device,
    Engine,
    Json,
    Model,
    ReferenceMasks,
    Report,
    Result,
    Seed,
    Sheet,
    Size,
    Steps,
    answer,
    masks_of,
)
from colorizer.engines.modes import Mode
from colorizer.errors import ColorizerError

_Value = TypeVar("_Value")
STOPPED = 130

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
    sketch: Annotated[Path, typer.Argument(metavar="SKETCH", help="The line art.")],
    reference: Annotated[
        list[Path], typer.Option(metavar="PATH", help="A picture to take colours from; may be repeated.")
    ],
    output: Result,
    engine: Engine = "match",
    model: Model = "",
    mode: ColourMode = Mode.WHOLE,
    sketch_mask: Annotated[Path | None, typer.Option(help="White where the sketch's figure is.")] = None,
    reference_mask: ReferenceMasks = None,
    background: Annotated[Path | None, typer.Option(help="A picture for the background alone.")] = None,
    hints: Annotated[
        Path | None,
        typer.Option(help="A picture as large as the sketch: its colours are for the areas below."),
    ] = None,
    bind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y=REFERENCE:X,Y",
            help="The area at X,Y takes the colour of that spot of that reference (the first is 1); may be repeated.",
        ),
    ] = None,
    swap: Annotated[
        list[str] | None,
        typer.Option(
            metavar="#RRGGBB=#RRGGBB", help="Put another colour for one of the result; may be repeated."
        ),
    ] = None,
    palette_lock: Annotated[bool, typer.Option(help="Flat colours are exactly the reference's.")] = True,
    style_detail: Annotated[bool, typer.Option(help="Take over how the reference is shaded.")] = False,
    background_detail: Annotated[bool, typer.Option(help="Take over the background's detail.")] = False,
    line_gap: Annotated[
        float,
        typer.Option(
            min=0, max=0.1, help="Widest opening in a line that is closed, as a share of the longer side."
        ),
    ] = 0.02,
    coloured_lines: ColouredLines = "automatic",
    colour_paper: ColourPaper = False,
    steps: Steps = 0,
    seed: Seed = 0,
    size: Size = 0,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A finer setting of a diffusion engine; may be repeated."
        ),
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Colour one picture without Krita."""
    from colorizer import headless
    from colorizer.engines import advanced
    from colorizer.engines.base import Options
    from colorizer.progress import Progress

    if output.suffix.lower() not in (".ora", ".png"):
        raise typer.BadParameter("the result must end in .ora or .png", param_hint="-o")
    swaps = _values(swap, headless.read_swap, "--swap")
    if len({one.before for one in swaps}) < len(swaps):
        raise typer.BadParameter("a colour can be changed into one other colour only", param_hint="--swap")
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
            advanced=advanced.read_words([f"coloured_lines={coloured_lines}", *(setting or [])]),
        ),
        device=device,
    )
    with Progress() as progress:
        record = headless.colorize_file(job, progress)
    said = record["report"]
    panels = f" in {said['panels']} panels" if "panels" in said else ""
    answer(record, f"{output}: {said.get('regions', 0)} regions{panels} coloured.", as_json=as_json)


app.command()(cli_batch.batch)
app.command()(cli_benchmark.benchmark)
app.command()(cli_docs.docs)


@app.command()
def evaluate(
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS", help="A folder with a manifest.json.")],
    engine: Engine = "match",
    report: Report = None,
    sheet: Sheet = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many items.")] = None,
    sequences: Annotated[
        bool, typer.Option("--sequences", help="How alike the frames of its sequences are coloured, instead.")
    ] = False,
    model: Annotated[
        str, typer.Option(help="Which weights, with --sequences; empty for the engine's own choice.")
    ] = "",
    steps: Steps = 0,
    size: Size = 0,
    dots: Annotated[
        str,
        typer.Option(
            metavar="N,N,...", help="How much so many hint dots of a simulated artist put right, instead."
        ),
    ] = "",
    masks: Annotated[
        bool, typer.Option("--masks", help="How well figures are found without masks, instead.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure an engine on a corpus of pictures, with its baselines in the same run."""
    from colorizer.engines.base import Options
    from colorizer.evaluation import artist
    from colorizer.evaluation import masks as automatic
    from colorizer.evaluation import report as evaluation
    from colorizer.evaluation import sequences as strips
    from colorizer.progress import Progress

    if model and not sequences:
        raise typer.BadParameter("is for --sequences", param_hint="--model")
    ways = [
        name for name, wanted in (("--dots", dots), ("--masks", masks), ("--sequences", sequences)) if wanted
    ]
    if len(ways) > 1:
        raise typer.BadParameter(f"give one of {', '.join(ways)}")
    with Progress() as progress:
        if dots:
            figures = artist.evaluate_dots(
                corpus, engine, _numbers(dots), report=report, limit=limit, progress=progress.stage
            )
            answer(figures, artist.table(figures), as_json=as_json)
            return
        if masks:
            figures = automatic.evaluate_masks(
                corpus, engine, report=report, limit=limit, progress=progress.stage
            )
            answer(figures, automatic.table(figures), as_json=as_json)
            return
        if sequences:
            options = Options(steps=steps, size=size)
            figures = strips.evaluate_sequences(
                corpus, engine, model=model, options=options, report=report, progress=progress.stage
            )
            answer(figures, strips.table(figures), as_json=as_json)
            return
        figures = evaluation.evaluate(
            corpus, engine, report=report, sheet=sheet, limit=limit, progress=progress.stage
        )
    answer(figures, evaluation.table(figures), as_json=as_json)


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 lets the system choose.")] = 0,
    listen: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="Serve other machines, with TLS and for paired devices alone (`colorize devices`); "
            "0.0.0.0:7860 listens on every network.",
        ),
    ] = "",
) -> None:
    """Run the backend by hand: prints its address and token, ends when its input pipe closes or on Ctrl-C."""
    from colorizer.server import serve as server

    raise typer.Exit(server.serve(port, listen=server.read_address(listen) if listen else None))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Tell what works here, and what to do about the rest."""
    from colorizer import doctor as examination

    findings = examination.examine()
    answer(examination.as_record(findings), examination.as_text(findings), as_json=as_json)
    if not examination.usable(findings):
        raise typer.Exit(1)


@app.command()
def package(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The .zip to write.")] = None,
    release: Annotated[
        Path | None, typer.Option(help="A folder for everything of a release: zip, wheel, sdist, SHA256SUMS.")
    ] = None,
) -> None:
    """Make the zip for Krita's "Import Python Plugin from File", or everything of a release."""
    from colorizer.krita_host import install
    from colorizer.krita_host import release as releases

    if (output is None) == (release is None):
        raise typer.BadParameter("give either -o ZIP or --release FOLDER")
    made = [install.package(output)] if output else releases.release(release) if release else []
    print(*made, sep="\n")


@app.command()
def krita(
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Pictures to open.")] = None,
) -> None:
    """Install the docker for this user and open Krita with it."""
    from colorizer.krita_host import install

    raise typer.Exit(install.open_krita(files or []))


@app.command()
def other_krita(
    name: Annotated[str, typer.Argument(metavar="VERSION", help="5.2, 5.3 or 6.")],
) -> None:
    """Make another Krita from Debian's packages, and print the folder to put first on PATH (Linux, as root)."""
    from colorizer.krita_host import other_krita as others

    print(others.prepare(name))


@app.command()
def demo(out: Annotated[Path, typer.Option(help="Where the three files go.")] = Path("out")) -> None:
    """Colour the sample sketch in real Krita; leaves demo.kra, demo.png and docker.png."""
    from colorizer.krita_host.demo import demo as run_demo
    from colorizer.progress import Progress

    with Progress() as progress:
        run_demo(out, progress.stage)
    for name in ("demo.kra", "demo.png", "docker.png"):
        print(out / name)


app.command()(cli_train.train)
app.command()(cli_train.ablation)


def _values(words: list[str] | None, read: Callable[[str], _Value], option: str) -> tuple[_Value, ...]:
    try:
        return tuple(read(word) for word in words or [])
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def _numbers(words: str) -> list[int]:
    numbers = [int(word) for word in words.split(",") if word.strip().isdigit()]
    if len(numbers) != words.count(",") + 1 or sorted(set(numbers)) != numbers:
        raise typer.BadParameter("give rising numbers, as in 0,1,2,4,8,16", param_hint="--dots")
    return numbers


def _fail(sentence: str, status: int) -> NoReturn:
    print(f"colorize: {sentence}", file=sys.stderr)
    sys.exit(status)


def main() -> None:
    """Runs the command line; the only place that turns an error into a sentence and a status."""
    # Before torch is loaded: threads that wait in a loop make everything slow beside a busy program such as Krita.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app(prog_name="colorize")
    except ColorizerError as error:
        _fail(str(error), 1)
    except KeyboardInterrupt:
        _fail("stopped.", STOPPED)
    except SystemExit as end:
        if end.code == STOPPED:  # typer has taken the interrupt, and says nothing
            _fail("stopped.", STOPPED)
        raise
    except MemoryError:
        _fail("this machine's memory is full. Close other programs or use a smaller picture.", 1)
    except OSError as error:
        _fail(f"{error.filename or 'a file'}: {error.strerror or error}.", 1)

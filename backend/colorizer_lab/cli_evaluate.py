"""`colorize evaluate` on the command line. Parses the options, calls `evaluation` and prints the results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from colorizer.cli_options import Engine, Json, Report, Sheet, Size, Steps, answer


def evaluate(
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS", help="A folder with a manifest.json.")],
    engine: Engine = "match",
    report: Report = None,
    sheet: Sheet = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Use only the first N items.")] = None,
    sequences: Annotated[
        bool,
        typer.Option(
            "--sequences", help="Measure instead how consistently the frames of a sequence are coloured."
        ),
    ] = False,
    model: Annotated[
        str, typer.Option(help="The model, with --sequences. Default: the engine chooses.")
    ] = "",
    steps: Steps = 0,
    size: Size = 0,
    dots: Annotated[
        str,
        typer.Option(
            metavar="N,N,...", help="Measure instead how much N hint dots of a simulated artist correct."
        ),
    ] = "",
    clicks: Annotated[
        str,
        typer.Option(
            metavar="N,N,...", help="Measure instead how much N corrections of a simulated artist correct."
        ),
    ] = "",
    masks: Annotated[
        bool,
        typer.Option(
            "--masks",
            help="Measure instead how well figures are separated from the background without masks.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure an engine and the baselines on a corpus of pictures."""
    from colorizer.engines.base import Options
    from colorizer.progress import ProgressBar

    from colorizer_lab.evaluation import artist
    from colorizer_lab.evaluation import clicks as artist_clicks
    from colorizer_lab.evaluation import masks as automatic
    from colorizer_lab.evaluation import report as evaluation
    from colorizer_lab.evaluation import sequences as strips

    if model and not sequences:
        raise typer.BadParameter("is for --sequences", param_hint="--model")
    overrides = {"--dots": dots, "--clicks": clicks, "--masks": masks, "--sequences": sequences}
    ways = [name for name, wanted in overrides.items() if wanted]
    if len(ways) > 1:
        raise typer.BadParameter(f"give one of {', '.join(ways)}")
    with ProgressBar() as progress:
        if dots:
            figures = artist.evaluate_dots(
                corpus, engine, _numbers(dots, "--dots"), report=report, limit=limit, progress=progress.stage
            )
            answer(figures, artist.table(figures), as_json=as_json)
            return
        if clicks:
            figures = artist_clicks.evaluate_clicks(
                corpus,
                engine,
                _numbers(clicks, "--clicks"),
                report=report,
                limit=limit,
                progress=progress.stage,
            )
            answer(figures, artist_clicks.table(figures), as_json=as_json)
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


def _numbers(words: str, option: str) -> list[int]:
    numbers = [int(word) for word in words.split(",") if word.strip().isdigit()]
    if len(numbers) != words.count(",") + 1 or sorted(set(numbers)) != numbers:
        raise typer.BadParameter("give numbers in ascending order, such as 0,1,2,4,8,16", param_hint=option)
    return numbers

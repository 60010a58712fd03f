"""Options that several commands share, each with its range and its help, and how their results are printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from colorizer.errors import InvalidInput
from colorizer.protocol.modes import Mode

if TYPE_CHECKING:  # pydantic would double the time that `colorize --help` takes
    from colorizer.protocol.options import Advanced


def _in_a_folder(path: Path | None) -> Path | None:
    """A file to be written, refused where it can't be: nobody wants to hear that when the work is done."""
    if path is not None and not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent}")
    if path is not None and path.is_dir():
        raise typer.BadParameter(f"{path} is a folder; give the name of a file")
    return path


Engine = Annotated[str, typer.Option(help="What colours.")]
Model = Annotated[str, typer.Option(help="Which weights; empty for the engine's own choice.")]
ColourMode = Annotated[Mode, typer.Option(help="What is coloured, and from what.")]
ReferenceMasks = Annotated[
    list[Path] | None,
    typer.Option(metavar="PATH", help="White where the foreground is; one for each reference, in order."),
]
ColouredLines = Annotated[
    str,
    typer.Option(
        help="What coloured lines beside black ones are: borders, roughs (ignored) or trace_lines; automatic finds out."
    ),
]
Steps = Annotated[
    int, typer.Option(min=0, max=100, help="Steps of a diffusion model; 0 for as many as suit it.")
]
Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The same seed gives the same result.")]
Size = Annotated[int, typer.Option(min=0, max=4096, help="Working size of a model in px; 0 for its own.")]
ColourPaper = Annotated[
    bool, typer.Option(help="Colour a comic page's gutters, speech bubbles and lettering, too.")
]
Device = Annotated[str, typer.Option(help="cpu, cuda, mps, xpu; auto takes the fastest there is.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result record as one JSON line.")]
Result = Annotated[
    Path,
    typer.Option(
        "-o", "--output", callback=_in_a_folder, help="Where the result goes: .ora (layers) or .png."
    ),
]
Report = Annotated[Path | None, typer.Option(callback=_in_a_folder, help="Write every figure to this .json.")]
Sheet = Annotated[
    Path | None, typer.Option(callback=_in_a_folder, help="Write a contact sheet to this .png.")
]


def masks_of(references: Sequence[Path], masks: Sequence[Path] | None) -> tuple[Path, ...]:
    """The references' masks: none, or one for each."""
    if masks and len(masks) != len(references):
        raise typer.BadParameter(
            "give one mask for each reference, in the same order", param_hint="--reference-mask"
        )
    return tuple(masks or ())


def settings_of(words: Sequence[str]) -> Advanced:
    """Finer settings from `NAME=VALUE` words. Raises `InvalidInput` for an unknown name or a value out of range."""
    from pydantic import ValidationError

    from colorizer.protocol.base import first_rule
    from colorizer.protocol.options import Advanced

    values: dict[str, object] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise InvalidInput(f"A setting is given as NAME=VALUE, not {word!r}.")
        if name not in Advanced.model_fields:
            raise InvalidInput(
                f"There is no setting {name!r}. Choose one of: {', '.join(Advanced.model_fields)}."
            )
        values[name] = _parsed(text, Advanced.model_fields[name].default)
    try:
        return Advanced.model_validate(values)
    except ValidationError as error:
        raise InvalidInput(first_rule(error, "--set")) from error


def _parsed(text: str, default: object) -> object:
    if isinstance(default, bool):
        return {"yes": True, "true": True, "no": False, "false": False}.get(text.lower(), text)
    if isinstance(default, str):
        return text
    try:
        return float(text)
    except ValueError:
        return text


def answer(record: Any, text: str, *, as_json: bool) -> None:
    """Prints the record for programs or the text for people."""
    print(json.dumps(record, ensure_ascii=False) if as_json else text)

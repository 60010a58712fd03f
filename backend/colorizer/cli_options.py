"""Options that several commands share, with their ranges and help texts, and how results are printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from colorizer.engines.registry import names
from colorizer.errors import InvalidInput
from colorizer.protocol.modes import Mode

if TYPE_CHECKING:  # importing pydantic would double the time of `colorize --help`
    from colorizer.protocol.options import Advanced


def _in_a_folder(path: Path | None) -> Path | None:
    """Checks before the work, not after it, that a file can be written."""
    if path is not None and not path.parent.is_dir():
        raise typer.BadParameter(f"the folder {path.parent} doesn't exist; make it or choose another")
    if path is not None and path.is_dir():
        raise typer.BadParameter(f"{path} is a folder; give the name of a file")
    return path


Engine = Annotated[str, typer.Option(help=f"The engine that colours: {', '.join(names())}.")]
Model = Annotated[
    str,
    typer.Option(help="A model from `colorize models list` for the engine. Default: the engine chooses."),
]
ColourMode = Annotated[
    Mode,
    typer.Option(
        help="What to colour: whole (everything, from the whole reference), split (the foreground from the reference's"
        " foreground, the background from its background), or only foreground or background."
    ),
]
ReferenceMasks = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="PATH",
        help="A mask picture: white where the reference's foreground is. Repeat it for each reference, in order.",
    ),
]
ColouredLines = Annotated[
    str,
    typer.Option(
        help="How to treat coloured lines beside black ones: as borders, as roughs (which are ignored), or as"
        " trace_lines between light and shade; automatic detects it."
    ),
]
Steps = Annotated[
    int, typer.Option(min=0, max=100, help="Steps of a diffusion model; 0 uses the model's default.")
]
Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The same seed gives the same result.")]
Size = Annotated[
    int, typer.Option(min=0, max=4096, help="Working size of a model in pixels; 0 uses the model's own.")
]
ColourPaper = Annotated[
    bool, typer.Option(help="Colour the gutters, speech bubbles and lettering of a comic page, too.")
]
Device = Annotated[
    str, typer.Option(help="The device: cpu, cuda, mps or xpu; auto uses the fastest available.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result record as one JSON line.")]
Result = Annotated[
    Path,
    typer.Option(
        "-o", "--output", callback=_in_a_folder, help="The file to write: .ora (with layers) or .png."
    ),
]
Report = Annotated[
    Path | None, typer.Option(callback=_in_a_folder, help="Write all measured values to this .json.")
]
Sheet = Annotated[
    Path | None, typer.Option(callback=_in_a_folder, help="Write a contact sheet to this .png.")
]


def masks_of(references: Sequence[Path], masks: Sequence[Path] | None) -> tuple[Path, ...]:
    """The references' masks: none, or one for each reference."""
    if masks and len(masks) != len(references):
        raise typer.BadParameter(
            "give one mask for each reference, in the same order", param_hint="--reference-mask"
        )
    return tuple(masks or ())


def settings_of(words: Sequence[str]) -> Advanced:
    """Parses `NAME=VALUE` settings. Raises `InvalidInput` for an unknown name or a value out of range."""
    from pydantic import ValidationError

    from colorizer.protocol.base import first_rule
    from colorizer.protocol.options import Advanced

    values: dict[str, object] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise InvalidInput(f"{word!r} isn't of the form NAME=VALUE. Write a setting like guidance=5.")
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
    """Prints the record as JSON for programs, or the text for people."""
    print(json.dumps(record, ensure_ascii=False) if as_json else text)

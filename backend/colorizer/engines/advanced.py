"""The finer settings of diffusion engines: names, ranges and defaults in one table, for wire, command line and engines.

The names and ranges are those of the ColorizeDiffusion papers' program, put into plain words where those are
misleading. Values only; what they do is the engines' business.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from colorizer.errors import InvalidInput

SAMPLERS = (
    "diffuser_dpm",
    "diffuser_ddim",
    "diffuser_pndm",
    "diffuser_lms",
    "DPM++ 2M",
    "DPM++ SDE",
    "DPM++ 2M SDE",
    "DPM++ 2M SDE Heun",
    "DPM++ 2S a",
    "DPM++ 3M SDE",
    "Euler a",
    "Euler",
    "LMS",
    "Heun",
    "DPM2",
    "DPM2 a",
    "DPM fast",
)
SPACINGS = ("Automatic", "Uniform", "Karras", "Exponential", "Polyexponential", "SGM Uniform")
COLOURED_LINES = ("automatic", "borders", "roughs", "trace_lines")
LONGEST_TEXT = 4000


def _number(default: float, low: float, high: float) -> Any:
    return field(default=float(default), metadata={"range": (low, high)})


def _choice(choices: Sequence[str]) -> Any:
    return field(default=choices[0], metadata={"choices": tuple(choices)})


@dataclass(frozen=True)
class Advanced:
    """Engines ignore those that they don't list in `EngineInfo.options`."""

    reference_strength: float = _number(1, 0, 1)
    """How strongly the reference acts."""
    foreground_strength: float = _number(1, 0, 1)
    background_strength: float = _number(1, 0, 1)
    """The same for each side, where figure and background are apart."""
    merge: float = _number(0, 0, 1)
    """How much of the background's colours the figure takes."""
    merge_masks: bool = False
    """The sketch's figure is painted out of the reference's background, too, so that the hole shows no outline."""
    bleach_background: bool = False
    """Nothing of the reference's background is seen and the sketch's lines there are left out: it becomes white."""
    sketch_strength: float = _number(1, 0, 3)
    background_factor: float = _number(1, 0, 2)
    """How strongly a background's detail acts (v2)."""
    guidance: float = _number(4, 1, 15)
    """How strictly the reference is followed; 1 switches guidance off and takes half the time."""
    sketch_guidance: float = _number(1, 1, 5)
    guidance_start: float = _number(0, 0, 1)
    guidance_end: float = _number(1, 0, 1)
    """The reference acts between these shares of the way."""
    fine_strength: float = _number(1, 0, 1)
    middle_strength: float = _number(1, 0, 1)
    coarse_strength: float = _number(1, 0, 1)
    bottom_strength: float = _number(1, 0, 1)
    """The reference's strength on the levels of the network, from detail to layout."""
    sketch_threshold: float = _number(0.05, 0, 1)
    reference_threshold: float = _number(0.5, 0, 1)
    """Above it, a mask's grey is figure."""
    reference_padding: float = _number(1, 1, 2)
    """White added beside the reference, against its shapes getting into the picture."""
    injection: bool = False
    """Attention injection: closest to the reference's style, twice the time."""
    injection_fidelity: float = _number(0.5, 0, 1)
    injection_start: float = _number(0, 0, 1)
    sampler: str = _choice(SAMPLERS)
    spacing: str = _choice(SPACINGS)
    coloured_lines: str = _choice(COLOURED_LINES)
    """What coloured lines beside black ones are, see `colorizer.imaging.coloured`."""
    text_edits: str = ""
    """Changes of the reference by words, one a line, as `engines.colorize_diffusion.manipulation` reads them."""
    instruction: str = ""
    """What an edit model is told, in place of the engine's own words."""
    lora: str = ""
    """The name of an installed LoRA; empty for none."""
    lora_strength: float = _number(1, 0, 2)


NAMES = tuple(item.name for item in fields(Advanced))
STANDARD = Advanced()


def read(values: Mapping[str, Any]) -> Advanced:
    """Checks values and fills up with defaults. Raises `InvalidInput` for an unknown name or a value out of range."""
    known = {item.name: item for item in fields(Advanced)}
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise InvalidInput(f"There is no setting {name!r}. There is: {', '.join(known)}.")
        checked[name] = _checked(name, value, known[name].default, known[name].metadata)
    return Advanced(**checked)


def read_words(words: Sequence[str]) -> Advanced:
    """The same from `NAME=VALUE` words, as the command line has them."""
    values: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise InvalidInput(f"A setting is given as NAME=VALUE, not {word!r}.")
        values[name] = _parsed(text, getattr(STANDARD, name, ""))
    return read(values)


def _parsed(text: str, default: object) -> object:
    if isinstance(default, bool):
        return {"yes": True, "true": True, "no": False, "false": False}.get(text.lower(), text)
    if isinstance(default, str):
        return text
    try:
        return float(text)
    except ValueError:
        return text


def _checked(name: str, value: Any, default: object, rule: Mapping[str, Any]) -> object:
    if isinstance(default, bool):
        return _fits(name, value, isinstance(value, bool), "yes or no")
    if isinstance(default, str):
        choices = rule.get("choices")
        fits = isinstance(value, str) and (value in choices if choices else len(value) <= LONGEST_TEXT)
        return _fits(name, value, fits, f"one of {', '.join(choices)}" if choices else "a text")
    low, high = rule["range"]
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    fits = number and low <= value <= high
    return float(_fits(name, value, fits, f"{low} to {high}"))


def _fits(name: str, value: Any, fits: bool, rule: str) -> Any:  # noqa: FBT001 - private
    if not fits:
        shown = repr(value) if len(repr(value)) <= 60 else "this"
        raise InvalidInput(f"`{name}` must be {rule}, not {shown}.")
    return value

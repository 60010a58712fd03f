"""The options of a job: names, ranges, defaults, titles and tooltips. They are defined only here.

An engine's own option is a field of `Advanced` whose name is in the engine's `EngineInfo.options`; server, command
line, docs and docker take it from there. Titles and tooltips are in English and are the keys of the docker's
translations. The names and ranges of `Advanced` follow the program of the ColorizeDiffusion papers (arXiv 2401.01456,
2502.19937), with clearer names where the original ones are misleading.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from colorizer.imaging.sizes import MAX_SIDE
from colorizer.protocol.base import Message

LONGEST_TEXT = 4000

Sampler = Literal[
    "diffuser_dpm", "diffuser_ddim", "diffuser_pndm", "diffuser_lms", "DPM++ 2M", "DPM++ SDE", "DPM++ 2M SDE",
    "DPM++ 2M SDE Heun", "DPM++ 2S a", "DPM++ 3M SDE", "Euler a", "Euler", "LMS", "Heun", "DPM2", "DPM2 a", "DPM fast",
]  # fmt: skip
Spacing = Literal["Automatic", "Uniform", "Karras", "Exponential", "Polyexponential", "SGM Uniform"]
ColouredLines = Literal["automatic", "borders", "roughs", "trace_lines"]


def _number(default: float, low: float, high: float, title: str, tooltip: str) -> Any:
    return Field(
        default=float(default), ge=low, le=high, allow_inf_nan=False, title=title, description=tooltip
    )


def _option(default: object, title: str, tooltip: str, **rules: Any) -> Any:
    return Field(default=default, title=title, description=tooltip, **rules)


class Advanced(Message):
    """The advanced settings of the engines. Each engine uses those that it lists in `EngineInfo.options`.

    Unknown settings are ignored, because a document may have been saved by a later version.
    """

    model_config = ConfigDict(extra="ignore")

    reference_strength: float = _number(
        1,
        0,
        1,
        "Reference",
        "How strongly the reference acts. Less helps when its shapes get into the picture.",
    )
    foreground_strength: float = _number(
        1, 0, 1, "Foreground's reference", "How strongly the reference acts on the foreground."
    )
    background_strength: float = _number(
        1, 0, 1, "Background's reference", "How strongly the reference acts on the background."
    )
    merge: float = _number(0, 0, 1, "Merge", "How much of the background's colours the foreground takes.")
    merge_masks: bool = _option(
        False,
        "Merge the foreground masks",
        "Remove the sketch's foreground from the reference's background, too, so that no outline of the"
        " reference's foreground gets into the picture. For the modes that separate foreground and background.",
    )
    bleach_background: bool = _option(
        False,
        "Bleach the background",
        "Take no colours from the reference's background and leave out the sketch's lines there: the background"
        " becomes white. For the modes that separate foreground and background.",
    )
    sketch_strength: float = _number(1, 0, 3, "Sketch", "How strictly the lines are followed.")
    background_factor: float = _number(
        1, 0, 2, "Background's detail", "How strongly the background's detail acts."
    )
    guidance: float = _number(
        4,
        1,
        15,
        "Guidance",
        "How far the colours are pushed towards the reference. 1 is none, and twice as fast.",
    )
    sketch_guidance: float = _number(
        1, 1, 5, "Sketch guidance", "How far the picture is pushed towards the sketch. 1 is none."
    )
    guidance_start: float = _number(
        0, 0, 1, "From", "The reference acts from this fraction of the steps on (0 is the start)."
    )
    guidance_end: float = _number(
        1, 0, 1, "Until", "The reference acts up to this fraction of the steps (1 is the end)."
    )
    fine_strength: float = _number(
        1, 0, 1, "Fine detail", "How strongly the reference acts on texture and edges."
    )
    middle_strength: float = _number(1, 0, 1, "Colour", "How strongly the reference acts on areas of colour.")
    coarse_strength: float = _number(
        1,
        0,
        1,
        "Meaning",
        "How strongly the reference acts on the meaning of things: what is hair, what is skin.",
    )
    bottom_strength: float = _number(
        1, 0, 1, "Layout", "How strongly the reference acts on the picture as a whole."
    )
    sketch_threshold: float = _number(
        0.05, 0, 1, "Sketch mask from", "Mask values above this count as foreground."
    )
    reference_threshold: float = _number(
        0.5, 0, 1, "Reference mask from", "Mask values above this count as foreground."
    )
    reference_padding: float = _number(
        1,
        1,
        2,
        "Padding",
        "White space around the reference, so that its shapes don't get into the picture. 1.5 often helps.",
    )
    injection: bool = _option(
        False,
        "Copy the style closely",
        "Attention injection: closest to the reference, takes twice the time.",
    )
    injection_fidelity: float = _number(0.5, 0, 1, "Fidelity", "How closely the style is copied.")
    injection_start: float = _number(
        0, 0, 1, "Copy from", "The style is copied from this fraction of the steps on."
    )
    sampler: Sampler = _option(
        "diffuser_dpm", "Sampler", "The algorithm that computes the picture. The first is the published one."
    )
    spacing: Spacing = _option(
        "Automatic", "Spacing", "How the steps are spaced. Automatic fits the sampler."
    )
    coloured_lines: ColouredLines = _option(
        "automatic",
        "Coloured lines",
        "How to treat coloured lines beside black ones: as borders, as roughs (which are ignored), or as trace"
        " lines between light and shade. Automatic detects it; the result's tooltip says what was detected.",
    )
    clear_hints: bool = _option(
        False,
        "Magenta hints: no colour",
        "Hints of pure magenta (#ff00ff) keep their regions transparent.",
    )
    text_edits: str = _option(
        "",
        "Words",
        "Changes the reference by words, one change a line:\n"
        "[target] red hair; [anchor] blond hair; [control] hair; [scale] 8; [enhanced] False;"
        " [ts0] 0.5; [ts1] 0.55; [ts2] 0.65; [ts3] 0.95",
        max_length=LONGEST_TEXT,
    )
    instruction: str = _option(
        "",
        "Instruction",
        "The prompt for the model, in English; it replaces the default one. Image 1 is the line art, the"
        " references follow.",
        max_length=LONGEST_TEXT,
    )
    lora: str = _option(
        "",
        "LoRA",
        "A LoRA that was added on the Models page.",
        max_length=LONGEST_TEXT,
    )
    lora_strength: float = _number(1, 0, 2, "LoRA's strength", "How strongly the LoRA acts.")


class Options(Message):
    """The options of a job. Engines ignore those that they don't list in `EngineInfo.options`."""

    palette_lock: bool = _option(
        True, "Exact reference colours", "Every flat colour is taken exactly from the reference."
    )
    style_detail: bool = _option(
        False, "Style detail", "Follow the reference's shading and texture more closely."
    )
    background_detail: bool = _option(
        False, "Background detail", "Take more detail from the reference's background."
    )
    line_gap: float = _number(
        0,
        0,
        0.1,
        "Close gaps",
        "Openings in the lines up to this width are treated as closed. Automatic: up to four times the lines'"
        " width.",
    )
    steps: int = _option(
        0,
        "Steps",
        "How many steps the model makes: more take longer. The default fits the model.",
        ge=0,
        le=1000,
    )
    size: int = _option(
        0,
        "Working size",
        "Side in pixels at which the model works; 0 uses the model's own size. The layers keep your canvas's size.",
        ge=0,
        le=MAX_SIDE,
    )
    colorize_mask: bool = _option(
        False,
        "Colorize Mask, too",
        "Adds a hidden layer with the flat colours as key strokes for Krita's Colorize Mask tool.",
    )
    colour_paper: bool = _option(
        False,
        "Gutters and bubbles, too",
        "Colours the gutters and speech bubbles of a comic page; without it they stay paper.",
    )
    advanced: Advanced = Advanced()


class Choice(Message):
    """One of the values of an option."""

    value: str
    title: str


class Option(Message):
    """How the docker shows an option; `low` and `high` are the range of a number, `choices` the values of a choice."""

    name: str
    title: str
    tooltip: str
    kind: Literal["switch", "integer", "number", "choice", "text"]
    default: bool | int | float | str
    low: float | None = None
    high: float | None = None
    choices: list[Choice] = []


_TITLES = {"automatic": "Automatic", "borders": "Borders", "roughs": "Roughs", "trace_lines": "Trace lines"}
_DIFFUSERS = "diffuser_"

ADVANCED = tuple(Advanced.model_fields)


def table() -> list[Option]:
    """All options, those of `Options` first."""
    found: dict[str, dict[str, Any]] = {}
    for model in (Options, Advanced):
        found |= model.model_json_schema()["properties"]
    return [_describe(name, rules) for name, rules in found.items() if name != "advanced"]


def _describe(name: str, rules: dict[str, Any]) -> Option:
    kinds = {"boolean": "switch", "string": "text"}
    return Option(
        name=name,
        title=rules["title"],
        tooltip=rules["description"],
        kind="choice" if "enum" in rules else kinds.get(rules["type"], rules["type"]),
        default=rules["default"],
        low=rules.get("minimum"),
        high=rules.get("maximum"),
        choices=[Choice(value=value, title=_title(value)) for value in rules.get("enum", [])],
    )


def _title(value: str) -> str:
    """The title of a value; samplers have the names of their libraries."""
    if value.startswith(_DIFFUSERS):
        return f"{value.removeprefix(_DIFFUSERS).upper()} (diffusers)"
    return _TITLES.get(value, value)

"""The finer settings of diffusion engines, as the wire names them: ranges, defaults, and the words for the artist.

The backend has the same table of its own (`colorizer.engines.advanced`); a test holds the two together. What an engine
heeds is told by `GET /v1/engines`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Advanced:
    """The values; every one has a row in `WORDS`."""

    reference_strength: float = 1.0
    foreground_strength: float = 1.0
    background_strength: float = 1.0
    merge: float = 0.0
    merge_masks: bool = False
    bleach_background: bool = False
    sketch_strength: float = 1.0
    background_factor: float = 1.0
    guidance: float = 4.0
    sketch_guidance: float = 1.0
    guidance_start: float = 0.0
    guidance_end: float = 1.0
    fine_strength: float = 1.0
    middle_strength: float = 1.0
    coarse_strength: float = 1.0
    bottom_strength: float = 1.0
    sketch_threshold: float = 0.05
    reference_threshold: float = 0.5
    reference_padding: float = 1.0
    injection: bool = False
    injection_fidelity: float = 0.5
    injection_start: float = 0.0
    sampler: str = "diffuser_dpm"
    spacing: str = "Automatic"
    coloured_lines: str = "automatic"
    text_edits: str = ""
    instruction: str = ""
    lora: str = ""
    lora_strength: float = 1.0


@dataclass(frozen=True)
class Row:
    """How one value is shown: its name and explanation, and its range or choices (none of both: a switch or text)."""

    title: str
    tooltip: str
    low: float = 0.0
    high: float = 0.0
    choices: tuple[str, ...] = ()


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

WORDS = {
    "reference_strength": Row(
        "Reference",
        "How strongly the reference acts. Less helps when its shapes get into the picture.",
        0,
        1,
    ),
    "foreground_strength": Row("Figure's reference", "The same for the figure alone.", 0, 1),
    "background_strength": Row("Background's reference", "The same for the background alone.", 0, 1),
    "merge": Row("Merge", "How much of the background's colours the figure takes.", 0, 1),
    "merge_masks": Row(
        "Merge the figures' masks",
        "The sketch's figure is taken out of the reference's background as well: no outline of the reference's figure"
        " gets into yours. For the modes that keep figure and background apart.",
    ),
    "bleach_background": Row(
        "Bleach the background",
        "Take nothing from the reference's background, and leave out the sketch's lines there: it becomes white. For"
        " the modes that keep figure and background apart.",
    ),
    "sketch_strength": Row("Sketch", "How strictly the lines are followed.", 0, 3),
    "background_factor": Row("Background's detail", "How strongly the background's detail acts.", 0, 2),
    "guidance": Row(
        "Guidance",
        "How far the colours are pushed towards the reference. 1 is none, and twice as fast.",
        1,
        15,
    ),
    "sketch_guidance": Row("Sketch guidance", "The same towards the sketch. 1 is none.", 1, 5),
    "guidance_start": Row("From", "The reference acts from this part of the way on (0 is the start).", 0, 1),
    "guidance_end": Row("Until", "The reference acts up to this part of the way (1 is the end).", 0, 1),
    "fine_strength": Row("Fine detail", "How strongly the reference acts on texture and edges.", 0, 1),
    "middle_strength": Row("Colour", "How strongly the reference acts on areas of colour.", 0, 1),
    "coarse_strength": Row("Meaning", "How strongly the reference acts on what things are.", 0, 1),
    "bottom_strength": Row("Layout", "How strongly the reference acts on the picture as a whole.", 0, 1),
    "sketch_threshold": Row("Sketch mask from", "Mask values above this count as figure.", 0, 1),
    "reference_threshold": Row("Reference mask from", "Mask values above this count as figure.", 0, 1),
    "reference_padding": Row(
        "Padding",
        "White beside the reference, so that its shapes don't get into the picture. 1.5 helps often.",
        1,
        2,
    ),
    "injection": Row(
        "Copy the style closely", "Attention injection: closest to the reference, takes twice the time."
    ),
    "injection_fidelity": Row("Fidelity", "How closely the style is copied.", 0, 1),
    "injection_start": Row("Copy from", "The style is copied from this part of the way on.", 0, 1),
    "sampler": Row(
        "Sampler", "How the picture is worked out. The first is the published one.", choices=SAMPLERS
    ),
    "spacing": Row("Spacing", "How the steps are spaced. Automatic fits the sampler.", choices=SPACINGS),
    "coloured_lines": Row(
        "Coloured lines",
        "What coloured lines beside black ones are: borders like these, roughs to be ignored, or trace lines between"
        " light and shade. Automatic finds it out; pointing at the result tells what was found.",
        choices=COLOURED_LINES,
    ),
    "text_edits": Row(
        "Words",
        "Changes the reference by words, one change a line:\n"
        "[target] red hair; [anchor] blond hair; [control] hair; [scale] 8; [enhanced] False;"
        " [ts0] 0.5; [ts1] 0.55; [ts2] 0.65; [ts3] 0.95",
    ),
    "instruction": Row(
        "Instruction",
        "What the model is told, in English and in place of the usual words. Image 1 is the line art, the references"
        " follow.",
    ),
    "lora": Row("LoRA", "The name of a LoRA from the Models page; empty for none."),
    "lora_strength": Row("LoRA's strength", "How strongly the LoRA acts.", 0, 2),
}


def read(data: object) -> Advanced:
    """Values from JSON; what is missing or doesn't fit gets its default."""
    if not isinstance(data, Mapping):
        return Advanced()
    known = {item.name: item.default for item in fields(Advanced)}
    return Advanced(**{name: _fitting(name, data.get(name), default) for name, default in known.items()})


def _fitting(name: str, value: object, default: Any) -> Any:
    row = WORDS[name]
    if isinstance(default, bool):
        return value if isinstance(value, bool) else default
    if isinstance(default, str):
        fits = isinstance(value, str) and (
            value in row.choices if row.choices else len(value) <= LONGEST_TEXT
        )
        return value if fits else default
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if number and row.low <= value <= row.high else default  # type: ignore[operator, arg-type]

"""The small pictures on a model's card that explain its inputs and results (`pictures/NAME.png`).

They are drawings (resources/cards/draw.py), not results of models. This module has only their names; `ui.explained`
shows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "pictures"

DRAWN = (
    "The small pictures are drawn as explanations of the inputs and results. They weren't made by a model."
)

TITLES = {
    "coloured": "Coloured picture",
    "evening": "Coloured in that mood",
    "figure": "Coloured figure",
    "grey": "Grey page",
    "mood": "Any reference",
    "numbers": "Numbers",
    "pool": "Several references",
    "preview": "Sharper preview",
    "reference": "Reference",
    "reference-lines": "Lines of it",
    "reference-mask": "Foreground of the reference",
    "rough": "Rough preview",
    "shaded": "Shaded lines",
    "sketch": "Sketch",
    "sketch-mask": "Foreground of the sketch",
}
"""The label of every picture, by its file name."""


@dataclass(frozen=True)
class Explained:
    """The names of the pictures of a model's inputs and results."""

    inputs: tuple[str, ...]
    outcome: str


_OF_MODELS = {
    "colorize-diffusion-v1": Explained(("sketch", "mood"), "evening"),
    "colorize-diffusion-v1-first": Explained(("sketch", "mood"), "evening"),
    "colorize-diffusion-v1.5": Explained(("sketch", "reference"), "figure"),
    "colorflow-gray": Explained(("grey", "pool"), "coloured"),
    "colorflow-shading": Explained(("shaded", "pool"), "coloured"),
    "figures-sketch": Explained(("sketch",), "sketch-mask"),
}

_OF_ENGINES = {
    "anime_diffusion": Explained(("sketch", "reference"), "figure"),
    "colorflow": Explained(("sketch", "pool"), "coloured"),
    "colorize_diffusion": Explained(("sketch", "reference"), "coloured"),
    "features": Explained(("pool",), "numbers"),
    "figures": Explained(("reference",), "reference-mask"),
    "flux2_klein": Explained(("sketch", "pool"), "coloured"),
    "flux2_klein_parts": Explained(("reference",), "numbers"),
    "lines": Explained(("reference",), "reference-lines"),
    "previews": Explained(("rough",), "preview"),
    "towers": Explained(("reference",), "numbers"),
}


def explained(model: str, engine: str) -> Explained | None:
    """A model's pictures, or its engine's; None for an unknown engine."""
    return _OF_MODELS.get(model) or _OF_ENGINES.get(engine)

"""The model folders on this machine: `COLORIZE_HOME/models/NAME`, one per set of weights.

The engine of a folder is named in its card (`card.json`, written by the catalogue). In a model that the user trained,
it follows from the files that the engine wrote. This module reads small JSON files only and imports no libraries, so
that the HTTP process can list models. `models` describes an engine's models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colorizer import paths

CARD = "card.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Pattern of a model's name, which is also its folder's name."""

_PIPELINES = {
    "ColorizeDiffusionPipeline": "colorize_diffusion",
    "AnimeDiffusionPipeline": "anime_diffusion",
    "Flux2KleinPipeline": "flux2_klein",
    "Flux2KleinKVPipeline": "flux2_klein",
}


@dataclass(frozen=True)
class FileSum:
    """A file of a model: its size, and its SHA-256 in hex."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Card:
    """Description of a model folder. In a folder that the catalogue did not write, only `engine` is set."""

    engine: str
    title: str = ""
    licence: str = ""
    source: str = ""
    """Where it came from, as text for the user."""
    steps: int = 0
    """Recommended number of steps of a diffusion model; 0: the engine's default."""
    files: Mapping[str, FileSum] = field(default_factory=dict)
    """All files by their path in the folder, with `/` as separator."""

    @classmethod
    def read(cls, folder: Path) -> Card | None:
        """The card of a folder; None if the folder contains no model."""
        written = _json(folder / CARD)
        if isinstance(written.get("engine"), str):
            return cls._of(written)
        kind = _PIPELINES.get(str(_json(folder / "model_index.json").get("_class_name")))
        if kind is None and (folder / "colorflow.json").is_file():
            kind = "colorflow"
        if kind is None and (folder / "flux2_klein.json").is_file():
            kind = "flux2_klein"
        return cls(kind) if kind else None

    @classmethod
    def _of(cls, data: Mapping[str, Any]) -> Card:
        files, steps = data.get("files"), data.get("steps")
        return cls(
            engine=data["engine"],
            title=str(data.get("title", "")),
            licence=str(data.get("licence", "")),
            source=str(data.get("source", "")),
            steps=steps if isinstance(steps, int) and steps > 0 else 0,
            files={
                str(name): FileSum(int(entry["bytes"]), str(entry["sha256"]))
                for name, entry in (files if isinstance(files, dict) else {}).items()
            },
        )


def models_folder() -> Path:
    """The folder with all models."""
    return paths.home() / "models"


def cards(folder: Path) -> list[tuple[Path, Card]]:
    """All models in a folder, sorted by name."""
    if not folder.is_dir():
        return []
    found = ((path, Card.read(path)) for path in sorted(folder.iterdir()) if NAME.fullmatch(path.name))
    return [(path, card) for path, card in found if card is not None]


def _json(file: Path) -> dict[str, Any]:
    """Reads a JSON object from a file; empty if there is none."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

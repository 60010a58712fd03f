"""The model folders on this machine: `COLORIZE_HOME/models/NAME`, one per set of weights.

Which engine a folder belongs to is told by its card (`card.json`, written by the catalogue) or, for a model of the
user's own training, by what the engine itself wrote there. Reads small JSON files only and loads no library, so that
the HTTP process can list models; what engines say about theirs is in `models`.
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
"""What a model may be called; it is a folder's name."""

_PIPELINES = {
    "ColorizeDiffusionPipeline": "colorize_diffusion",
    "AnimeDiffusionPipeline": "anime_diffusion",
    "Flux2KleinPipeline": "flux2_klein",
    "Flux2KleinKVPipeline": "flux2_klein",
}


@dataclass(frozen=True)
class FileSum:
    """One file of a model: its length, and the SHA-256 of its bytes in hex."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Card:
    """What is known about a model folder. Only `engine` is certain for a folder that the catalogue didn't write."""

    engine: str
    title: str = ""
    licence: str = ""
    source: str = ""
    """Where it came from, for people."""
    steps: int = 0
    """How many steps suit a diffusion model; 0 where nothing is said, and the usual number does."""
    files: Mapping[str, FileSum] = field(default_factory=dict)
    """Every file by its path in the folder, with `/` between parts."""

    @classmethod
    def read(cls, folder: Path) -> Card | None:
        """The card of a folder; None where there is no model in it."""
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
    """Where the models are."""
    return paths.home() / "models"


def cards(folder: Path) -> list[tuple[Path, Card]]:
    """All models in a folder, by name."""
    if not folder.is_dir():
        return []
    found = ((path, Card.read(path)) for path in sorted(folder.iterdir()) if NAME.fullmatch(path.name))
    return [(path, card) for path, card in found if card is not None]


def _json(file: Path) -> dict[str, Any]:
    """A JSON object from a file; empty where there is none."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

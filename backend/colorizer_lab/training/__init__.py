"""Trainers, one per recipe. torch is imported when a training starts.

`match` trains the built-in network, `anime_diffusion` and `colorize_diffusion` the published systems, `klein_lora` a
LoRA for FLUX.2 klein. `loop` is shared by the trainers: stopping, resuming, atomic checkpoints, logging.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorizer.errors import InvalidInput

RECIPES = {
    "match": "colorizer_lab.training.match",
    "anime-diffusion": "colorizer_lab.training.anime_diffusion",
    "colorize-diffusion": "colorizer_lab.training.colorize_diffusion.trainer",
    "klein-lora": "colorizer_lab.training.klein_lora",
}


@dataclass(frozen=True)
class Overrides:
    """A recipe's settings given on the command line; empty where not given."""

    config: Path | None = None
    stage: str = ""
    start: str = ""
    data: Path | None = None
    seed: int = 0

    @property
    def any(self) -> bool:
        """Whether any setting except the seed was given."""
        return bool(self.config or self.stage or self.start or self.data)


def recipe(name: str) -> Callable[..., None]:
    """The `train` function of a recipe. Raises `InvalidInput` for an unknown name."""
    found: Callable[..., None] = _trainer(name).train
    return found


def settings(name: str, overrides: Overrides) -> Any:
    """A recipe's settings with the given overrides; None: its defaults. Raises `InvalidInput` if it has no settings."""
    trainer = _trainer(name)
    if not overrides.any:
        return None
    if not hasattr(trainer, "settings"):
        raise InvalidInput(f"The recipe {name} has no settings. Omit --config, --stage, --from and --data.")
    return trainer.settings(overrides)


def needs_packages(name: str) -> None:
    """Raises `InvalidInput` if packages of a recipe are missing."""
    _trainer(name)


def _trainer(name: str) -> Any:
    if name not in RECIPES:
        raise InvalidInput(f"There is no recipe {name!r}. Choose one of: {', '.join(RECIPES)}.")
    try:
        return importlib.import_module(RECIPES[name])
    except ModuleNotFoundError as error:
        raise InvalidInput(
            f"Training needs {error.name}, which isn't installed. Run ./colorize train from a clone, "
            "or pip install ./backend/colorizer_lab there."
        ) from error

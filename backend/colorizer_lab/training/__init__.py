"""One trainer for each recipe. Nothing an artist runs needs this room; it loads torch when a training starts.

`match` makes the built-in network from our own drawings, `anime_diffusion` and `colorize_diffusion` the published
systems, `klein_lora` a LoRA for FLUX.2 klein. `loop` holds what trainers share: stopping, resuming, whole files,
logging.
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
class Wishes:
    """What a person said on the command line about a recipe's settings; empty where they said nothing."""

    config: Path | None = None
    stage: str = ""
    start: str = ""
    data: Path | None = None
    seed: int = 0

    @property
    def any(self) -> bool:
        """Whether there is any beside the seed."""
        return bool(self.config or self.stage or self.start or self.data)


def recipe(name: str) -> Callable[..., None]:
    """The `train` function of a recipe. Raises `InvalidInput` where there is none of that name."""
    found: Callable[..., None] = _trainer(name).train
    return found


def settings(name: str, wishes: Wishes) -> Any:
    """A recipe's settings from a person's wishes; None for its own. Raises `InvalidInput` where it takes none."""
    trainer = _trainer(name)
    if not wishes.any:
        return None
    if not hasattr(trainer, "settings"):
        raise InvalidInput(
            f"The recipe {name} has no settings; leave out --config, --stage, --from and --data."
        )
    return trainer.settings(wishes)


def needs_packages(name: str) -> None:
    """Raises `InvalidInput` where a recipe's packages are missing."""
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

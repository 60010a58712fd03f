"""One trainer for each recipe. Nothing an artist runs needs this room; it loads torch when a training starts.

`match` makes the built-in network from our own drawings, `anime_diffusion` the published
system. `loop` holds what trainers share: stopping, resuming, logging.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from colorizer.errors import InvalidInput

RECIPES = {
    "match": "colorizer.training.match",
    "anime-diffusion": "colorizer.training.anime_diffusion",
    "colorize-diffusion": "colorizer.training.colorize_diffusion",
}


def recipe(name: str) -> Callable[..., None]:
    """The `train` function of a recipe. Raises `InvalidInput` where there is none of that name."""
    if name not in RECIPES:
        raise InvalidInput(f"There is no recipe {name!r}. There is: {', '.join(RECIPES)}.")
    try:
        trainer: Any = importlib.import_module(RECIPES[name])
    except ModuleNotFoundError as error:
        raise InvalidInput(
            f"Training needs {error.name}, which isn't installed. Run ./colorize train from a clone, "
            "or pip install 'krita-colorize[training,diffusion]'."
        ) from error
    found: Callable[..., None] = trainer.train
    return found

"""A model's folder to a pipeline: what is in it, what has to come from elsewhere, and what to say where it is damaged.

torch and the networks are loaded only by `read`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorizer.errors import MissingModel

if TYPE_CHECKING:
    from colorizer.engines.colorize_diffusion.pipeline import ColorizeDiffusionPipeline

NO_TOWERS = (
    "ColorizeDiffusion also needs CLIP ViT-H/14, which reads the reference. Get it on the docker's Models page or with"
    " `colorize models download clip-vit-h-14`."
)


def _index(folder: Path) -> dict[str, Any]:
    """What diffusers wrote about the model; empty where it can't be read."""
    try:
        index: dict[str, Any] = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return index


def version(folder: Path) -> str:
    """The version of a model, `?` where it can't be told."""
    return str(_index(folder).get("version", "?"))


def lacks_towers(folder: Path) -> bool:
    """Whether CLIP has to come from elsewhere."""
    return _index(folder).get("image_encoder", [None])[0] is None


def read(folder: Path, towers_folder: Path | None) -> ColorizeDiffusionPipeline:
    """A model, joined with CLIP where it lacks it. Raises `MissingModel` with what to do."""
    from safetensors import SafetensorError

    # `patches` is what models of one's own may name as their autoencoder; diffusers imports nothing by itself
    from colorizer.engines.colorize_diffusion import patches as _patches  # noqa: F401
    from colorizer.engines.colorize_diffusion import towers
    from colorizer.engines.colorize_diffusion.pipeline import ColorizeDiffusionPipeline

    if lacks_towers(folder) and towers_folder is None:
        raise MissingModel(NO_TOWERS)
    try:
        parts = towers.load(towers_folder) if lacks_towers(folder) and towers_folder else {}
        return ColorizeDiffusionPipeline.from_pretrained(folder, **parts)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise MissingModel(
            f"The model {folder.name} can't be read; a file may be damaged. Convert it again."
        ) from error

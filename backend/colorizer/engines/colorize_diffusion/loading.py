"""Loads a pipeline from a model folder, with CLIP from another folder where the model has none.

torch and the networks are imported only by `read`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorizer.errors import MissingModel

if TYPE_CHECKING:
    from colorizer.engines.colorize_diffusion.pipeline import ColorizeDiffusionPipeline

NO_TOWERS = (
    "ColorizeDiffusion also needs CLIP ViT-H/14, which reads the reference. Download it on the docker's Models page or"
    " with `colorize models download clip-vit-h-14`."
)


def _index(folder: Path) -> dict[str, Any]:
    """Contents of `model_index.json`; empty if it cannot be read."""
    try:
        index: dict[str, Any] = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return index


def version(folder: Path) -> str:
    """The version of a model; `?` if it is not known."""
    return str(_index(folder).get("version", "?"))


def lacks_towers(folder: Path) -> bool:
    """Whether the model folder contains no CLIP, so that it has to be loaded from another folder."""
    return _index(folder).get("image_encoder", [None])[0] is None


def read(folder: Path, towers_folder: Path | None) -> ColorizeDiffusionPipeline:
    """Loads a model, with CLIP from `towers_folder` where it has none. Raises `MissingModel` with what to do."""
    from safetensors import SafetensorError

    # A model may name `patches.PatchTransform` as its autoencoder. diffusers does not import it, so it is done here.
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
            f"The model {folder.name} can't be read; one of its files may be damaged. Convert or download it again."
        ) from error

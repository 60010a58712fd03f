"""LoRAs (arXiv 2106.09685) for FLUX.2 klein: the artist's own files, or trained here, in model folders with a licence.

diffusers reads them (its own, kohya's, ai-toolkit's and LyCORIS's naming); peft applies them without merging.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from colorizer.engines.flux2_klein.files import LORA_FILE
from colorizer.engines.flux2_klein.model import KleinModel, read_transformer
from colorizer.engines.models import Installed
from colorizer.engines.runtime.memory_profiles import release
from colorizer.errors import InvalidInput, UnusableModel

_ADAPTER = "artist"


def find(installed: Installed, name: str) -> Path | None:
    """The file of a LoRA by its name; None for no name. Raises `InvalidInput` if it is not installed."""
    if not name:
        return None
    folders = {folder.name: folder for folder in installed.folders()}
    if name not in folders:
        known = (
            f"Choose one of: {', '.join(folders)}."
            if folders
            else "None is installed: drop one onto the Models page."
        )
        raise InvalidInput(f"There is no LoRA {name!r} for FLUX.2 klein. {known}")
    return folders[name] / LORA_FILE


def use(model: KleinModel, file: Path | None, strength: float) -> bool:
    """Replaces the transformer's LoRA; returns whether it changed. The memory profile must be applied again then.

    Args:
        model: the loaded model.
        file: the LoRA; None removes the current one.
        strength: its scale.

    Raises:
        UnusableModel: the file does not fit this transformer.
    """
    wanted = (file, strength) if file is not None and strength else None
    if wanted == model.lora:
        return False
    release(model.pipeline)
    if model.lora is not None:
        model.pipeline.unload_lora_weights()
        model.lora = None
    if wanted is not None:
        _load(model.pipeline, wanted[0], wanted[1])
        model.lora = wanted
    return True


def reload(model: KleinModel) -> None:
    """Loads the transformer again, with its current LoRA."""
    wanted = model.lora
    model.pipeline.transformer = read_transformer(model.files.transformer)
    model.rounded, model.lora = False, None
    if wanted is not None:
        _load(model.pipeline, *wanted)
        model.lora = wanted


def _load(pipeline: Any, file: Path, strength: float) -> None:
    from safetensors import SafetensorError

    try:
        pipeline.load_lora_weights(
            file.parent, weight_name=file.name, adapter_name=_ADAPTER, local_files_only=True
        )
        if _ADAPTER not in pipeline.get_list_adapters().get("transformer", []):
            raise ValueError("none of its layers is one of the transformer's")
    except (ValueError, KeyError, RuntimeError, OSError, SafetensorError, IndexError) as error:
        pipeline.unload_lora_weights()
        raise UnusableModel(
            f"The LoRA {file.parent.name} doesn't fit this model: it was made for another size of FLUX.2, or its file"
            " is damaged. Choose another LoRA, or none."
        ) from error
    pipeline.set_adapters([_ADAPTER], [strength])

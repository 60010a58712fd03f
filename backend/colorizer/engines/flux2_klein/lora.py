"""LoRA for FLUX.2 klein: files of the artist's own or trained here, as model folders of their own with a licence.

diffusers reads them (its own, kohya's, ai-toolkit's and LyCORIS's naming); peft keeps them beside the weights.
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
    """The file of a LoRA by its name; None for no name. Raises `InvalidInput` where it isn't installed."""
    if not name:
        return None
    folders = {folder.name: folder for folder in installed.folders()}
    if name not in folders:
        known = (
            f"There is: {', '.join(folders)}."
            if folders
            else "None is installed: drop one onto the Models page."
        )
        raise InvalidInput(f"There is no LoRA {name!r} for FLUX.2 klein. {known}")
    return folders[name] / LORA_FILE


def use(model: KleinModel, file: Path | None, strength: float) -> bool:
    """Puts a LoRA beside the transformer's weights in place of the one before; whether anything changed.

    The model has to be placed anew then.

    Raises:
        UnusableModel: the file doesn't fit this transformer.
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


def read_anew(model: KleinModel) -> None:
    """Reads the transformer again, with the LoRA it had."""
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
            " is damaged. Choose another, or none."
        ) from error
    pipeline.set_adapters([_ADAPTER], [strength])

"""The files of a model: a folder in diffusers' layout, or single files of a ComfyUI installation that are not copied.

A model folder of the second kind contains only `flux2_klein.json`, which names the files. This module imports no
libraries, so that the HTTP process can list models.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from colorizer.engines.cards import Card
from colorizer.errors import MissingModel

NAME = "flux2_klein"
POINTER = "flux2_klein.json"
PARTS_ENGINE = "flux2_klein_parts"
"""The engine in the card of a folder with text encoder, tokenizer and VAE but without a transformer."""
LORA_ENGINE = "flux2_klein_lora"
"""The engine in the card of a LoRA's folder."""
LORA_FILE = "lora.safetensors"
DISTILLED_STEPS, BASE_STEPS = 4, 50
KV_PIPELINE = "Flux2KleinKVPipeline"
WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
BESIDE = {
    "text_encoder": ("text_encoders", "clip", "text_encoder"),
    "vae": ("vae", "VAE"),
    "tokenizer": ("tokenizer", "tokenizers"),
}
"""Names of ComfyUI's folders for the other networks, beside the transformer's folder."""


@dataclass(frozen=True)
class Files:
    """The files or folders of a model's networks."""

    transformer: Path
    vae: Path
    text_encoder: Path
    tokenizer: Path
    distilled: bool
    """Whether the model is distilled: four steps, no guidance."""
    kv: bool = False
    """Whether it was trained with cached keys and values of the reference pictures (published for 9B only)."""

    @property
    def steps(self) -> int:
        """The model's usual number of steps."""
        return DISTILLED_STEPS if self.distilled else BASE_STEPS

    def write(self, folder: Path) -> None:
        """Writes a model folder that refers to the files."""
        folder.mkdir(parents=True, exist_ok=True)
        data = {
            name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()
        }
        (folder / POINTER).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def read(folder: Path) -> Files:
    """Reads the files of a model folder.

    Raises:
        MissingModel: a file no longer exists, or the folder is damaged.
    """
    files = _pointed(folder) if (folder / POINTER).is_file() else _in_folder(folder)
    for name in ("transformer", "vae", "text_encoder", "tokenizer"):
        path: Path = getattr(files, name)
        if not path.exists():
            raise MissingModel(
                f"The {name.replace('_', ' ')} of the model {folder.name} is missing: {path} no longer exists. Restore"
                " the file, or remove the model on the Models page and add it again."
            )
    return files


def steps(folder: Path) -> int:
    """The usual number of steps of a model folder; a damaged folder gets a default."""
    card = Card.read(folder)
    if card and card.steps:
        return card.steps
    try:
        return read(folder).steps
    except MissingModel:
        return DISTILLED_STEPS


def weights_of(files: Files) -> Path:
    """The transformer's file; its hash is written to the record of a result."""
    if files.transformer.is_file():
        return files.transformer
    return next(iter(sorted(files.transformer.glob("*.safetensors"))), files.transformer / "missing")


def text_encoder_files(files: Files) -> list[Path]:
    """All files that determine the embedding of a text."""
    found = list(_safetensors(files.text_encoder))
    tokens = [path for path in sorted(files.tokenizer.rglob("*")) if path.is_file()]
    return found + tokens


def _safetensors(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    else:
        yield from sorted(path.glob("*.safetensors"))


def _in_folder(folder: Path) -> Files:
    index = _json(folder / "model_index.json")
    kv = index.get("_class_name") == KV_PIPELINE
    parts = {name: folder / name for name in ("transformer", "vae", "text_encoder", "tokenizer")}
    return Files(**parts, distilled=bool(index.get("is_distilled", False)) or kv, kv=kv)


def _pointed(folder: Path) -> Files:
    data = _json(folder / POINTER)
    try:
        parts = {name: folder / data[name] for name in ("transformer", "vae", "text_encoder", "tokenizer")}
        return Files(**parts, distilled=bool(data["distilled"]), kv=bool(data.get("kv", False)))
    except (KeyError, TypeError) as error:
        raise MissingModel(
            f"The model {folder.name} is damaged. Remove it on the Models page and add it again."
        ) from error


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

"""Where the files of a model are: a folder in diffusers' layout, or single files of ComfyUI's that stay where they are.

A model folder of the second kind holds only `flux2_klein.json`, which names the files; nothing is copied. Loads no
library, so that the HTTP process can list models.
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
"""What the card of a folder with everything but a transformer says."""
LORA_ENGINE = "flux2_klein_lora"
"""What the card of a LoRA's folder says."""
LORA_FILE = "lora.safetensors"
DISTILLED_STEPS, BASE_STEPS = 4, 50
KV_PIPELINE = "Flux2KleinKVPipeline"
WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
BESIDE = {
    "text_encoder": ("text_encoders", "clip", "text_encoder"),
    "vae": ("vae", "VAE"),
    "tokenizer": ("tokenizer", "tokenizers"),
}
"""ComfyUI's folders, beside the one the transformer lies in."""


@dataclass(frozen=True)
class Files:
    """The parts of a model: folders in diffusers' layout or single files."""

    transformer: Path
    vae: Path
    text_encoder: Path
    tokenizer: Path
    distilled: bool
    """Four steps without guidance."""
    kv: bool = False
    """Trained to keep the keys and values of reference pictures from step to step (published for 9B alone)."""

    @property
    def steps(self) -> int:
        """As many as suit the model."""
        return DISTILLED_STEPS if self.distilled else BASE_STEPS

    def write(self, folder: Path) -> None:
        """Makes a model folder that points at the files."""
        folder.mkdir(parents=True, exist_ok=True)
        data = {
            name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()
        }
        (folder / POINTER).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def read(folder: Path) -> Files:
    """The files of a model folder.

    Raises:
        MissingModel: one is no longer where it was, or the folder is damaged.
    """
    files = _pointed(folder) if (folder / POINTER).is_file() else _in_folder(folder)
    for name in ("transformer", "vae", "text_encoder", "tokenizer"):
        path: Path = getattr(files, name)
        if not path.exists():
            raise MissingModel(
                f"The model {folder.name} lacks its {name.replace('_', ' ')}: {path} isn't there any more. Put it back,"
                " or remove the model on the Models page and add it again."
            )
    return files


def steps(folder: Path) -> int:
    """As many as suit the model; a number for a damaged folder, too."""
    card = Card.read(folder)
    if card and card.steps:
        return card.steps
    try:
        return read(folder).steps
    except MissingModel:
        return DISTILLED_STEPS


def weights_of(files: Files) -> Path:
    """The transformer's file, whose hash goes into the record of a result."""
    if files.transformer.is_file():
        return files.transformer
    return next(iter(sorted(files.transformer.glob("*.safetensors"))), files.transformer / "missing")


def text_encoder_files(files: Files) -> list[Path]:
    """All files that decide what a text becomes."""
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

"""Creates model folders from FLUX.2 klein's files. Downloads are moved in; the artist's own files are not copied.

`checkpoint_keys` recognises the files by their tensors. A transformer without text encoder and VAE uses those in
ComfyUI's folders beside it, or else those of another installed model.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from colorizer import paths
from colorizer.engines.cards import Card, models_folder
from colorizer.engines.flux2_klein import checkpoint_keys
from colorizer.engines.flux2_klein import files as places
from colorizer.engines.flux2_klein.checkpoint_keys import Network
from colorizer.engines.flux2_klein.files import BESIDE, LORA_FILE, Files
from colorizer.errors import MissingModel, UnusableModel

GGUF = ".gguf"
_PARTS = ("transformer", "vae", "text_encoder", "tokenizer", "scheduler")
_COMFY = ("diffusion_models", "unet")
NOT_NAMED = "not named in the file"


def is_folder(path: Path) -> bool:
    """Whether a folder is a klein pipeline or contains ComfyUI's model folders."""
    of_diffusers = ("transformer/config.json", "text_encoder/config.json")
    return any((path / name).is_file() for name in of_diffusers) or any(
        (path / name).is_dir() for name in _comfy_places()
    )


def shapes_of(file: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a file's tensors. Raises `UnusableModel` if it cannot be read."""
    if file.suffix == GGUF:
        from colorizer.engines.flux2_klein.model import gguf_shapes

        return gguf_shapes(file)
    from colorizer.engines.checkpoints import open_checkpoint

    with open_checkpoint(file) as checkpoint:
        return dict(checkpoint.shapes)


def convert_folder(path: Path, folder: Path) -> str:
    """Creates a model folder from a pipeline's folder or from ComfyUI's folders, and returns its title.

    Raises:
        UnusableModel: a part is missing.
    """
    if not (path / "transformer").is_dir():
        return convert(_transformer_in(path), folder)
    lacking = [name for name in _PARTS if not (path / name).is_dir()]
    if lacking:
        raise UnusableModel(
            f"The folder {path.name} isn't a complete FLUX.2 klein: {', '.join(lacking)} is missing."
            " Download the missing part into it, then try again."
        )
    title = _title(_config(path), distilled=places.read(path).distilled)
    if _is_ours(path):
        folder.mkdir()
        for name in (*_PARTS, "model_index.json"):
            os.replace(path / name, folder / name)
    else:
        places.read(path).write(folder)
    return title


def convert(file: Path, folder: Path) -> str:
    """Creates a model folder from a transformer's file, and returns its title.

    Raises:
        UnusableModel: the file does not fit, or text encoder, tokenizer or VAE were not found.
    """
    shapes = shapes_of(file)
    if checkpoint_keys.is_nvfp4(shapes):
        raise UnusableModel(
            f"{file.name} is an NVFP4 file (packed in four bits), which isn't supported. Use the bfloat16, fp8 or GGUF"
            " file."
        )
    config = checkpoint_keys.transformer_config(shapes)
    beside = _beside(file, config["joint_attention_dim"])
    lacking = [name.replace("_", " ") for name in BESIDE if name not in beside]
    if lacking:
        raise UnusableModel(
            f"{file.name} is FLUX.2 klein's transformer, but these are missing: {', '.join(lacking)}. Put them into"
            " ComfyUI's folders beside it, or download “FLUX.2 klein: text encoder and VAE” on the Models page, then"
            " try again."
        )
    transformer = file.resolve()
    if _is_ours(file):
        folder.mkdir()
        transformer = Path(f"transformer{file.suffix}")
        os.replace(file, folder / transformer)
    distilled = "base" not in file.stem.lower()
    found = Files(transformer, beside["vae"], beside["text_encoder"], beside["tokenizer"], distilled)
    found.write(folder)
    return _title(config, distilled=distilled)


def convert_parts(path: Path, folder: Path) -> str:
    """Installs text encoder, tokenizer and VAE without a transformer, and returns the title."""
    folder.mkdir()
    for name in ("text_encoder", "tokenizer", "vae"):
        os.replace(path / name, folder / name)
    return "FLUX.2 klein: text encoder and VAE"


def convert_lora(file: Path, folder: Path) -> tuple[str, str]:
    """Creates a LoRA's folder, and returns its title and the licence named in the file."""
    from safetensors import safe_open

    with safe_open(file, framework="pt") as opened:
        told = opened.metadata() or {}
    folder.mkdir()
    if _is_ours(file):
        os.replace(file, folder / LORA_FILE)
    else:
        shutil.copyfile(file, folder / LORA_FILE)
    licence = told.get("modelspec.license") or told.get("license") or NOT_NAMED
    return "LoRA for FLUX.2 klein", licence[:80]


def _beside(file: Path, text_width: int) -> dict[str, Path]:
    """Finds text encoder, tokenizer and VAE that fit a transformer, in the nearest folder that has them."""
    found: dict[str, Path] = {}
    for name, folder in (
        (name, folder) for root in (file.parent.parent, file.parent) for name, folder in _near(root)
    ):
        if name not in found and (path := _fitting(folder, name, text_width)):
            found[name] = path
    for name in BESIDE.keys() - found.keys():
        if path := _installed(name):
            found[name] = path
    return found


def _near(root: Path) -> Iterator[tuple[str, Path]]:
    for name, folders in BESIDE.items():
        for folder in folders:
            if (root / folder).is_dir():
                yield name, root / folder


def _fitting(folder: Path, name: str, text_width: int) -> Path | None:
    """The file of this part in a ComfyUI folder, or the folder itself if it is in diffusers' layout."""
    if name == "tokenizer":
        return (
            folder.resolve()
            if (folder / "tokenizer.json").is_file() or (folder / "vocab.json").is_file()
            else None
        )
    if (folder / "config.json").is_file():
        return folder.resolve()
    for file in sorted(folder.glob("*.safetensors")):
        try:
            shapes = shapes_of(file)
        except UnusableModel:  # a damaged file of another model is not reported here
            continue
        if checkpoint_keys.recognise(shapes) is Network(name):
            width = shapes.get("model.embed_tokens.weight", (0, text_width // 3))[1]
            if width * 3 == text_width:
                return file.resolve()
    return None


def _installed(name: str) -> Path | None:
    """The same part of another installed model."""
    for folder in sorted(models_folder().glob("*")) if models_folder().is_dir() else ():
        card = Card.read(folder)
        if card is None or card.engine not in (places.NAME, places.PARTS_ENGINE):
            continue
        try:
            path: Path = getattr(places.read(folder), name) if card.engine == places.NAME else folder / name
        except MissingModel:
            continue
        if path.exists():
            return path
    return None


def _transformer_in(path: Path) -> Path:
    """The only klein transformer in ComfyUI's folders. Raises `UnusableModel` for none or several."""
    there = []
    for place in _comfy_places():
        for file in sorted([*(path / place).glob("*.safetensors"), *(path / place).glob(f"*{GGUF}")]):
            try:
                if checkpoint_keys.recognise(shapes_of(file)) is Network.TRANSFORMER:
                    there.append(file)
            except UnusableModel:
                continue
    if len(there) == 1:
        return there[0]
    names = ", ".join(str(file.relative_to(path)) for file in there)
    raise UnusableModel(
        f"The folder {path.name} contains several transformers: {names}. Choose one of these files."
        if there
        else f"The folder {path.name} contains no FLUX.2 klein transformer. Choose its file."
    )


def _comfy_places() -> list[str]:
    return [start + name for start in ("", "models/") for name in _COMFY]


def _is_ours(path: Path) -> bool:
    """Whether a file is in the program's own folder, as downloaded and uploaded files are."""
    return path.resolve().is_relative_to(paths.home().resolve())


def licence_of(title: str) -> str:
    """The licence of a model; 9B was published for non-commercial use only."""
    return "FLUX Non-Commercial" if title.endswith("9B") else "Apache 2.0"


def _title(config: dict[str, Any], *, distilled: bool) -> str:
    width = config["num_attention_heads"] * config["attention_head_dim"]
    size = {3072: " 4B", checkpoint_keys.KLEIN_9B_WIDTH: " 9B"}.get(width, "")
    return f"FLUX.2 klein{'' if distilled else ' base'}{size}"


def _config(folder: Path) -> dict[str, Any]:
    """Configuration of a pipeline's transformer. Raises `UnusableModel` if it is damaged."""
    try:
        config: dict[str, Any] = json.loads(
            (folder / "transformer" / "config.json").read_text(encoding="utf-8")
        )
        _ = config["num_attention_heads"] * config["attention_head_dim"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableModel(
            f"The folder {folder.name} is damaged: its transformer's config.json can't be read. Download it again."
        ) from error
    return config

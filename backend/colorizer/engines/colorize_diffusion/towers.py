"""CLIP ViT-H/14's image and text towers as a model folder; ColorizeDiffusion checkpoints do not contain them.

They are published as one file, with transformers' or with OpenCLIP's key names. `convert` accounts for every key of
either layout; `load` returns the networks for a pipeline.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from colorizer.engines.checkpoints import open_checkpoint
from colorizer.engines.colorize_diffusion import checkpoint_keys
from colorizer.engines.colorize_diffusion import convert as checkpoints
from colorizer.engines.colorize_diffusion.checkpoint_keys import Component, Target
from colorizer.engines.colorize_diffusion.convert import Contents, TensorSource
from colorizer.engines.colorize_diffusion.settings import Version
from colorizer.errors import UnusableModel

MARK = "towers.json"
TOKENIZER_FILES = ("vocab.json", "merges.txt")

_IMAGE = re.compile(r"vision_model\..+|visual_projection\.weight")
_TEXT = re.compile(r"text_model\..+|text_projection\.weight")
_SUPERFLUOUS = re.compile(r"logit_scale|.+\.position_ids")
_OPENCLIP = re.compile(r"visual\.(.+)")


def is_towers(keys: Iterable[str]) -> bool:
    """Whether a file contains CLIP, by its keys."""
    keys = set(keys)
    return bool(keys & {"visual_projection.weight", "visual.proj"})


def targets(key: str) -> tuple[Target, ...] | None:
    """The targets of a published key: none (an empty tuple) for a superfluous key, None for an unknown key."""
    if _SUPERFLUOUS.fullmatch(key):
        return ()
    if _IMAGE.fullmatch(key):
        return (Target(Component.IMAGE_ENCODER, key),)
    if _TEXT.fullmatch(key):
        return (Target(Component.TEXT_ENCODER, key),)
    visual = _OPENCLIP.fullmatch(key)
    published = f"cond_stage_model.visual.model.{visual[1]}" if visual else _text_key(key)
    return checkpoint_keys.targets(published)


def _text_key(key: str) -> str:
    return f"cond_stage_model.transformer.model.{key}"


def convert(file: Path, folder: Path, tokenizer: Path | None = None) -> None:
    """Writes both towers to an empty folder, and the tokenizer where its files are given.

    Args:
        file: the published weights.
        folder: an empty folder.
        tokenizer: folder with the tokenizer's files.

    Raises:
        UnusableModel: for a file that cannot be converted completely.
    """
    from safetensors.torch import save_file

    with open_checkpoint(file) as checkpoint:
        contents = _inspect(checkpoint.shapes, file.name)
        sizes = checkpoints.sizes_of(contents, checkpoints.HEAD_DIM)
        for component, parts in contents.parts.items():
            target = checkpoints.prepare(component, contents, sizes, folder)
            tensors = {p.target.key: p.target.change.apply(checkpoint.load(p.published)) for p in parts}
            save_file(tensors, target, metadata={"format": "pt"})
    if tokenizer is not None and all((tokenizer / name).is_file() for name in TOKENIZER_FILES):
        (folder / "tokenizer").mkdir()
        for name in TOKENIZER_FILES:
            shutil.copyfile(tokenizer / name, folder / "tokenizer" / name)
    (folder / MARK).write_text(json.dumps({"towers": [c.value for c in contents.parts]}), encoding="utf-8")


def _inspect(shapes: Any, name: str) -> Contents:
    parts: dict[Component, list[TensorSource]] = {}
    ours: dict[Component, dict[str, tuple[int, ...]]] = {}
    unknown = []
    for key, shape in shapes.items():
        found = targets(key)
        if found is None:
            unknown.append(key)
        for target in found or ():
            parts.setdefault(target.component, []).append(TensorSource(key, target))
            ours.setdefault(target.component, {})[target.key] = checkpoints.changed_shape(
                shape, target.change
            )
    if unknown:
        raise UnusableModel(
            f"{name} contains {len(unknown)} tensors that CLIP doesn't have ({', '.join(sorted(unknown)[:3])})."
            " Choose the file of CLIP ViT-H/14."
        )
    if Component.IMAGE_ENCODER not in parts:
        raise UnusableModel(f"{name} lacks CLIP's image network. Choose the complete file of CLIP ViT-H/14.")
    return Contents(Version.V1, {c: tuple(p) for c, p in parts.items()}, ours)


def load(folder: Path) -> dict[str, Any]:
    """Loads the towers and the tokenizer of a folder, by the pipeline's component names."""
    from transformers import CLIPTextModelWithProjection, CLIPTokenizer, CLIPVisionModelWithProjection

    parts: dict[str, Any] = {
        "image_encoder": CLIPVisionModelWithProjection.from_pretrained(folder / "image_encoder")
    }
    if (folder / "text_encoder").is_dir() and (folder / "tokenizer").is_dir():
        parts["text_encoder"] = CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder")
        parts["tokenizer"] = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    return parts

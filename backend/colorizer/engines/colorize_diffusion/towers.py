"""CLIP ViT-H/14's picture and text networks, which no ColorizeDiffusion checkpoint brings, as a model folder.

Published as one file in two layouts: transformers' names, and OpenCLIP's. `convert` accounts for every key of either;
`load` hands the networks to a pipeline that lacks them.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from colorizer.engines.checkpoints import open_checkpoint
from colorizer.engines.colorize_diffusion import convert as checkpoints
from colorizer.engines.colorize_diffusion.checkpoint_keys import Component, Target, targets
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
    """Whether a file's keys are CLIP's."""
    keys = set(keys)
    return bool(keys & {"visual_projection.weight", "visual.proj"})


def places(key: str) -> tuple[Target, ...] | None:
    """Where a published key goes; None for an unknown one, nothing for a superfluous one."""
    if _SUPERFLUOUS.fullmatch(key):
        return ()
    if _IMAGE.fullmatch(key):
        return (Target(Component.IMAGE_ENCODER, key),)
    if _TEXT.fullmatch(key):
        return (Target(Component.TEXT_ENCODER, key),)
    visual = _OPENCLIP.fullmatch(key)
    return targets(f"cond_stage_model.visual.model.{visual[1]}" if visual else _text_key(key))


def _text_key(key: str) -> str:
    return f"cond_stage_model.transformer.model.{key}"


def convert(file: Path, folder: Path, tokenizer: Path | None = None) -> None:
    """Writes both networks, and the tokenizer where its files are there, to an empty folder.

    Raises `UnusableModel` for a file that can't be converted whole.
    """
    from safetensors.torch import save_file

    with open_checkpoint(file) as checkpoint:
        contents = _survey(checkpoint.shapes, file.name)
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


def _survey(shapes: Any, name: str) -> Contents:
    parts: dict[Component, list[TensorSource]] = {}
    ours: dict[Component, dict[str, tuple[int, ...]]] = {}
    unknown = []
    for key, shape in shapes.items():
        found = places(key)
        if found is None:
            unknown.append(key)
        for target in found or ():
            parts.setdefault(target.component, []).append(TensorSource(key, target))
            ours.setdefault(target.component, {})[target.key] = checkpoints.changed_shape(
                shape, target.change
            )
    if unknown:
        raise UnusableModel(
            f"{name} holds {len(unknown)} tensors that CLIP doesn't have ({', '.join(sorted(unknown)[:3])})."
        )
    if Component.IMAGE_ENCODER not in parts:
        raise UnusableModel(f"{name} lacks CLIP's picture network.")
    return Contents(Version.V1, {c: tuple(p) for c, p in parts.items()}, ours)


def load(folder: Path) -> dict[str, Any]:
    """The networks and the tokenizer of such a folder, by the names of the pipeline's parts."""
    from transformers import CLIPTextModelWithProjection, CLIPTokenizer, CLIPVisionModelWithProjection

    parts: dict[str, Any] = {
        "image_encoder": CLIPVisionModelWithProjection.from_pretrained(folder / "image_encoder")
    }
    if (folder / "text_encoder").is_dir() and (folder / "tokenizer").is_dir():
        parts["text_encoder"] = CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder")
        parts["tokenizer"] = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    return parts

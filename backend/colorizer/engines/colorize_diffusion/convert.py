"""Converts a published checkpoint to a model folder, with every key accounted for.

The networks are written one after the other to a temporary folder beside the target. Keys and shapes are checked
against newly built networks, and only then is the folder moved into place. `checkpoint_keys` maps the names,
`architecture` infers the sizes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorizer.engines.checkpoints import Checkpoint, open_checkpoint
from colorizer.engines.colorize_diffusion.adapters import adapter_file
from colorizer.engines.colorize_diffusion.architecture import Architecture, build, read
from colorizer.engines.colorize_diffusion.checkpoint_keys import Change, Component, Target, targets
from colorizer.engines.colorize_diffusion.settings import Branch, Prediction, Version
from colorizer.errors import UnusableModel
from colorizer.files import atomic_folder

if TYPE_CHECKING:
    pass

LORA = {Component.FOREGROUND_LORA: Branch.FOREGROUND, Component.BACKGROUND_LORA: Branch.BACKGROUND}
TOWERS = frozenset({Component.IMAGE_ENCODER, Component.TEXT_ENCODER})
BASE = frozenset({Component.UNET, Component.SKETCH_ENCODER, Component.VAE})
NEEDED = {
    Version.V1: BASE,
    Version.V1_5: BASE | {*LORA, Component.THRESHOLD_EMBEDDER, Component.RECOVERY},
    Version.V2: BASE
    | {*LORA, Component.WARP, Component.STYLE, Component.BACKGROUND_ENCODER, Component.STYLE_ENCODER},
}
NAMED_IN_MESSAGE = 3
HEAD_DIM = 64
"""Width of an attention head in all published models; tensor shapes do not show it."""


@dataclass(frozen=True)
class TensorSource:
    """A tensor of ours and the published tensor that it is converted from."""

    published: str
    target: Target


@dataclass(frozen=True)
class Contents:
    """The tensors of a checkpoint, sorted by network."""

    version: Version
    parts: Mapping[Component, tuple[TensorSource, ...]]
    shapes: Mapping[Component, Mapping[str, tuple[int, ...]]]


def inspect_checkpoint(shapes: Mapping[str, tuple[int, ...]], name: str) -> Contents:
    """Sorts all published keys by network.

    Args:
        shapes: shape of every tensor in the file, by its published key.
        name: the file's name, for error messages.

    Raises:
        UnusableModel: for unknown keys and missing networks.
    """
    parts: dict[Component, list[TensorSource]] = {}
    ours: dict[Component, dict[str, tuple[int, ...]]] = {}
    unknown = []
    for key, shape in shapes.items():
        places = targets(key)
        if places is None:
            unknown.append(key)
        for target in places or ():
            parts.setdefault(target.component, []).append(TensorSource(key, target))
            ours.setdefault(target.component, {})[target.key] = changed_shape(shape, target.change)
    if Component.UNET not in parts:
        raise UnusableModel(
            f"{name} is not a ColorizeDiffusion model: it contains no UNet. Choose another file."
        )
    if unknown:
        raise UnusableModel(
            f"{name} contains {len(unknown)} tensors that no known ColorizeDiffusion version has ({_some(unknown)})."
            " Choose a file of version 1, 1.5 or 2."
        )
    version = detect_version(parts)
    missing = sorted(component.value for component in NEEDED[version] - parts.keys())
    if missing:
        raise UnusableModel(
            f"{name} is a {version.value} model without its {', '.join(missing)}. The file is incomplete:"
            " download it again."
        )
    return Contents(version, {c: tuple(p) for c, p in parts.items()}, ours)


def detect_version(components: Iterable[Component]) -> Version:
    """Detects the version by the networks that no other version has."""
    present = set(components)
    if Component.BACKGROUND_ENCODER in present:
        return Version.V2
    only_v1_5 = {Component.THRESHOLD_EMBEDDER, Component.RECOVERY, *LORA}
    return Version.V1_5 if present & only_v1_5 else Version.V1


def changed_shape(shape: tuple[int, ...], change: Change) -> tuple[int, ...]:
    """The tensor's shape after the change."""
    if change is Change.TRANSPOSE:
        return shape[::-1]
    if change is Change.TO_LINEAR:
        return shape[:2]
    if change is Change.TO_CONV:
        return (*shape, 1, 1) if len(shape) == 2 else shape  # noqa: PLR2004 - a matrix
    return shape if change is Change.NONE else (shape[0] // 3, *shape[1:])


def _some(names: Iterable[str]) -> str:
    names = sorted(names)
    return ", ".join(names[:NAMED_IN_MESSAGE]) + (" ..." if len(names) > NAMED_IN_MESSAGE else "")


def guess_prediction(version: Version, name: str) -> Prediction | None:
    """What the network predicts, if the version or the published file name tells; otherwise None: the user must say."""
    if version is Version.V2:
        return Prediction.V
    return Prediction.EPSILON if re.search(r"(^|[-_.])eps([-_.]|$)", name.lower()) else None


def convert(
    file: Path,
    folder: Path,
    prediction: Prediction | None = None,
    on_part: Callable[[str, int, int], None] | None = None,
    head_dim: int = HEAD_DIM,
) -> Version:
    """Writes a model folder from a published checkpoint and returns the version.

    Args:
        file: the published checkpoint (safetensors or pickle).
        folder: the model folder to write.
        prediction: what the network predicts; None to guess it from version and file name.
        on_part: called for each network with its name, the number of networks done, and their total number.
        head_dim: width of an attention head, which the shapes do not show.

    Raises:
        UnusableModel: for a file that cannot be converted completely. Nothing is left on disk then.
    """
    with open_checkpoint(file) as checkpoint:
        contents = inspect_checkpoint(checkpoint.shapes, file.name)
        prediction = prediction or guess_prediction(contents.version, file.name)
        if prediction is None:
            raise UnusableModel(
                f"{file.name} does not say whether it predicts noise (epsilon) or velocity (v_prediction)."
                " Choose one: all published v1 and v1.5 models predict noise."
            )
        try:
            with atomic_folder(folder) as building:
                _write(checkpoint, contents, building, head_dim, on_part)
                _write_index(building, contents, prediction)
        except OSError as error:
            raise UnusableModel(
                f"The converted model can't be written: {error.strerror or error}."
                " Free some disk space, or check that the models folder can be written to."
            ) from error
    return contents.version


def _write(
    checkpoint: Checkpoint,
    contents: Contents,
    folder: Path,
    head_dim: int,
    on_part: Callable[[str, int, int], None] | None,
) -> None:
    from safetensors.torch import save_file

    sizes = sizes_of(contents, head_dim)
    for done, (component, parts) in enumerate(contents.parts.items()):
        if on_part is not None:
            on_part(component.value, done, len(contents.parts))
        file = prepare(component, contents, sizes, folder)
        tensors = {
            part.target.key: part.target.change.apply(checkpoint.load(part.published)) for part in parts
        }
        save_file(tensors, file, metadata={"format": "pt"})


def sizes_of(contents: Contents, head_dim: int) -> Architecture:
    """Infers the sizes of a checkpoint's networks.

    Raises:
        UnusableModel: where tensors that determine the sizes are missing.
    """
    try:
        return read(contents.shapes, head_dim)
    except (LookupError, ValueError) as error:
        raise UnusableModel(
            "This file lacks tensors that every ColorizeDiffusion model has. Download it again."
        ) from error


def prepare(component: Component, contents: Contents, sizes: Architecture, folder: Path) -> Path:
    """Checks a network's keys and shapes, writes its config, and returns the path for its weights."""
    import torch

    found = contents.shapes[component]
    if component in LORA:
        check_lora(found, contents.shapes[Component.UNET])
        file = adapter_file(folder, LORA[component])
        file.parent.mkdir(exist_ok=True)
        return file
    try:
        with torch.device("meta"):
            network = build(component, sizes)
    except (ArithmeticError, LookupError, ValueError, TypeError, RuntimeError) as error:
        raise UnusableModel(
            f"The {component.value} of this file has sizes that no such network can have. Choose another file."
        ) from error
    wanted = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    differing = {key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key)}
    if differing:
        raise UnusableModel(
            f"The {component.value} of this file is incomplete or damaged: {len(differing)} tensors are missing,"
            f" superfluous or of another size ({_some(differing)}). Download the file again."
        )
    network.config.save_pretrained(folder / component.value) if component in TOWERS else network.save_config(
        folder / component.value
    )
    name = "model" if component in TOWERS else "diffusion_pytorch_model"
    return folder / component.value / f"{name}.safetensors"


def check_lora(found: Mapping[str, tuple[int, ...]], unet: Mapping[str, tuple[int, ...]]) -> None:
    """Checks that a LoRA fits the UNet's layers; raises `UnusableModel` if it does not."""
    for key, shape in found.items():
        layer, matrix, _ = key.rsplit(".", 2)
        out_features, in_features = unet.get(f"{layer}.weight", (0, 0))
        down, up = found.get(f"{layer}.lora_A.weight"), found.get(f"{layer}.lora_B.weight")
        if not down or not up or down[0] != up[1] or (up[0], down[1]) != (out_features, in_features):
            raise UnusableModel(
                f"The LoRA in this file does not fit its UNet ({layer}, {matrix} {shape}). Download the file again."
            )


def _write_index(folder: Path, contents: Contents, prediction: Prediction) -> None:
    """Writes `model_index.json`, from which diffusers reads the class of every network."""
    import diffusers

    room = __name__.rpartition(".")[0]
    classes = {
        Component.UNET: ("diffusers", "UNet2DConditionModel"),
        Component.VAE: ("diffusers", "AutoencoderKL"),
        Component.SKETCH_ENCODER: (f"{room}.sketch_encoder", "SketchEncoder"),
        Component.IMAGE_ENCODER: ("transformers", "CLIPVisionModelWithProjection"),
        Component.TEXT_ENCODER: ("transformers", "CLIPTextModelWithProjection"),
        Component.THRESHOLD_EMBEDDER: (f"{room}.recovery", "ThresholdEmbedder"),
        Component.RECOVERY: (f"{room}.recovery", "RecoveryTransformer"),
        Component.BACKGROUND_ENCODER: (f"{room}.reference_encoder", "BackgroundEncoder"),
        Component.STYLE_ENCODER: (f"{room}.reference_encoder", "StyleEncoder"),
        Component.WARP: (f"{room}.decoder_modules", "SkipWarp"),
        Component.STYLE: (f"{room}.decoder_modules", "StyleModulation"),
    }
    index: dict[str, Any] = {
        "_class_name": "ColorizeDiffusionPipeline",
        "_diffusers_version": diffusers.__version__,
        "version": contents.version.value,
        "prediction": prediction.value,
        "tokenizer": [None, None],
    }
    for component, names in classes.items():
        index[component.value] = list(names) if component in contents.parts else [None, None]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")

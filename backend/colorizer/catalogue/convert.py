"""Converts published files, downloaded or given by the user, into a model folder.

The kind of a file is detected from the names of its tensors, never from the file's name. The engines' converters do the
conversion; they refuse files with missing or additional tensors. The model is written to an empty folder, which `store`
then renames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorizer import lab
from colorizer.catalogue.entries import Kind
from colorizer.errors import InvalidInput, MissingModel, UnusableModel

PREDICTIONS = ("epsilon", "v_prediction")
VARIANTS = ("GraySD", "sketch", "shading")
INCEPTION_KEY = "Mixed_7c.branch3x3dbl_3b.conv.weight"
"""A tensor that only the published Inception network for FID has."""

SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf")

OnPart = Callable[[str, int, int], None]
"""Called with the network being written, the number of finished networks and their total; may raise to stop."""


@dataclass(frozen=True)
class Choices:
    """Settings that can't be detected from the files themselves."""

    prediction: str = ""
    """ColorizeDiffusion v1 and v1.5: "epsilon" or "v_prediction"."""
    base: Path | None = None
    """ColorFlow: the base model's folder in diffusers' layout."""
    variant: str = ""
    """ColorFlow: which of the published folders. ISNet: `drawings` for weights that were trained on drawings."""
    tokenizer: Path | None = None
    """CLIP: the folder with its tokenizer."""
    head_dim: int = 64
    """Width of an attention head. It can't be detected from a file; only the tests' small models have another."""


@dataclass(frozen=True)
class Converted:
    """The description of a converted model."""

    engine: str
    title: str
    licence: str


def convert(path: Path, folder: Path, choices: Choices, on_part: OnPart) -> Converted:
    """Converts a file (for ColorFlow a folder of files) to a model in `folder`, which must not exist.

    Raises:
        UnusableModel: the file is damaged, incomplete or of an unknown kind, or a setting in `choices` is missing.
        MissingModel: packages for the conversion aren't installed.
    """
    from colorizer.engines.flux2_klein.install import is_folder
    from colorizer.engines.models import missing_packages, quiet_libraries

    if lacking := missing_packages():
        raise MissingModel(lacking)
    if path.is_dir():
        quiet_libraries()
        return (_klein_folder if is_folder(path) else _colorflow)(path, folder, choices, on_part)
    if not path.is_file():
        raise InvalidInput(f"{path.name} doesn't exist. Choose the downloaded file or folder.")
    if path.suffix.lower() not in SUFFIXES:
        raise UnusableModel(
            f"{path.name} isn't a model file; their names end in {', '.join(SUFFIXES)}. Choose another file."
        )
    converters = {
        Kind.COLORIZE_DIFFUSION: _colorize_diffusion,
        Kind.ANIME_DIFFUSION: _anime_diffusion,
        Kind.TOWERS: _towers,
        Kind.PREVIEWS: _previews,
        Kind.FEATURES: _features,
        Kind.LINES: _detector,
        Kind.FIGURES: _detector,
        Kind.FLUX2_KLEIN: _klein,
        Kind.FLUX2_KLEIN_LORA: _klein_lora,
    }
    converter = converters[recognise(path)]
    quiet_libraries()
    return converter(path, folder, choices, on_part)


def recognise(path: Path) -> Kind:
    """Detects the kind of a single file from the names of its tensors. Raises `UnusableModel`."""
    from colorizer.engines.anime_diffusion.checkpoint import NETWORK
    from colorizer.engines.colorize_diffusion.previews import is_tiny_vae
    from colorizer.engines.colorize_diffusion.towers import is_towers
    from colorizer.engines.detectors import published
    from colorizer.engines.flux2_klein import checkpoint_keys
    from colorizer.engines.flux2_klein.install import GGUF, shapes_of

    keys = set(shapes_of(path))
    if (
        path.suffix.lower() == GGUF
        and checkpoint_keys.recognise(keys) is not checkpoint_keys.Network.TRANSFORMER
    ):
        raise UnusableModel(
            f"{path.name} isn't FLUX.2 klein's transformer, the only kind of GGUF file that this program can use."
            " Choose another file."
        )
    if kind := _kind_of_klein(path, keys):
        return kind
    if any(key.startswith(("model.diffusion_model.", "control_encoder.")) for key in keys):
        return Kind.COLORIZE_DIFFUSION
    if any(key.startswith(NETWORK) for key in keys):
        return Kind.ANIME_DIFFUSION
    if is_towers(keys):
        return Kind.TOWERS
    if is_tiny_vae(keys):
        return Kind.PREVIEWS
    if INCEPTION_KEY in keys:
        return Kind.FEATURES
    if detector := published.recognise(keys):
        return Kind(detector.finds)
    if _is_of_colorflow(keys):
        raise UnusableModel(
            f"{path.name} is one of several files of ColorFlow. Give the folder of the whole download, and the base"
            " model's folder with --base."
        )
    raise UnusableModel(
        f"{path.name} isn't a model that this program can use. Choose a file of ColorizeDiffusion, AnimeDiffusion,"
        " ColorFlow, FLUX.2 klein, CLIP, TAESD, Inception, ISNet, Anime2Sketch or manga lines."
    )


def _kind_of_klein(path: Path, keys: set[str]) -> Kind | None:
    """The kind of a file of FLUX.2 klein; None for other files."""
    from colorizer.engines.flux2_klein.checkpoint_keys import Network, recognise

    part = recognise(keys)
    if part in (Network.TEXT_ENCODER, Network.VAE):
        raise UnusableModel(
            f"{path.name} is FLUX.2 klein's text encoder or VAE, which this program finds in ComfyUI's folders. Give"
            " the file of the transformer (flux-2-klein-4b)."
        )
    return (
        {Network.TRANSFORMER: Kind.FLUX2_KLEIN, Network.LORA: Kind.FLUX2_KLEIN_LORA}.get(part)
        if part
        else None
    )


def _is_of_colorflow(keys: set[str]) -> bool:
    lora = any(".lora_A.default." in key or ".lora.down." in key for key in keys)
    return lora or any(key.startswith(("after_proj.", "adapter_linear", "brushnet_")) for key in keys)


def _colorize_diffusion(file: Path, folder: Path, choices: Choices, on_part: OnPart) -> Converted:
    from colorizer.engines.colorize_diffusion import convert as checkpoints
    from colorizer.engines.colorize_diffusion.engine import LICENCE, NAME
    from colorizer.engines.colorize_diffusion.settings import Prediction

    said = Prediction(choices.prediction) if choices.prediction else None
    version = checkpoints.convert(file, folder, said, on_part, choices.head_dim)
    return Converted(NAME, f"ColorizeDiffusion {version.value}", LICENCE)


def _anime_diffusion(file: Path, folder: Path, _: Choices, on_part: OnPart) -> Converted:
    from colorizer.engines.anime_diffusion import checkpoint
    from colorizer.engines.anime_diffusion.engine import NAME

    on_part("network", 0, 1)
    checkpoint.convert(file, folder)
    return Converted(NAME, "AnimeDiffusion", "own")


def _towers(file: Path, folder: Path, choices: Choices, on_part: OnPart) -> Converted:
    from colorizer.engines.colorize_diffusion import towers

    on_part("picture and text networks", 0, 1)
    folder.mkdir()
    towers.convert(file, folder, choices.tokenizer)
    return Converted("towers", "CLIP ViT-H/14", "MIT")


def _previews(file: Path, folder: Path, _: Choices, on_part: OnPart) -> Converted:
    from colorizer.engines.colorize_diffusion import previews

    on_part("tiny VAE", 0, 1)
    previews.convert(file, folder)
    return Converted("previews", "TAESD", "MIT")


def _features(file: Path, folder: Path, _: Choices, on_part: OnPart) -> Converted:
    inception = lab.module("evaluation.inception", "The Inception network, which is only for evaluation,")
    on_part("network", 0, 1)
    inception.convert(file, folder)
    return Converted("features", "Inception v3 (FID)", "Apache-2.0")


def _detector(file: Path, folder: Path, choices: Choices, on_part: OnPart) -> Converted:
    from colorizer.engines.detectors import published

    on_part("network", 0, 1)
    detector = published.convert(file, folder, choices.variant)
    titles = {
        published.Detector.MANGA_LINES: "manga lines",
        published.Detector.ANIME2SKETCH: "Anime2Sketch",
        published.Detector.ISNET: "ISNet for drawings" if choices.variant == published.DRAWINGS else "ISNet",
    }
    return Converted(detector.finds, titles[detector], "own")


def _klein(file: Path, folder: Path, _: Choices, on_part: OnPart) -> Converted:
    from colorizer.engines.flux2_klein import files, install

    on_part("FLUX.2 klein", 0, 1)
    title = install.convert(file, folder)
    return Converted(files.NAME, title, install.licence_of(title))


def _klein_folder(path: Path, folder: Path, choices: Choices, on_part: OnPart) -> Converted:
    from colorizer.engines.flux2_klein import files, install

    on_part("FLUX.2 klein", 0, 1)
    if choices.variant == files.PARTS_ENGINE:
        return Converted(files.PARTS_ENGINE, install.convert_parts(path, folder), "Apache 2.0")
    title = install.convert_folder(path, folder)
    return Converted(files.NAME, title, install.licence_of(title))


def _klein_lora(file: Path, folder: Path, _: Choices, on_part: OnPart) -> Converted:
    from colorizer.engines.flux2_klein import files, install

    on_part("LoRA", 0, 1)
    return Converted(files.LORA_ENGINE, *install.convert_lora(file, folder))


def _colorflow(path: Path, folder: Path, choices: Choices, on_part: OnPart) -> Converted:
    from colorizer.engines.colorflow import convert as files
    from colorizer.engines.colorflow.engine import LICENCE, NAME

    there = [name for name in VARIANTS if (path / name / "diffusion_pytorch_model.bin").is_file()]
    variant = choices.variant or (there[0] if len(there) == 1 else "")
    if variant not in there:
        found = (
            f"It contains {', '.join(there)}. Choose one with --variant."
            if there
            else "It isn't a download of ColorFlow. Choose another folder."
        )
        raise UnusableModel(f"The folder {path.name} can't be converted. {found}")
    if choices.base is None:
        raise UnusableModel(
            "ColorFlow needs its base model, too: Stable Diffusion 1.5 for GraySD, PixArt-XL-2-1024-MS for the others."
            " Give its folder with --base."
        )
    on_part(f"ColorFlow {variant}", 0, 1)
    prompts: Any = None
    files.convert(files.Sources(path, choices.base), files.Variant(variant), folder, prompts)
    return Converted(NAME, f"ColorFlow {variant}", LICENCE)

"""Converts published files, downloaded or brought by the user, into a model folder.

What a file is, is told by its tensors' names, never by its own name; the engines' converters do the work and account
for every tensor. Writes into an empty folder that `store` puts into its place afterwards.
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
"""A tensor that only the published Inception for FID has."""

SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf")

OnPart = Callable[[str, int, int], None]
"""Told which network is being written, how many are done, and how many there are; may raise to stop."""


@dataclass(frozen=True)
class Choices:
    """What can't be told from the files themselves."""

    prediction: str = ""
    """ColorizeDiffusion v1 and v1.5: "epsilon" or "v_prediction"."""
    base: Path | None = None
    """ColorFlow: the base model's folder in diffusers' layout."""
    variant: str = ""
    """ColorFlow: which of the published folders. ISNet: `drawings` for weights that were trained on those."""
    tokenizer: Path | None = None
    """CLIP: the folder with its words."""
    head_dim: int = 64
    """Width of an attention head, which leaves no trace in a file; only tests' small models have another."""


@dataclass(frozen=True)
class Converted:
    """What a model folder holds."""

    engine: str
    title: str
    licence: str


def convert(path: Path, folder: Path, choices: Choices, on_part: OnPart) -> Converted:
    """Writes the model that a file (for ColorFlow a folder of files) holds to `folder`, which must not exist.

    Raises:
        UnusableModel: damaged, incomplete, of an unknown kind, or something has to be chosen first.
        MissingModel: this installation lacks the packages.
    """
    from colorizer.engines.flux2_klein.install import is_folder
    from colorizer.engines.models import missing_packages, quiet_libraries

    if lacking := missing_packages():
        raise MissingModel(lacking)
    if path.is_dir():
        quiet_libraries()
        return (_klein_folder if is_folder(path) else _colorflow)(path, folder, choices, on_part)
    if not path.is_file():
        raise InvalidInput(
            f"There is no file {path.name}. Choose the file or the folder that was downloaded."
        )
    if path.suffix.lower() not in SUFFIXES:
        raise UnusableModel(
            f"{path.name} is no model file: those end in {', '.join(SUFFIXES)}. Choose another file."
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
    """What a single file is, by the names of its tensors. Raises `UnusableModel`."""
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
            f"{path.name} isn't FLUX.2 klein's transformer; no other GGUF file can be used here."
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
            f"{path.name} is one of ColorFlow's files, which only make a model together. Give the folder of the whole"
            " download, and the base model's folder with --base."
        )
    raise UnusableModel(
        f"{path.name} is none of the models this program can use (ColorizeDiffusion, AnimeDiffusion, ColorFlow,"
        " FLUX.2 klein, CLIP, TAESD, Inception, ISNet, Anime2Sketch, manga lines)."
    )


def _kind_of_klein(path: Path, keys: set[str]) -> Kind | None:
    """What of FLUX.2 klein a file is; None for a file of something else."""
    from colorizer.engines.flux2_klein.checkpoint_keys import Network, recognise

    part = recognise(keys)
    if part in (Network.TEXT_ENCODER, Network.VAE):
        raise UnusableModel(
            f"{path.name} is a part of FLUX.2 klein that is found by itself in ComfyUI's folders. Give the file of the"
            " transformer (flux-2-klein-4b)."
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
    inception = lab.module("evaluation.inception", "Inception, which only measures pictures,")
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
            f"It holds {', '.join(there)}: say which with --variant." if there else "It isn't ColorFlow's."
        )
        raise UnusableModel(f"The folder {path.name} can't be converted. {found}")
    if choices.base is None:
        raise UnusableModel(
            "ColorFlow needs its base model beside it: Stable Diffusion 1.5 for GraySD, PixArt-XL-2-1024-MS for the"
            " others. Give its folder with --base."
        )
    on_part(f"ColorFlow {variant}", 0, 1)
    prompts: Any = None
    files.convert(files.Sources(path, choices.base), files.Variant(variant), folder, prompts)
    return Converted(NAME, f"ColorFlow {variant}", LICENCE)

"""Reading the recorded fixtures and building our networks from their weights."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from colorizer.engines.colorize_diffusion import architecture, checkpoint_keys
from colorizer.engines.colorize_diffusion.adapters import add_adapter
from colorizer.engines.colorize_diffusion.checkpoint_keys import Component
from colorizer.engines.colorize_diffusion.conditioning import Networks, Pictures
from colorizer.engines.colorize_diffusion.convert import LORA
from colorizer.engines.colorize_diffusion.denoiser import Denoiser
from colorizer.engines.colorize_diffusion.settings import Version, level_scales, uniform_scales

F = TypeVar("F", bound=Callable[..., Any])

FORWARD = 2e-5
RAW_FEATURES = 1e-4
LOOP = 1e-4

CLASSES = {
    "refnet.models.colorizer.": Version.V1,
    "refnet.models.switch.": Version.V1_5,
    "refnet.models.v2-colorizer.": Version.V2,
}
KNOWN = (
    *("cd_base", "cd_v1", "cd_v15", "cd_v2", "cd_clip", "cd_vae", "cd_schedules", "cd_preprocess"),
    *("animediffusion", "colorflow_sd", "colorflow_pixart", "colorflow_superres", "colorflow_retrieval"),
)


def system_of(folder: Path) -> str:
    """Which of the systems a fixture folder belongs to, by its name; empty for an unknown one."""
    names = sorted(KNOWN, key=len, reverse=True)
    return next((name for name in names if folder.name.startswith(name)), "")


def needs(name: str) -> Callable[[F], F]:
    """Marks a test for those folders, or cases, that recorded an array whose name starts like this."""
    return pytest.mark.needs(name)


def records(folder: Path, start: str) -> bool:
    """Whether any file of the folder holds an array whose name starts like this."""
    return any(name.startswith(start) for file in folder.glob("*.npz") for name in _names(file))


class Differences:
    """Collects largest absolute differences; a pair beyond its tolerance fails at once."""

    def __init__(self) -> None:
        self.largest = 0.0
        self.compared = 0

    def __call__(self, ours: Any, theirs: Any, tolerance: float = FORWARD, name: str = "") -> None:
        ours, theirs = np.asarray(ours), np.asarray(theirs)
        assert ours.shape == theirs.shape, (name, ours.shape, theirs.shape)
        difference = float(np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).max(initial=0))
        self.largest = max(self.largest, difference)
        self.compared += 1
        assert difference <= tolerance, f"{name}: {difference:.2e} > {tolerance:.0e}"

    def __str__(self) -> str:
        return f"{self.compared} arrays, largest difference {self.largest:.1e}"


class Arrays:
    """The arrays of a file as tensors; `case.name` or, after `of`, `name`."""

    def __init__(self, file: Path, prefix: str = "") -> None:
        self.file = file
        self.prefix = prefix
        self.names = _names(file)

    def of(self, case: str) -> Arrays:
        return Arrays(self.file, f"{case}.")

    def __contains__(self, name: str) -> bool:
        return self.prefix + name in self.names

    def __getitem__(self, name: str) -> torch.Tensor:
        return torch.from_numpy(np.array(_load(self.file)[self.prefix + name]))

    def numbered(self, start: str, end: str = "") -> list[str]:
        """Names such as start<i>...end in order of i."""
        found = [
            name.removeprefix(self.prefix) for name in self.names if name.startswith(self.prefix + start)
        ]
        numbers = [(int("".join(_leading_digits(name.removeprefix(start)))), name) for name in found]
        return [name for _, name in sorted(numbers) if name.endswith(end)]


def _leading_digits(text: str) -> list[str]:
    return list(text[: next((i for i, c in enumerate(text) if not c.isdigit()), len(text))]) or ["0"]


@cache
def _load(file: Path) -> Any:
    with np.load(file) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _names(file: Path) -> frozenset[str]:
    return frozenset(_load(file))


@cache
def config_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))


def version_of(folder: Path) -> Version:
    original = config_of(folder)["original_class"]
    return next(version for start, version in CLASSES.items() if original.startswith(start))


def load_weights(file: Path, prefix: str = "") -> dict[Component, dict[str, torch.Tensor]]:
    """All tensors of a file by component, in float32; an unknown key fails."""
    from safetensors.torch import load_file

    found: dict[Component, dict[str, torch.Tensor]] = {}
    for key, tensor in load_file(file).items():
        places = checkpoint_keys.targets(prefix + key)
        assert places is not None, key
        for target in places:
            found.setdefault(target.component, {})[target.key] = target.change.apply(tensor.float())
    return found


def build_networks(weights: dict[Component, dict[str, torch.Tensor]], **sizes: Any) -> dict[Component, Any]:
    """Our networks with the given weights, LoRA included; every tensor has to fit."""
    shapes = {c: {key: tuple(t.shape) for key, t in tensors.items()} for c, tensors in weights.items()}
    found = replace(architecture.read(shapes), **sizes)
    networks = {}
    for component, tensors in weights.items():
        if component not in LORA:
            networks[component] = architecture.build(component, found).eval()
            networks[component].load_state_dict(tensors)
    for component, side in LORA.items():
        if component in weights:
            add_adapter(networks[Component.UNET], side, weights[component])
    return networks


@dataclass(frozen=True)
class Model:
    """Our networks with the weights of one model fixture."""

    version: Version
    networks: dict[Component, Any]
    denoiser: Denoiser


@cache
def model_of(folder: Path) -> Model:
    config = config_of(folder)
    weights: dict[Component, dict[str, torch.Tensor]] = {}
    for name in config["weights_files"]:
        for component, tensors in load_weights((folder / name).resolve()).items():
            weights.setdefault(component, {}).update(tensors)
    head_dim = config["original_config"]["unet_config"]["params"]["num_head_channels"]
    sizes = {"head_dim": head_dim, "warp_head_dim": config.get("warp_head_dim", head_dim)}
    networks = build_networks(weights, **sizes)
    denoiser = Denoiser(networks[Component.UNET], networks.get(Component.WARP), networks.get(Component.STYLE))
    return Model(version_of(folder), networks, denoiser)


def recorded_networks(model: Model, arrays: Arrays) -> Networks:
    """The networks that make conditions, with recorded image tokens and latents in the order of the calls."""
    tokens = iter(arrays.numbered("clip_call"))
    latents = iter(arrays.numbered("vae_call"))

    def image_tokens(_picture: torch.Tensor) -> torch.Tensor:
        name = next(tokens)
        recorded = arrays[name]
        return recorded if name.endswith("full") else torch.cat([recorded[:, :1], recorded], dim=1)

    get = model.networks.get
    return Networks(
        image_tokens=image_tokens,
        encode=lambda _picture: arrays[next(latents)],
        sketch_encoder=model.networks[Component.SKETCH_ENCODER],
        recovery=get(Component.RECOVERY),
        threshold_embedder=get(Component.THRESHOLD_EMBEDDER),
        background_encoder=get(Component.BACKGROUND_ENCODER),
        style_encoder=get(Component.STYLE_ENCODER),
    )


def pictures_of(inputs: Arrays, names: dict[str, str | None]) -> Pictures:
    """The pictures of a case; the app passes the sketch's mask on reduced, we take it whole."""

    def picture(kind: str) -> torch.Tensor | None:
        name = names.get(kind)
        return inputs[name] if name else None

    mask = inputs["smask_full"] if names.get("smask") else None
    sketch = picture("sketch")
    sketch = torch.full_like(inputs["sketch"], -1.0) if sketch is None else sketch
    return Pictures(sketch, picture("reference"), picture("background"), mask, picture("rmask"))


def scales_of(strength: str) -> tuple[float, ...]:
    """Reference strengths as the recorded cases write them."""
    value = ast.literal_eval(strength)
    if not isinstance(value, dict):
        return uniform_scales(float(value))
    scales = value["scales"]
    return level_scales(**scales) if value["level_control"] else tuple(scales)

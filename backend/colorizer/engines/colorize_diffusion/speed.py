"""How a model is put onto a device: precision and memory layout, chosen from what is there.

What it gains in time and costs in error is measured by `benchmarks/colorize_diffusion.py`. The VAE and CLIP stay in
float32, as in the published program: they take a small part of the time, and the eye sees their errors first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

HALVED = (
    "unet",
    "sketch_encoder",
    "background_encoder",
    "style_encoder",
    "warp",
    "style",
    "recovery",
    "threshold_embedder",
)
"""Networks that run in the chosen precision."""


@dataclass(frozen=True)
class Way:
    """How a model runs."""

    device: str
    dtype: torch.dtype = torch.float32
    channels_last: bool = False


def choose(device: str) -> Way:
    """The way for a torch device name, from what this machine has."""
    kind = device.partition(":")[0]
    if kind == "cuda":
        return Way(device, torch.float16, channels_last=True)
    if kind in ("mps", "xpu"):
        return Way(device, torch.float16)
    return Way(device, torch.bfloat16 if has_bfloat16_units() else torch.float32, channels_last=True)


def has_bfloat16_units() -> bool:
    """Whether this processor multiplies bfloat16 matrices faster than float32 ones; elsewhere it is far slower."""
    supported = getattr(torch.cpu, "_is_amx_tile_supported", None)  # torch has no public way to ask
    return bool(supported and supported())


def place(pipeline: Any, way: Way) -> None:
    """Puts a pipeline's networks where and how the way says."""
    for name in HALVED:
        network = getattr(pipeline, name)
        if network is not None:
            network.to(way.dtype)
    if way.channels_last:
        for name in ("unet", "vae", "background_encoder", "style_encoder"):
            network = getattr(pipeline, name)
            if network is not None:
                network.to(memory_format=torch.channels_last)
    pipeline.to(way.device)
    pipeline.memory.clear()

"""How a model is put onto a device: precision, memory layout, and what of it is there at a time.

`ways` is the ladder from the fastest way to the one that needs least memory; `choose` takes the first that fits what is
free. What each choice gains and costs is measured by `benchmarks/choices.py` (docs/speed.md). The VAE and CLIP stay in
float32, as in the published program: they take a small part of the time, and the eye sees their errors first.
"""

from __future__ import annotations

import gc
import os
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import torch

from colorizer.engines.turns import take_turns

GIB = 2**30
CEILING = "COLORIZE_GPU_MEMORY_GB"
"""Environment: how much of an accelerator's memory may be counted on, where it isn't all that is free."""
TILE = 512
"""Side of the tiles that the VAE works in, px; a picture of that size is one tile."""
SHRINK = 8
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
GROUPS = (
    ("text_encoder",),
    ("image_encoder",),
    ("sketch_encoder", "recovery", "threshold_embedder"),
    ("style_encoder", "background_encoder"),
    ("unet", "warp", "style"),
    ("vae",),
)
"""Networks that are needed at the same time."""


class Keep(str, Enum):
    """What of a model stays in the device's memory."""

    ALL = "everything"
    GROUPS = "what is needed at a time"
    LAYERS = "one layer at a time"


@dataclass(frozen=True)
class Way:
    """How a model runs."""

    device: str
    dtype: torch.dtype = torch.float32
    channels_last: bool = False
    name: str = "everything"
    """For the record of a result."""
    keep: Keep = Keep.ALL
    tiled: bool = False
    """The VAE works in tiles and picture by picture."""
    rows_apart: bool = False
    """The rows of the guidance run one after another."""


Ladder = tuple[tuple[float, str, dict[str, Any]], ...]
"""GiB that have to be free, name of the setting, what it does."""
LADDER: Ladder = (
    (10.0, "everything", {}),
    (7.0, "8 GB", {"keep": Keep.GROUPS}),
    (4.6, "6 GB", {"keep": Keep.GROUPS, "tiled": True}),
    (3.0, "4 GB", {"keep": Keep.GROUPS, "tiled": True, "rows_apart": True}),
    (0.0, "least", {"keep": Keep.LAYERS, "tiled": True, "rows_apart": True}),
)
"""For cards of their own memory, of which the system takes the last gigabyte."""
PROCESSOR_LADDER: Ladder = ((3.0, "everything", {}), (0.0, "least", {"tiled": True, "rows_apart": True}))
"""The same in main memory, where the model is already."""


def ways(device: str) -> list[tuple[float, Way]]:
    """Every way for a torch device name with the GiB it wants free, the fastest first."""
    kind = device.partition(":")[0]
    if kind == "cuda":
        usual = Way(device, torch.float16, channels_last=True)
    elif kind in ("mps", "xpu"):
        usual = Way(device, torch.float16)
    else:
        usual = Way(device, torch.bfloat16 if has_bfloat16_units() else torch.float32, channels_last=True)
    # Apple's accelerator has no memory of its own that could be made room in.
    ladder = LADDER if kind in ("cuda", "xpu") else PROCESSOR_LADDER
    return [(wanted, replace(usual, name=name, **choices)) for wanted, name, choices in ladder]


def choose(device: str) -> Way:
    """The fastest way that fits into what is free."""
    free = free_memory(device) / GIB
    return next(way for wanted, way in ways(device) if free >= wanted)


def cheaper(way: Way) -> Way | None:
    """The next way, which needs less memory; None after the last."""
    there = [one for _, one in ways(way.device)]
    following = [one.name for one in there].index(way.name) + 1
    return there[following] if following < len(there) else None


def free_memory(device: str) -> float:
    """Bytes that can be counted on."""
    kind = device.partition(":")[0]
    if kind in ("cuda", "xpu"):
        module = getattr(torch, kind)
        gc.collect()
        module.empty_cache()
        ceiling = float(os.environ.get(CEILING) or "inf") * GIB
        return min(float(module.mem_get_info(torch.device(device))[0]), ceiling)
    import psutil

    return float(psutil.virtual_memory().available)


def has_bfloat16_units() -> bool:
    """Whether this processor multiplies bfloat16 matrices faster than float32 ones; elsewhere it is far slower."""
    supported = getattr(torch.cpu, "_is_amx_tile_supported", None)  # torch has no public way to ask
    return bool(supported and supported())


def place(pipeline: Any, way: Way) -> None:
    """Puts a pipeline's networks where and how the way says, wherever they were before."""
    _release(pipeline)
    pipeline.memory.clear()
    for name in HALVED:
        network = getattr(pipeline, name)
        if network is not None:
            network.to(way.dtype)
    layout = torch.channels_last if way.channels_last else torch.contiguous_format
    for name in ("unet", "vae", "background_encoder", "style_encoder"):
        network = getattr(pipeline, name)
        if network is not None:
            network.to(memory_format=layout)
    _tile(pipeline.vae, on=way.tiled)
    # A processor takes longer for it than for a step.
    pipeline.vae_previews = way.keep is Keep.ALL and way.device != "cpu"
    pipeline.denoiser.rows_apart = way.rows_apart
    if pipeline.tiny_vae is not None:
        pipeline.tiny_vae.to(way.device)
    if way.keep is Keep.ALL:
        pipeline.to(way.device)
        return
    pipeline.to("cpu")
    if way.keep is Keep.LAYERS:
        pipeline.enable_group_offload(torch.device(way.device), offload_type="leaf_level")
    else:
        take_turns([[getattr(pipeline, name) for name in group] for group in GROUPS], way.device)


def _release(pipeline: Any) -> None:
    """Takes back what an earlier way has hooked in."""
    from diffusers.hooks import HookRegistry

    pipeline.remove_all_hooks()
    for network in pipeline.components.values():
        if isinstance(network, torch.nn.Module):
            HookRegistry.check_if_exists_or_initialize(network).remove_hook("group_offloading", recurse=True)


def _tile(vae: Any, *, on: bool) -> None:
    vae.tile_sample_min_size, vae.tile_latent_min_size = TILE, TILE // SHRINK
    for what in ("tiling", "slicing"):
        getattr(vae, f"{'enable' if on else 'disable'}_{what}")()

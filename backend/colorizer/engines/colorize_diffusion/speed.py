"""Memory profiles of ColorizeDiffusion: precision, memory layout, and which networks are on the device at a time.

`PROFILES` is ordered from the fastest profile to the one that needs the least memory
(`engines.runtime.memory_profiles`). `benchmarks/colorize_diffusion_choices.py` measures what each choice gains and
costs (docs/speed.md). The VAE and CLIP stay in float32, as in the published program: they take a small part of the
time, and their errors are the most visible.
"""

from __future__ import annotations

from typing import Any

import torch

from colorizer.engines.runtime.device_swap import swap_on_device
from colorizer.engines.runtime.memory_profiles import (
    MemoryProfile,
    MemoryProfiles,
    Residency,
    offload_layers,
    release,
)

TILE = 512
"""Side of the VAE's tiles, px. A picture of that size is a single tile."""
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
"""Networks that use the profile's precision."""
GROUPS = (
    ("text_encoder",),
    ("image_encoder",),
    ("sketch_encoder", "recovery", "threshold_embedder"),
    ("style_encoder", "background_encoder"),
    ("unet", "warp", "style"),
    ("vae",),
)
"""Networks that are needed at the same time."""


PROFILES = MemoryProfiles(
    dedicated=(
        (10.0, "everything", {}),
        (7.0, "8 GB", {"keep": Residency.GROUPS}),
        (4.6, "6 GB", {"keep": Residency.GROUPS, "tiled": True}),
        (3.0, "4 GB", {"keep": Residency.GROUPS, "tiled": True, "one_row_at_a_time": True}),
        (0.0, "least", {"keep": Residency.LAYERS, "tiled": True, "one_row_at_a_time": True}),
    ),
    shared=((3.0, "everything", {}), (0.0, "least", {"tiled": True, "one_row_at_a_time": True})),
)


def place(pipeline: Any, profile: MemoryProfile) -> None:
    """Applies a memory profile to a pipeline: precision, layout, tiling, and placement of its networks."""
    release(pipeline)
    pipeline.cache.clear()
    for name in HALVED:
        network = getattr(pipeline, name)
        if network is not None:
            network.to(profile.dtype)
    layout = torch.channels_last if profile.channels_last else torch.contiguous_format
    for name in ("unet", "vae", "background_encoder", "style_encoder"):
        network = getattr(pipeline, name)
        if network is not None:
            network.to(memory_format=layout)
    _tile(pipeline.vae, on=profile.tiled)
    # On a CPU, decoding a preview would take longer than a step.
    pipeline.vae_previews = profile.keep is Residency.ALL and profile.device != "cpu"
    pipeline.denoiser.one_row_at_a_time = profile.one_row_at_a_time
    if pipeline.tiny_vae is not None:
        pipeline.tiny_vae.to(profile.device)
    if profile.keep is Residency.ALL:
        pipeline.to(profile.device)
        return
    pipeline.to("cpu")
    if profile.keep is Residency.LAYERS:
        offload_layers(pipeline, profile.device)
    else:
        swap_on_device([[getattr(pipeline, name) for name in group] for group in GROUPS], profile.device)


def _tile(vae: Any, *, on: bool) -> None:
    if not hasattr(vae, "enable_tiling"):  # `patches.PatchTransform` needs hardly any memory.
        return
    vae.tile_sample_min_size, vae.tile_latent_min_size = TILE, TILE // SHRINK
    for what in ("tiling", "slicing"):
        getattr(vae, f"{'enable' if on else 'disable'}_{what}")()

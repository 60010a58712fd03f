"""Memory profiles of ColorizeDiffusion: precision, memory layout, and which networks are on the device at a time.

`PROFILES` goes from the fastest to the one that needs least memory (`engines.runtime.memory_profiles`). What each of
its choices gains and costs is measured by `benchmarks/colorize_diffusion_choices.py` (docs/speed.md). The VAE and CLIP
stay in float32, as in the published program: they take a small part of the time, and the eye sees their errors first.
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


PROFILES = MemoryProfiles(
    dedicated=(
        (10.0, "everything", {}),
        (7.0, "8 GB", {"keep": Residency.GROUPS}),
        (4.6, "6 GB", {"keep": Residency.GROUPS, "tiled": True}),
        (3.0, "4 GB", {"keep": Residency.GROUPS, "tiled": True, "rows_apart": True}),
        (0.0, "least", {"keep": Residency.LAYERS, "tiled": True, "rows_apart": True}),
    ),
    shared=((3.0, "everything", {}), (0.0, "least", {"tiled": True, "rows_apart": True})),
)


def place(pipeline: Any, profile: MemoryProfile) -> None:
    """Places a pipeline's networks as the profile says, wherever they were before."""
    release(pipeline)
    pipeline.memory.clear()
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
    # A processor takes longer for it than for a step.
    pipeline.vae_previews = profile.keep is Residency.ALL and profile.device != "cpu"
    pipeline.denoiser.rows_apart = profile.rows_apart
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
    if not hasattr(vae, "enable_tiling"):  # a fixed transform needs no memory
        return
    vae.tile_sample_min_size, vae.tile_latent_min_size = TILE, TILE // SHRINK
    for what in ("tiling", "slicing"):
        getattr(vae, f"{'enable' if on else 'disable'}_{what}")()

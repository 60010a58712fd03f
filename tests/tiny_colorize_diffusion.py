"""Tiny ColorizeDiffusion pipelines with random weights, of every version."""

from __future__ import annotations

from functools import cache

import torch
from colorizer.engines.colorize_diffusion.adapters import add_adapter
from colorizer.engines.colorize_diffusion.architecture import Architecture, Tower, build
from colorizer.engines.colorize_diffusion.checkpoint_keys import Component
from colorizer.engines.colorize_diffusion.conditioning import Pictures
from colorizer.engines.colorize_diffusion.convert import LORA, NEEDED
from colorizer.engines.colorize_diffusion.pipeline import ColorizeDiffusionPipeline
from colorizer.engines.colorize_diffusion.settings import Version

SIZES = Architecture(
    block_out_channels=(32, 32, 64, 64),
    context_dim=32,
    head_dim=16,
    warp_head_dim=16,
    recovery_head_dim=16,
    recovery_tokens=16,
    recovery_layers=1,
    threshold_frequencies=32,
    vae_channels=(32, 32, 32, 32),
    vae_layers=1,
    towers={
        Component.IMAGE_ENCODER: Tower(32, 1, 64, 32, 17, patch=56),
        Component.TEXT_ENCODER: Tower(32, 2, 64, 32, 8, vocabulary=64),
    },
    clip_head_dims={Component.IMAGE_ENCODER: 16, Component.TEXT_ENCODER: 16},
)


def make(version: Version, seed: int = 0) -> ColorizeDiffusionPipeline:
    """A pipeline of its own; random weights are the same for the same seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        components = sorted(NEEDED[version] - set(LORA) | {Component.IMAGE_ENCODER}, key=lambda c: c.value)
        networks = {component.value: build(component, SIZES).eval() for component in components}
        unet = networks["unet"]
        for component, side in LORA.items():
            if component in NEEDED[version]:
                add_adapter(unet, side, random_lora(unet, decoder_only=version is Version.V2))
    pipeline = ColorizeDiffusionPipeline(**networks, version=version.value)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@cache
def shared(version: Version) -> ColorizeDiffusionPipeline:
    """The same pipeline for all tests that leave it as it is."""
    return make(version)


def random_lora(unet, *, decoder_only):
    """LoRA of different ranks for every cross-attention."""
    tensors = {}
    layers = {name: module for name, module in unet.named_modules() if ".attn2.to_" in name}
    for name, module in layers.items():
        linear = getattr(module, "base_layer", module)
        is_projection = name.rsplit(".", 1)[-1] in ("to_q", "to_k", "to_v")
        if not is_projection or (decoder_only and not name.startswith("up_blocks")):
            continue
        rank = 2 if name.endswith("to_q") else 4
        tensors[f"{name}.lora_A.weight"] = torch.randn(rank, linear.in_features) * 0.3
        tensors[f"{name}.lora_B.weight"] = torch.randn(linear.out_features, rank) * 0.3
    return tensors


def pictures(height: int = 64, width: int = 64, seed: int = 0) -> Pictures:
    """A sketch, a reference with masks, nothing else."""
    generator = torch.Generator().manual_seed(seed)
    sketch = (torch.rand(1, 1, height, width, generator=generator) > 0.9).float() * 2 - 1
    mask = torch.zeros(1, 1, height, width)
    mask[..., : width // 2] = 1
    return Pictures(
        sketch.repeat(1, 3, 1, 1),
        reference=torch.rand(1, 3, 70, 50, generator=generator) * 2 - 1,
        sketch_mask=mask,
        reference_mask=(torch.rand(1, 1, 70, 50, generator=generator) > 0.5).float(),
    )

"""Memory profiles of FLUX.2 klein, see `engines.runtime.memory_profiles`.

The text encoder is not part of them: it runs on the CPU, once per text (`embeddings`). fp8 halves the transformer's
memory but costs accuracy, so profiles without fp8 come first. Where fp8 does not fit either, single blocks or single
layers are moved to the device in bfloat16.
"""

from __future__ import annotations

import time

import torch
from diffusers.hooks import apply_group_offloading

from colorizer.engines.flux2_klein import lora
from colorizer.engines.flux2_klein.model import KleinModel
from colorizer.engines.runtime.memory_profiles import MemoryProfile, MemoryProfiles, Residency, release

PROFILES = MemoryProfiles(
    dedicated=(
        (10.5, "everything", {"dtype": torch.bfloat16}),
        (6.8, "8 GB", {"dtype": torch.bfloat16, "stored": torch.float8_e4m3fn}),
        (4.2, "6 GB", {"dtype": torch.bfloat16, "keep": Residency.GROUPS, "tiled": True}),
        (0.0, "least", {"dtype": torch.bfloat16, "keep": Residency.LAYERS, "tiled": True}),
    ),
    shared=(
        (20.0, "everything", {}),
        (11.0, "half precision", {"dtype": torch.bfloat16}),
        (0.0, "least", {"dtype": torch.bfloat16, "stored": torch.float8_e4m3fn, "tiled": True}),
    ),
)
"""Memory counted (docs/flux2_klein.md), plus a gigabyte for what is not counted; not measured on a card."""
_BLOCKS = 1
_PRECISE = ("pos_embed", "norm", "^proj_out$", "^x_embedder$", "time_guidance_embed", "lora_")
"""Layers that are never stored in fp8."""
_FP8_UNITS = (8, 9)
"""Compute capability of the first NVIDIA cards with fp8 support."""


def place(model: KleinModel, profile: MemoryProfile) -> None:
    """Applies a memory profile to a model: precision, tiling, and placement of its networks."""
    pipeline = model.pipeline
    release(pipeline)
    if model.rounded:  # to fp8, by an earlier profile
        lora.reload(model)
    transformer, vae = pipeline.transformer, pipeline.vae
    # The pipeline passes the transformer's output on in the transformer's precision.
    vae.to(torch.bfloat16 if model.quantised else profile.dtype)
    if not model.quantised:
        transformer.to(profile.dtype)
        if profile.stored is not None and knows_fp8(profile.device):
            transformer.enable_layerwise_casting(profile.stored, profile.dtype, skip_modules_pattern=_PRECISE)
            model.rounded = True
    if profile.tiled:
        vae.enable_tiling()
    else:
        vae.disable_tiling()
    vae.to(profile.device)
    if profile.keep is Residency.ALL:
        transformer.to(profile.device)
        return
    kind = {"offload_type": "block_level", "num_blocks_per_group": _BLOCKS}
    if profile.keep is Residency.LAYERS:
        kind = {"offload_type": "leaf_level"}
    transformer.to("cpu")
    apply_group_offloading(transformer, torch.device(profile.device), **kind)


def knows_fp8(device: str) -> bool:
    """Whether to store weights in fp8 on a device; on older NVIDIA cards it would be too slow."""
    if not device.startswith("cuda"):
        return True
    return bool(torch.cuda.get_device_capability(torch.device(device)) >= _FP8_UNITS)


def estimate_minutes(model: KleinModel, tokens: int, steps: int) -> float:
    """Estimates the duration of the steps on this CPU from their operations and one timed matrix product.

    Args:
        model: the model, on the CPU.
        tokens: number of tokens of text and pictures together.
        steps: number of forward passes, including those of guidance.
    """
    transformer = model.pipeline.transformer
    weights = sum(parameter.numel() for parameter in transformer.parameters())
    config = transformer.config
    width = config.num_attention_heads * config.attention_head_dim
    layers = config.num_layers + config.num_single_layers
    flops = 2 * weights * tokens + 4 * tokens**2 * width * layers
    dtype = transformer.dtype if transformer.dtype.itemsize > 1 else torch.bfloat16
    one, other = torch.ones(512, 2048, dtype=dtype), torch.ones(2048, 2048, dtype=dtype)
    _ = one @ other  # the first product includes initialisation
    start = time.perf_counter()
    _ = one @ other
    rate = 2 * 512 * 2048 * 2048 / max(time.perf_counter() - start, 1e-6)
    return steps * flops / rate / 60

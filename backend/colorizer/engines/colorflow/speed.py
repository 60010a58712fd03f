"""Memory profiles of ColorFlow, see `engines.runtime.memory_profiles`.

The U-Net or transformer and its guider run in the profile's precision; on an accelerator so do the autoencoder and the
fusion network, as published. The image tower is always float32, because embeddings are kept from one start to the next.
Where least memory is left, only the layers of the colouring networks visit the accelerator, one at a time: the larger
part of the memory is what enlarging a page needs, and that stays on the processor.
"""

from __future__ import annotations

import torch
from accelerate.hooks import remove_hook_from_module
from diffusers.hooks import apply_group_offloading
from torch import nn

from colorizer.engines.colorflow.model import ColorFlowModel
from colorizer.engines.runtime.device_swap import swap_on_device
from colorizer.engines.runtime.memory_profiles import MemoryProfile, MemoryProfiles, Residency, release

PROFILES = MemoryProfiles(
    dedicated=(
        (10.5, "everything", {}),
        (5.6, "6 GB", {"keep": Residency.GROUPS}),
        (0.0, "least", {"keep": Residency.LAYERS}),
    ),
    shared=((0.0, "everything", {}),),
)
"""Counted for the grey model on a canvas of 1280 x 1280 px (docs/speed.md); line art needs less."""


def place(model: ColorFlowModel, profile: MemoryProfile) -> None:
    """Places a model's networks as the profile says, wherever they were before."""
    painters, enlargers, others = _groups(model)
    release(model.colouring)
    for network in (*enlargers, *others):
        remove_hook_from_module(network, recurse=True)
    for network in painters:
        network.to(profile.dtype)
    aside = profile.device == "cpu" or profile.keep is Residency.LAYERS
    for network in enlargers:
        network.to(torch.float32 if aside else profile.dtype)
    model.to(profile.device if profile.keep is Residency.ALL else "cpu")
    if profile.keep is Residency.LAYERS:
        for network in painters:
            apply_group_offloading(network, torch.device(profile.device), offload_type="leaf_level")
    elif profile.keep is Residency.GROUPS:
        swap_on_device([painters, enlargers, *([other] for other in others)], profile.device)


def _groups(model: ColorFlowModel) -> tuple[list[nn.Module], list[nn.Module], list[nn.Module]]:
    """The networks that colour, those that encode, decode and enlarge, and those that are each needed alone."""
    colouring = model.colouring
    painters = [colouring.guider, getattr(colouring, "unet", None) or colouring.transformer]
    others = [model.tower.network, model.line_extractor, model.screenstyle]
    return painters, [colouring.vae, model.fusion], [network for network in others if network is not None]

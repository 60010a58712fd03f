"""Memory profiles of ColorFlow, see `engines.runtime.memory_profiles`.

The base network and its guider run in the profile's precision. On an accelerator, the autoencoder and the fusion
network do too, as published. The image tower is always float32, because its embeddings are stored between starts of
the program. The profile with the least memory moves only the layers of the colouring networks to the accelerator, one
at a time. Super-resolution needs most of the memory, and runs on the CPU in that profile.
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
"""Memory counted for the grey model on a canvas of 1280 x 1280 px (docs/speed.md); line art needs less."""


def place(model: ColorFlowModel, profile: MemoryProfile) -> None:
    """Applies a memory profile to a model: precision and placement of its networks."""
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
    """The networks in three groups: colouring; encoding, decoding and super-resolution; and those used separately."""
    colouring = model.colouring
    painters = [colouring.guider, getattr(colouring, "unet", None) or colouring.transformer]
    others = [model.tower.network, model.line_extractor, model.screenstyle]
    return painters, [colouring.vae, model.fusion], [network for network in others if network is not None]

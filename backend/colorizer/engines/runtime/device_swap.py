"""Moves the called network to the accelerator and offloads the others to CPU memory.

diffusers' `enable_model_cpu_offload` offloads networks in one fixed order; here any network may be called at any time,
and networks can be grouped. Uses accelerate's hooks, so that diffusers finds them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from accelerate.hooks import ModelHook, add_hook_to_module
from torch import nn


class SwapHook(ModelHook):  # type: ignore[misc, unused-ignore] # accelerate has no types
    """The accelerate hook of all networks of one group; it offloads the other groups of the model."""

    def __init__(self, networks: Iterable[nn.Module], device: str, others: list[SwapHook]) -> None:
        self.networks = list(networks)
        self.execution_device = torch.device(device)
        self.others = others
        self.present = False

    def pre_forward(self, _: Any, *arguments: Any, **named: Any) -> tuple[Any, Any]:
        """Called by accelerate before a network of the group runs."""
        self.load()
        return arguments, named

    def load(self) -> None:
        """Moves the group to the device and offloads the others."""
        if not self.present:
            for other in self.others:
                other.offload()
            self.present = True
            for network in self.networks:
                network.to(self.execution_device)

    def offload(self) -> None:
        """Offloads the group to CPU memory."""
        if self.present:
            self.present = False
            for network in self.networks:
                network.to("cpu")


def swap_on_device(groups: Iterable[Iterable[nn.Module | None]], device: str) -> list[SwapHook]:
    """Installs the hooks on groups of networks, all of which are in CPU memory; None entries are ignored."""
    hooks: list[SwapHook] = []
    for group in groups:
        networks = [network for network in group if network is not None]
        hooks.append(SwapHook(networks, device, hooks))
        for network in networks:
            add_hook_to_module(network, hooks[-1])
    return hooks


def ensure_on_device(network: nn.Module | None) -> None:
    """Moves a network's group to the device. For networks whose submodules are called instead of their `forward`."""
    # WORKAROUND: accelerate has no public way to get a module's hook, see
    # https://github.com/huggingface/accelerate/blob/main/src/accelerate/hooks.py. Can be removed when there is one.
    hook = getattr(network, "_hf_hook", None)
    if isinstance(hook, SwapHook):
        hook.load()

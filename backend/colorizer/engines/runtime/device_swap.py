"""Swapping networks in and out of an accelerator's memory: whichever is called comes, the others go to main memory.

diffusers' own chain (`enable_model_cpu_offload`) frees only the one that came before in a fixed order; here any network
may be called at any time, and some belong together. On accelerate's hooks, so that diffusers finds them too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from accelerate.hooks import ModelHook, add_hook_to_module
from torch import nn


class SwapHook(ModelHook):  # type: ignore[misc, unused-ignore] # accelerate has no types
    """The hook of all networks of one group; the groups of a model know each other."""

    def __init__(self, networks: Iterable[nn.Module], device: str, others: list[SwapHook]) -> None:
        self.networks = list(networks)
        self.execution_device = torch.device(device)
        self.others = others
        self.present = False

    def pre_forward(self, _: Any, *arguments: Any, **named: Any) -> tuple[Any, Any]:
        """Called before a network of the group runs."""
        self.come()
        return arguments, named

    def come(self) -> None:
        """Takes the device."""
        if not self.present:
            for other in self.others:
                other.leave()
            self.present = True
            for network in self.networks:
                network.to(self.execution_device)

    def leave(self) -> None:
        """Makes room."""
        if self.present:
            self.present = False
            for network in self.networks:
                network.to("cpu")


def swap_on_device(groups: Iterable[Iterable[nn.Module | None]], device: str) -> list[SwapHook]:
    """Lets groups of networks, which are all in main memory, share a device; `None` stands for no network."""
    hooks: list[SwapHook] = []
    for group in groups:
        networks = [network for network in group if network is not None]
        hooks.append(SwapHook(networks, device, hooks))
        for network in networks:
            add_hook_to_module(network, hooks[-1])
    return hooks


def bring(network: nn.Module | None) -> None:
    """Brings a network whose parts are called one by one, past its `forward`."""
    # WORKAROUND: accelerate has no public way to ask a module for its hook, see
    # https://github.com/huggingface/accelerate/blob/main/src/accelerate/hooks.py; goes when there is one.
    hook = getattr(network, "_hf_hook", None)
    if isinstance(hook, SwapHook):
        hook.come()

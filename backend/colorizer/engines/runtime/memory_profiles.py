"""Memory profiles: the precision a model runs in, and how much of it is in the device's memory at a time.

An engine brings a list of profiles, from the fastest to the one that needs least memory, and functions that read its
model and put it where a profile says. `ModelSlot` keeps the model, takes the first profile that fits what is free, and
goes one step down where memory runs out all the same. What a profile means for an engine's networks is in that
engine's `speed`.
"""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

from colorizer.engines.base import Report
from colorizer.engines.runtime.device import ran_out_of_memory

log = logging.getLogger(__name__)

GIB = 2**30
CEILING = "COLORIZE_GPU_MEMORY_GB"
"""Environment: how much of an accelerator's memory may be counted on, where it isn't all that is free."""
Answer = TypeVar("Answer")
Model = TypeVar("Model")


class Residency(str, Enum):
    """Which part of a model stays in the device's memory."""

    ALL = "everything"
    GROUPS = "what is needed at a time"
    LAYERS = "one layer at a time"
    NOTHING = "nothing: it runs on the processor"


@dataclass(frozen=True)
class MemoryProfile:
    """How a model runs."""

    device: str
    dtype: torch.dtype = torch.float32
    channels_last: bool = False
    name: str = "everything"
    """For the record of a result."""
    keep: Residency = Residency.ALL
    stored: torch.dtype | None = None
    """What weights are kept in between their uses, where that is less than `dtype`."""
    tiled: bool = False
    """The VAE works in tiles and picture by picture."""
    one_row_at_a_time: bool = False
    """The rows of the guidance run one after another."""


ProfileTable = tuple[tuple[float, str, dict[str, Any]], ...]
"""For each profile: GiB that have to be free, its name, and the fields of `MemoryProfile` that it sets."""


@dataclass(frozen=True)
class MemoryProfiles:
    """The profiles of one engine."""

    dedicated: ProfileTable
    """For graphics cards with memory of their own, of which the system takes the last gigabyte."""
    shared: ProfileTable
    """In main memory, where the model is anyway; Apple's accelerator has no other."""
    precise: bool = False
    """Always float32, for networks that are small or never saw anything else."""

    def profiles(self, device: str) -> list[tuple[float, MemoryProfile]]:
        """All profiles for a torch device name, the fastest first, each with the free memory it needs, GiB."""
        kind = device.partition(":")[0]
        if self.precise:
            usual = MemoryProfile(device)
        elif kind == "cuda":
            usual = MemoryProfile(device, torch.float16, channels_last=True)
        elif kind in ("mps", "xpu"):
            usual = MemoryProfile(device, torch.float16)
        else:
            usual = MemoryProfile(
                device, torch.bfloat16 if has_bfloat16_units() else torch.float32, channels_last=True
            )
        steps = self.dedicated if kind in ("cuda", "xpu") else self.shared
        return [(wanted, replace(usual, name=name, **choices)) for wanted, name, choices in steps]

    def choose(self, device: str) -> MemoryProfile:
        """The fastest profile that fits into the free memory."""
        free = free_memory(device) / GIB
        return next(profile for wanted, profile in self.profiles(device) if free >= wanted)

    def cheaper(self, profile: MemoryProfile) -> MemoryProfile | None:
        """The next profile, which needs less memory; None after the last."""
        there = [one for _, one in self.profiles(profile.device)]
        following = [one.name for one in there].index(profile.name) + 1
        return there[following] if following < len(there) else None


class ModelSlot(Generic[Model]):
    """The model that an engine has in memory, and its current memory profile.

    Args:
        profiles: the engine's.
        read: reads the model in a folder.
        place: puts a model where a profile says, wherever it was before.
    """

    def __init__(
        self,
        profiles: MemoryProfiles,
        read: Callable[[Path], Model],
        place: Callable[[Model, MemoryProfile], None],
    ) -> None:
        self._profiles = profiles
        self._read = read
        self._place = place
        self._model: Model | None = None
        self._folder: Path | None = None
        self.device = ""
        self.profile: MemoryProfile | None = None

    @property
    def model(self) -> Model:
        """The model that was loaded last."""
        assert self._model is not None
        return self._model

    def load(self, folder: Path, device: str) -> None:
        """Loads the model unless it is loaded already, and places it with the first memory profile that fits."""
        if self._folder != folder:
            self._model = self._folder = None  # there may not be room for two
            self._model = self._read(folder)
            self._folder, self.device = folder, ""
        if self.device != device:
            self._at(self._profiles.choose(device))
            self.device = device

    def run(self, draw: Callable[[], Answer], report: Report) -> Answer:
        """Returns what `draw` returns; when memory runs out, retries with the next profile until none is left."""
        while True:
            try:
                return draw()
            except (MemoryError, RuntimeError) as error:
                assert self.profile is not None
                profile = self._profiles.cheaper(self.profile)
                if profile is None or not ran_out_of_memory(error):
                    raise
            # Outside of `except`, whose error still holds what was made.
            report.stage("Retrying with less memory")
            log.warning("out of memory: going on with the setting %r", profile.name)
            self._at(profile)

    def _at(self, profile: MemoryProfile) -> None:
        try:
            self._place(self.model, profile)
        except (MemoryError, RuntimeError) as error:
            cheaper = self._profiles.cheaper(profile)
            if cheaper is None or not ran_out_of_memory(error):
                raise
        else:
            self.profile = profile
            return
        self._at(cheaper)


def free_memory(device: str) -> float:
    """Free memory of a device, bytes."""
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


def offload_layers(pipeline: Any, device: str) -> None:
    """Moves single layers of a diffusers pipeline to the device while they run (`Residency.LAYERS`)."""
    pipeline.enable_group_offload(torch.device(device), offload_type="leaf_level")


def release(pipeline: Any) -> None:
    """Removes the hooks of an earlier profile from the networks of a diffusers pipeline."""
    from diffusers.hooks import HookRegistry

    pipeline.remove_all_hooks()
    for network in pipeline.components.values():
        if isinstance(network, torch.nn.Module):
            HookRegistry.check_if_exists_or_initialize(network).remove_hook("group_offloading", recurse=True)

"""Memory profiles: the precision of a model, and how much of it is in the device's memory at a time.

An engine provides a list of profiles, from the fastest to the one that needs the least memory, and functions that load
its model and apply a profile to it. `ModelSlot` holds the model, chooses the first profile that fits the free memory,
and steps down to the next one if memory runs out. Each engine defines its profiles in its module `speed`.
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
"""Environment variable that limits the accelerator's memory to count on, in GB."""
Answer = TypeVar("Answer")
Model = TypeVar("Model")


class Residency(str, Enum):
    """The part of a model that is in the device's memory at a time."""

    ALL = "everything"
    GROUPS = "what is needed at a time"
    LAYERS = "one layer at a time"
    NOTHING = "nothing: it runs on the processor"


@dataclass(frozen=True)
class MemoryProfile:
    """Precision, memory layout and residency of a model."""

    device: str
    dtype: torch.dtype = torch.float32
    channels_last: bool = False
    name: str = "everything"
    """Name of the profile in the record of a result."""
    keep: Residency = Residency.ALL
    stored: torch.dtype | None = None
    """Precision in which weights are stored between their uses, if it is lower than `dtype`."""
    tiled: bool = False
    """Whether the VAE processes tiles, and one picture of a batch at a time."""
    one_row_at_a_time: bool = False
    """Whether the rows of classifier-free guidance are computed one by one."""


ProfileTable = tuple[tuple[float, str, dict[str, Any]], ...]
"""For each profile: the free memory it needs in GiB, its name, and the fields of `MemoryProfile` that it sets."""


@dataclass(frozen=True)
class MemoryProfiles:
    """The profiles of one engine."""

    dedicated: ProfileTable
    """For graphics cards with dedicated memory."""
    shared: ProfileTable
    """For devices that use main memory: the CPU and Apple's accelerator."""
    precise: bool = False
    """Whether to use float32 always, for networks that are small or were trained in float32 only."""

    def profiles(self, device: str) -> list[tuple[float, MemoryProfile]]:
        """All profiles for a torch device, the fastest first, each with the free memory that it needs, GiB."""
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
        """The fastest profile that fits the free memory."""
        free = free_memory(device) / GIB
        return next(profile for wanted, profile in self.profiles(device) if free >= wanted)

    def cheaper(self, profile: MemoryProfile) -> MemoryProfile | None:
        """The next profile, which needs less memory; None for the last."""
        there = [one for _, one in self.profiles(profile.device)]
        following = [one.name for one in there].index(profile.name) + 1
        return there[following] if following < len(there) else None


class ModelSlot(Generic[Model]):
    """The model that an engine has in memory, and its current memory profile.

    Args:
        profiles: the engine's profiles.
        read: loads the model of a folder.
        place: applies a profile to a model, whatever profile it had before.
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
            self._model = self._folder = None  # there may not be enough memory for two models
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
            # Outside of `except`: its traceback keeps references to the tensors of the failed attempt.
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
    """Whether this CPU multiplies bfloat16 matrices faster than float32 ones; on other CPUs it is much slower."""
    supported = getattr(torch.cpu, "_is_amx_tile_supported", None)  # torch has no public function for this
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

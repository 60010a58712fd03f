"""The ways a model can run: in which precision, and how much of it is in a device's memory at a time.

An engine brings ladders, from the fastest way to the one that needs least memory, and functions that read its model and
put it where a way says. `Room` keeps the model, takes the first way that fits what is free, and goes one step down
where memory runs out all the same. What a way means for an engine's networks is in that engine's `speed`.
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
from colorizer.engines.device import ran_out_of_memory

log = logging.getLogger(__name__)

GIB = 2**30
CEILING = "COLORIZE_GPU_MEMORY_GB"
"""Environment: how much of an accelerator's memory may be counted on, where it isn't all that is free."""
Answer = TypeVar("Answer")
Model = TypeVar("Model")


class Keep(str, Enum):
    """What of a model stays in the device's memory."""

    ALL = "everything"
    GROUPS = "what is needed at a time"
    LAYERS = "one layer at a time"
    NOTHING = "nothing: it runs on the processor"


@dataclass(frozen=True)
class Way:
    """How a model runs."""

    device: str
    dtype: torch.dtype = torch.float32
    channels_last: bool = False
    name: str = "everything"
    """For the record of a result."""
    keep: Keep = Keep.ALL
    stored: torch.dtype | None = None
    """What weights are kept in between their uses, where that is less than `dtype`."""
    tiled: bool = False
    """The VAE works in tiles and picture by picture."""
    rows_apart: bool = False
    """The rows of the guidance run one after another."""


Ladder = tuple[tuple[float, str, dict[str, Any]], ...]
"""GiB that have to be free, name of the setting, what it does."""


@dataclass(frozen=True)
class Ladders:
    """The settings of one engine."""

    cards: Ladder
    """For cards of their own memory, of which the system takes the last gigabyte."""
    processors: Ladder
    """In main memory, where the model is anyway; Apple's accelerator has no other."""
    precise: bool = False
    """Always float32, for networks that are small or never saw anything else."""

    def ways(self, device: str) -> list[tuple[float, Way]]:
        """Every way for a torch device name with the GiB it wants free, the fastest first."""
        kind = device.partition(":")[0]
        if self.precise:
            usual = Way(device)
        elif kind == "cuda":
            usual = Way(device, torch.float16, channels_last=True)
        elif kind in ("mps", "xpu"):
            usual = Way(device, torch.float16)
        else:
            usual = Way(device, torch.bfloat16 if has_bfloat16_units() else torch.float32, channels_last=True)
        ladder = self.cards if kind in ("cuda", "xpu") else self.processors
        return [(wanted, replace(usual, name=name, **choices)) for wanted, name, choices in ladder]

    def choose(self, device: str) -> Way:
        """The fastest way that fits into what is free."""
        free = free_memory(device) / GIB
        return next(way for wanted, way in self.ways(device) if free >= wanted)

    def cheaper(self, way: Way) -> Way | None:
        """The next way, which needs less memory; None after the last."""
        there = [one for _, one in self.ways(way.device)]
        following = [one.name for one in there].index(way.name) + 1
        return there[following] if following < len(there) else None


class Room(Generic[Model]):
    """The model that an engine has in memory, and the way it runs at the moment.

    Args:
        ladders: the engine's.
        read: reads the model in a folder.
        place: puts a model where a way says, wherever it was before.
    """

    def __init__(
        self, ladders: Ladders, read: Callable[[Path], Model], place: Callable[[Model, Way], None]
    ) -> None:
        self._ladders = ladders
        self._read = read
        self._place = place
        self._model: Model | None = None
        self._folder: Path | None = None
        self.device = ""
        self.way: Way | None = None

    @property
    def model(self) -> Model:
        """What was loaded last."""
        assert self._model is not None
        return self._model

    def load(self, folder: Path, device: str) -> None:
        """Reads a model if it isn't the one that is here, and puts it onto a device, in the first way it fits in."""
        if self._folder != folder:
            self._model = self._folder = None  # there may not be room for two
            self._model = self._read(folder)
            self._folder, self.device = folder, ""
        if self.device != device:
            self._at(self._ladders.choose(device))
            self.device = device

    def run(self, draw: Callable[[], Answer], report: Report) -> Answer:
        """What `draw` gives; where memory runs out, again with less of the model in it, as long as there is a way."""
        while True:
            try:
                return draw()
            except (MemoryError, RuntimeError) as error:
                assert self.way is not None
                way = self._ladders.cheaper(self.way)
                if way is None or not ran_out_of_memory(error):
                    raise
            # Outside of `except`, whose error still holds what was made.
            report.stage("Making do with less memory")
            log.warning("out of memory: going on with the setting %r", way.name)
            self._at(way)

    def _at(self, way: Way) -> None:
        try:
            self._place(self.model, way)
        except (MemoryError, RuntimeError) as error:
            cheaper = self._ladders.cheaper(way)
            if cheaper is None or not ran_out_of_memory(error):
                raise
        else:
            self.way = way
            return
        self._at(cheaper)


def free_memory(device: str) -> float:
    """Bytes that can be counted on."""
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


def keep_layers_only(pipeline: Any, device: str) -> None:
    """Single layers of a diffusers pipeline, which is in main memory, come to a device and go (`Keep.LAYERS`)."""
    pipeline.enable_group_offload(torch.device(device), offload_type="leaf_level")


def release(pipeline: Any) -> None:
    """Takes back what an earlier way has hooked into the networks of a diffusers pipeline."""
    from diffusers.hooks import HookRegistry

    pipeline.remove_all_hooks()
    for network in pipeline.components.values():
        if isinstance(network, torch.nn.Module):
            HookRegistry.check_if_exists_or_initialize(network).remove_hook("group_offloading", recurse=True)

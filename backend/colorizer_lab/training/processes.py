"""Training in several processes, started by `torchrun` or `accelerate launch`. A single process runs the same code.

    torchrun --nproc_per_node 8 -m colorizer train colorize-diffusion --config FILE --out DIR
    torchrun --nproc_per_node 8 -m colorizer train match --device cuda --out DIR

Every process computes its own share of each batch. Gradients are averaged afterwards (`average_gradients`) or during
the backward pass (DDP). For models that do not fit one device, weights, gradients and optimiser state can be sharded
(FSDP, `sharded = true`).

accelerate could replace only `join`, `wait` and `mean`. The trainers' other needs (full weights and optimiser state
of a sharded model, gradients averaged once at the end) would use torch directly all the same.
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from colorizer.errors import InvalidInput
from torch import Tensor, nn

from colorizer_lab.training.loop import StopSignal

SHARDED_TOGETHER = ("ResnetBlock2D", "Transformer2DModel", "CLIPEncoderLayer", "TokenBlock")
"""Modules that are sharded as one unit."""

_RELEASE = 0.5
"""Seconds that other threads get for releasing tensors at the end of a process."""


@dataclass(frozen=True)
class Processes:
    """The number of this process, the number of processes, and the device."""

    rank: int = 0
    count: int = 1
    device: torch.device = torch.device("cpu")

    @classmethod
    def join(cls, device: str) -> Processes:
        """Joins the process group if the launcher's environment defines one."""
        count, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
        if count == 1:
            return cls(device=torch.device(device))
        on_gpu = device.startswith("cuda")
        if on_gpu:
            device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
            torch.cuda.set_device(device)
        if not dist.is_initialized():
            dist.init_process_group("nccl" if on_gpu else "gloo")
            atexit.register(_leave)
        return cls(rank, count, torch.device(device))

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def check(self, batch: int) -> None:
        """Raises `InvalidInput` if a batch cannot be divided evenly."""
        if batch % self.count:
            raise InvalidInput(f"`batch` must be a multiple of the {self.count} processes, not {batch}.")

    def wait(self) -> None:
        """Waits until all processes have called it."""
        if self.count > 1:
            dist.barrier()

    def mean(self, value: Tensor) -> float:
        """The mean of a number over the processes."""
        value = value.detach().clone()
        if self.count > 1:
            dist.all_reduce(value)
            value = value / self.count
        return float(value)

    def average_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replaces the gradients by their mean over all processes, which must have the same parameters."""
        if self.count == 1:
            return
        gradients = [one.grad for one in parameters if one.grad is not None]
        mean = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(mean)
        mean /= self.count
        for gradient, part in zip(
            gradients, torch.split(mean, [one.numel() for one in gradients]), strict=True
        ):
            gradient.copy_(part.view_as(gradient))

    def any(self, value: bool) -> bool:  # noqa: FBT001 - a question about one value
        """Whether the value is true in any process."""
        return self.mean(torch.tensor(float(value), device=self.device)) > 0

    def spread(self, module: nn.Module, *, sharded: bool) -> nn.Module:
        """Wraps a module for training in all processes (DDP or FSDP)."""
        if sharded:
            return _sharded(module, self)
        if self.count == 1:
            return module
        return nn.parallel.DistributedDataParallel(module)


def _leave() -> None:
    """Leaves the process group at the end of the process.

    A thread of gloo that still has to release the tensors of the last operation needs the GIL for it. If the
    interpreter ends before, that thread calls std::terminate (SIGABRT); `destroy_process_group` doesn't wait for it.
    """
    time.sleep(_RELEASE)
    dist.destroy_process_group()


class StopTogether(StopSignal):
    """Stops all processes after the same step when one of them is signalled."""

    def __init__(self, limit_minutes: float, processes: Processes) -> None:
        super().__init__(limit_minutes)
        self._processes = processes

    @property
    def is_set(self) -> bool:
        """Whether to stop after this step."""
        return self._processes.any(super().is_set)


def _sharded(module: nn.Module, processes: Processes) -> nn.Module:
    if processes.count == 1:
        raise InvalidInput("`sharded` needs several processes. Start them with torchrun.")
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(processes.device.type, (processes.count,))
    for part in list(module.modules()):
        if type(part).__name__ in SHARDED_TOGETHER:
            fully_shard(part, mesh=mesh)
    fully_shard(module, mesh=mesh)
    return module


def whole_weights(module: nn.Module, *, sharded: bool) -> dict[str, Tensor]:
    """The full trained weights by name; for a sharded model only in the first process, empty in the others."""
    if not sharded:
        own = module.module if isinstance(module, nn.parallel.DistributedDataParallel) else module
        return {name: one.detach().cpu().clone() for name, one in own.named_parameters() if one.requires_grad}
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
    found: dict[str, Any] = get_model_state_dict(module, options=options)
    return found


def set_weights(module: nn.Module, weights: dict[str, Tensor], *, sharded: bool) -> None:
    """Loads weights of `whole_weights`; for a sharded model only the first process needs them."""
    if not sharded:
        own = module.module if isinstance(module, nn.parallel.DistributedDataParallel) else module
        result = own.load_state_dict(weights, strict=False)
        assert not result.unexpected_keys, result.unexpected_keys[:3]
        return
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True, strict=False)
    set_model_state_dict(module, dict(weights), options=options)


def optimiser_state(module: nn.Module, optimiser: Any, *, sharded: bool) -> dict[str, Any]:
    """The optimiser's full state; for a sharded model in the first process only."""
    if not sharded:
        state: dict[str, Any] = optimiser.state_dict()
        return state
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_optimizer_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    found: dict[str, Any] = get_optimizer_state_dict(module, optimiser, options=options)
    return found


def set_optimiser_state(module: nn.Module, optimiser: Any, state: dict[str, Any], *, sharded: bool) -> None:
    """Loads a state of `optimiser_state`."""
    if not sharded:
        optimiser.load_state_dict(state)
        return
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_optimizer_state_dict

    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
    set_optimizer_state_dict(module, optimiser, state, options=options)

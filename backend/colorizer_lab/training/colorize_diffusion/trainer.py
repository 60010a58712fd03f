"""Trains one stage of ColorizeDiffusion: `train` is what `colorize train colorize-diffusion` calls.

All random numbers are seeded by the number of the step or sample. A resumed training is therefore identical to an
uninterrupted one, and so is a training in several processes to one in a single process. The loss is in `model`, the
data come from `data` and `batches`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from colorizer.errors import InvalidInput
from torch import nn

from colorizer_lab.training import processes as spread
from colorizer_lab.training.colorize_diffusion import data, networks, products
from colorizer_lab.training.colorize_diffusion.batches import Batches
from colorizer_lab.training.colorize_diffusion.config import (
    CONFIG_FILE,
    TrainingConfig,
    read,
    settings,
    write,
)
from colorizer_lab.training.loop import Pace, TrainingProgress, follow, log, open_run, run, save_checkpoint
from colorizer_lab.training.processes import Processes, StopTogether

__all__ = ["settings", "train"]  # used by `colorizer_lab.training`

LEAST_RATE = 0.05
"""Final learning rate as a share of the highest."""
LARGEST_GRADIENT = 1.0
"""Gradients are clipped to this norm."""


def train(
    out: Path,
    *,
    resume: bool = False,
    limit_minutes: float = math.inf,
    device: str = "cpu",
    seed: int = 0,
    progress: Callable[[TrainingProgress], None] = lambda _: None,
    recipe: TrainingConfig | None = None,
) -> None:
    """Trains until the stage's last step, the time limit, or SIGINT/SIGTERM, whichever comes first.

    Writes to `out`: `config.toml` (the settings, read again on resume), `checkpoint.pt`, `training.jsonl` (metrics),
    `sheet.png` (samples) and `model/` (for the engine).

    Args:
        out: folder of this stage's run.
        resume: whether to continue from the folder's checkpoint.
        limit_minutes: time after which to stop cleanly.
        device: a torch device; with several processes, its type.
        seed: replaces the settings' seed unless it is 0.
        progress: called with the progress.
        recipe: the settings; not needed to resume.

    Raises:
        InvalidInput: settings, start, data or `out` are invalid.
    """
    processes = Processes.join(device)
    config = read(out / CONFIG_FILE) if resume and (out / CONFIG_FILE).is_file() else recipe
    if config is None:
        raise InvalidInput("No settings were given. Give a file with --config, or a stage with --stage.")
    config = replace(config, seed=seed) if seed and not resume else config
    config.check()
    processes.check(config.batch)
    products.check_name(config, out)
    state = open_run(out, resume=resume) if processes.is_first else None
    processes.wait()
    if state is None and resume:
        state = open_run(out, resume=True)
    if processes.is_first:
        write(config, out / CONFIG_FILE)
        if state is None:
            log(out, step=0, **products.held_out_loss(config, networks.work(config)))
    training = _Training(config, processes, state)
    quiet = replace(config, log_every=config.steps + 1) if not processes.is_first else config
    pace = Pace(config.steps, quiet.log_every, config.save_every)
    run(training, out, pace, StopTogether(limit_minutes, processes), progress)
    if processes.is_first:
        products.install(config, out)
    processes.wait()


class _Training:
    """The state of a stage's training."""

    def __init__(self, config: TrainingConfig, processes: Processes, state: dict[str, Any] | None) -> None:
        from diffusers.training_utils import EMAModel

        self.step = 0
        self.losses: dict[str, float] = {}
        self.config = config
        self._processes = processes
        self._started = time.monotonic()
        work = networks.work(config)
        self._parameters = list(work.trained)
        module = work.loss.to(processes.device)
        self._module = processes.spread(module, sharded=config.sharded)
        if config.sharded:  # sharding replaces the parameters
            self._parameters = [one for one in self._module.parameters() if one.requires_grad]
        self._optimiser = torch.optim.AdamW(
            self._parameters,
            config.learning_rate,
            weight_decay=config.weight_decay,
            fused=not config.sharded,  # saves a tenth of the time of a small network's step
        )
        self._average = EMAModel(self._parameters, decay=config.average)
        self._scaler = torch.amp.GradScaler(processes.device.type, enabled=config.precision == "fp16")
        share = (processes.rank, processes.count)
        self._batches = Batches(data.source(config), config, work.latent_channels, share)
        if state:
            self._restore(state)

    def advance(self) -> None:
        """Runs one step. A step with a non-finite loss changes nothing."""
        config = self.config
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(self.step, config)
        batch = self._batches.of(self.step).to(self._processes.device)
        kind = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(config.precision, torch.float32)
        with torch.autocast(self._processes.device.type, kind, enabled=config.precision != "no"):
            loss = self._module(batch)
        self._optimiser.zero_grad()
        torch.autograd.backward(self._scaler.scale(loss))
        self.step += 1
        mean = self._processes.mean(loss)
        if math.isfinite(mean):
            self._scaler.unscale_(self._optimiser)
            norm = nn.utils.clip_grad_norm_(self._parameters, LARGEST_GRADIENT)
            self._scaler.step(self._optimiser)
            self._scaler.update()
            self._average.step(self._parameters)
            follow(self.losses, "loss", mean)
            follow(self.losses, "gradient_norm", float(norm))

    def figures(self) -> dict[str, Any]:
        """The metrics for the log. `minutes` counts from the start of this process."""
        minutes = (time.monotonic() - self._started) / 60
        rounded = {name: round(value, 5) for name, value in self.losses.items()}
        samples = self.step * self.config.batch
        return {"step": self.step, "samples": samples, "minutes": round(minutes, 2), **rounded}

    def save(self, out: Path) -> None:
        """Writes checkpoint, product and sheet; all processes must call it."""
        sharded = self.config.sharded
        state = {
            "step": self.step,
            "losses": self.losses,
            "network": spread.whole_weights(self._module, sharded=sharded),
            "optimiser": spread.optimiser_state(self._module, self._optimiser, sharded=sharded),
            "scaler": self._scaler.state_dict(),
            "average": self._averaged_weights(),
            "averaged_steps": self._average.optimization_step,
        }
        if self._processes.is_first:
            save_checkpoint(out, state)
            log(out, step=self.step, **products.save(self.config, state["average"], out))
        self._processes.wait()

    def _averaged_weights(self) -> dict[str, torch.Tensor]:
        self._average.store(self._parameters)
        self._average.copy_to(self._parameters)
        averaged = spread.whole_weights(self._module, sharded=self.config.sharded)
        self._average.restore(self._parameters)
        return averaged

    def _restore(self, state: dict[str, Any]) -> None:
        sharded = self.config.sharded
        self.step, self.losses = state["step"], state["losses"]
        spread.set_weights(self._module, state["average"], sharded=sharded)
        self._average.shadow_params = [one.detach().clone() for one in self._parameters]
        self._average.optimization_step = state["averaged_steps"]
        spread.set_weights(self._module, state["network"], sharded=sharded)
        spread.set_optimiser_state(self._module, self._optimiser, state["optimiser"], sharded=sharded)
        self._scaler.load_state_dict(state["scaler"]) if state["scaler"] else None


def learning_rate(step: int, config: TrainingConfig) -> float:
    """Linear warm-up, then cosine decay."""
    warm = min(1.0, (step + 1) / max(1, config.warmup_steps))
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / config.steps)))
    return config.learning_rate * warm * (LEAST_RATE + (1 - LEAST_RATE) * cosine)

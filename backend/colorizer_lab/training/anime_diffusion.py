"""Trains AnimeDiffusion (arXiv 2303.11137): noise prediction, then image reconstruction through the sampler.

Defaults are the published hyper-parameters. Losses are in `engines.anime_diffusion.diffusion`, items come from
`anime_diffusion_data`. Each step has a random generator seeded with its number, so a resumed training is identical to
an uninterrupted one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from colorizer.engines.anime_diffusion.diffusion import (
    SAMPLING_STEPS,
    ReconstructionNoise,
    ddim_scheduler,
    noise_loss,
    reconstruction_loss,
)
from colorizer.engines.anime_diffusion.pipeline import AnimeDiffusionPipeline
from colorizer.engines.anime_diffusion.unet import AnimeDiffusionUNet
from colorizer.errors import InvalidInput
from torch import Tensor

from colorizer_lab.training import Overrides
from colorizer_lab.training.anime_diffusion_data import PUBLISHED_ITEMS, OwnDrawings, PublishedFolder
from colorizer_lab.training.loop import (
    Descent,
    Pace,
    StopSignal,
    TrainingProgress,
    open_run,
    run,
    save_checkpoint,
    save_folder,
)

MODEL_FOLDER = "model"


@dataclass(frozen=True)
class Recipe:
    """All settings that determine the trained weights, except the seed."""

    data: Path | None = None
    """A folder in the published layout; None: procedural drawings."""
    channel_base: int = 64
    channel_mult: tuple[int, ...] = (1, 2, 4, 8)
    n_res_blocks: int = 2
    size: int = 256
    batch: int = 1
    noise_steps: int = 200 * PUBLISHED_ITEMS
    """Steps of phase 1: 200 epochs."""
    reconstruction_steps: int = 10 * PUBLISHED_ITEMS
    """Steps of phase 2: 10 epochs, with a separate warm-up and decay."""
    sampling_steps: int = SAMPLING_STEPS
    learning_rate: float = 1e-4
    least_rate: float = 1e-8
    warmup_steps: int = PUBLISHED_ITEMS
    weight_decay: float = 0.01
    parity: bool = False
    """Whether phase 2 reproduces the published bug: the inversion calls the network without the time step."""
    log_every: int = 50
    save_every: int = 1000

    @property
    def steps(self) -> int:
        """Number of steps of both phases."""
        return self.noise_steps + self.reconstruction_steps


def settings(overrides: Overrides) -> Recipe:
    """The published recipe on the user's pictures. Raises `InvalidInput` for an unknown setting."""
    if overrides.config or overrides.stage or overrides.start:
        raise InvalidInput("AnimeDiffusion's recipe takes only --data, a folder in the published layout.")
    return Recipe(data=overrides.data)


def train(
    out: Path,
    *,
    resume: bool = False,
    limit_minutes: float = math.inf,
    device: str = "cpu",
    seed: int = 0,
    progress: Callable[[TrainingProgress], None] = lambda _: None,
    recipe: Recipe | None = None,
) -> None:
    """Trains until the recipe's last step, the time limit, or SIGINT/SIGTERM, whichever comes first.

    Writes to `out`: `checkpoint.pt` (the full state, to resume exactly), `training.jsonl` (metrics) and `model/` (for
    the engine).

    Raises:
        InvalidInput: `out` contains a training and `resume` is not set, or the other way round; or the recipe's
        `data` is
            not a folder in the published layout.
    """
    training = _Training(recipe or Recipe(), device, seed, open_run(out, resume=resume))
    pace = Pace(training.recipe.steps, training.recipe.log_every, training.recipe.save_every)
    run(training, out, pace, StopSignal(limit_minutes), progress)


class _Training(Descent):
    """The state of a training run."""

    def __init__(self, recipe: Recipe, device: str, seed: int, state: dict[str, Any] | None) -> None:
        super().__init__()
        self.recipe = recipe
        self._device, self._seed = device, seed
        self._schedule = ddim_scheduler()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            unet = AnimeDiffusionUNet(
                channel_base=recipe.channel_base,
                channel_mult=recipe.channel_mult,
                n_res_blocks=recipe.n_res_blocks,
            )
        self._unet = unet.to(device).train()
        self._optimiser = torch.optim.AdamW(
            self._unet.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        if state:
            self.step, self._seed, self.losses = state["step"], state["seed"], state["losses"]
            self._unet.load_state_dict(state["network"])
            self._optimiser.load_state_dict(state["optimiser"])
        size = recipe.size
        self._items = (
            PublishedFolder(recipe.data, size, self._seed) if recipe.data else OwnDrawings(size, self._seed)
        )

    def advance(self) -> None:
        """Runs one step of the current phase; a step with a non-finite loss changes nothing."""
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.recipe)
        name, loss = self._loss()
        self.descend(self._optimiser, name, loss)

    def save(self, out: Path) -> None:
        """Writes the checkpoint and the model."""
        state = {
            "step": self.step,
            "seed": self._seed,
            "losses": self.losses,
            "network": self._unet.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }
        save_checkpoint(out, state)
        save_folder(out / MODEL_FOLDER, AnimeDiffusionPipeline(self._unet, self._schedule).save_pretrained)

    def _loss(self) -> tuple[str, Tensor]:
        generator = torch.Generator().manual_seed(self._seed * 2**40 + self.step)
        picture, condition = self._batch()
        if self.step < self.recipe.noise_steps:
            t = torch.randint(self._schedule.config.num_train_timesteps, (len(picture),), generator=generator)
            noise = torch.randn(picture.shape, generator=generator).to(self._device)
            return "noise", noise_loss(
                self._unet, self._schedule, picture, condition, t.to(self._device), noise
            )
        self._unet.enable_gradient_checkpointing()
        shape = (self.recipe.sampling_steps, *picture.shape)
        drawn = ReconstructionNoise(
            torch.randn(picture.shape, generator=generator).to(self._device),
            torch.randn(shape, generator=generator).to(self._device),
        )
        return "reconstruction", reconstruction_loss(
            self._unet, self._schedule, picture, condition, drawn, parity=self.recipe.parity
        )

    def _batch(self) -> tuple[Tensor, Tensor]:
        first = self.step * self.recipe.batch
        pairs = [self._items.item(first + index).tensors() for index in range(self.recipe.batch)]
        pictures, conditions = zip(*pairs, strict=True)
        return torch.cat(pictures).to(self._device), torch.cat(conditions).to(self._device)


def learning_rate(step: int, recipe: Recipe) -> float:
    """Linear warm-up and cosine decay from and to the least rate, in each phase."""
    length = recipe.noise_steps
    if step >= length:
        step, length = step - length, recipe.reconstruction_steps
    warmup = min(recipe.warmup_steps, length)
    if step < warmup:
        share = (step + 1) / warmup
    else:
        share = 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, length - warmup)))
    return recipe.least_rate + (recipe.learning_rate - recipe.least_rate) * share

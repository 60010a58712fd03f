"""The denoising loop: from noise to a latent, with guidance (Ho 2022, arXiv 2207.12598), its window, and injection.

Noise comes from one CPU generator per sample, so a sample is the same alone and in a batch. Nothing here knows
pictures; `pipeline` does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from colorizer.engines.colorize_diffusion.attention import Bank, Kept
from colorizer.engines.colorize_diffusion.conditioning import Conditions
from colorizer.engines.colorize_diffusion.denoiser import Denoiser, Features
from colorizer.engines.colorize_diffusion.guidance import Rows
from colorizer.engines.colorize_diffusion.noise import NUM_TRAIN_TIMESTEPS, NoiseSchedule
from colorizer.engines.colorize_diffusion.settings import (
    DiffusionSettings,
    Guidance,
    Injection,
    Prediction,
    Version,
)

OnStep = Callable[[int, int, Callable[[], Tensor]], None]
"""Called after each forward pass with its number (from 1), how many there are, and a way to ask for the latent that the
pass points to (B, C, h, w)."""


@dataclass(frozen=True)
class InjectedReference:
    """What attention injection reads: the reference's latent (1, C, h, w) and its own residuals."""

    latent: Tensor
    residuals: Sequence[Tensor]


class Window:
    """The guidance window; with `parity` it is as shut as the published program leaves it.

    There, v1 writes the emptied context back, so that the reference is lost for good; v1.5 and v2 never look.
    """

    def __init__(self, guidance: Guidance, version: Version, *, parity: bool) -> None:
        self.guidance = guidance
        self.sticks = parity and version is Version.V1
        self.ignored = parity and version is not Version.V1
        self.lost = False

    def is_open(self, timestep: float) -> bool:
        """Whether the reference acts at a time step; steps are asked in order."""
        if self.ignored:
            return True
        seen = self.guidance.sees_reference(timestep, NUM_TRAIN_TIMESTEPS) and not self.lost
        self.lost = self.sticks and not seen
        return seen


class Predictor:
    """The guided prediction at one time step."""

    def __init__(
        self,
        denoiser: Denoiser,
        conditions: Conditions,
        settings: DiffusionSettings,
        window: Window,
        injected: InjectedReference | None,
        generators: list[torch.Generator],
    ) -> None:
        self.denoiser = denoiser
        self.conditions = conditions
        self.settings = settings
        self.window = window
        self.injected = injected
        self.generators = generators
        self.rows = Rows.of(len(generators), settings.guidance)
        self.features = self.rows.features(conditions)
        self.kept: Kept = {}

    def __call__(self, latent: Tensor, timestep: float) -> Tensor:
        """Latent (B, C, h, w) of unit variance to the prediction of the same shape."""
        return self.rows.combine(self.all_rows(latent, timestep), self.settings.guidance)

    def all_rows(self, latent: Tensor, timestep: float) -> Tensor:
        """The predictions of all rows (see `guidance.Rows`)."""
        sees = self.window.is_open(timestep)
        bank = self.bank(latent, timestep, sees_reference=sees)
        plan = self.rows.plan(self.conditions, sees_reference=sees, bank=bank, kept=self.kept)
        return self.run(latent, timestep, self.features, plan)

    def run(self, latent: Tensor, timestep: float, features: Features, plan: Any) -> Tensor:
        """One forward pass of all rows."""
        rows = self.rows.repeat(latent).to(features.context.dtype)
        timesteps = torch.full((rows.shape[0],), timestep, dtype=torch.float32, device=latent.device)
        return self.denoiser(rows, timesteps, features, plan).to(latent.dtype)

    def bank(self, latent: Tensor, timestep: float, *, sees_reference: bool) -> Bank | None:
        """The pass over the noised reference whose self-attention inputs are then attended to."""
        injection = self.settings.injection
        way = 1 - timestep / (NUM_TRAIN_TIMESTEPS - 1)
        if injection is None or self.injected is None or way < injection.start:
            return None
        bank = Bank(injection.fidelity, self.rows.conditional, writing=True)
        noise = randn_tensor(
            latent.shape, generator=self.generators, device=latent.device, dtype=latent.dtype
        )
        clean = self.injected.latent
        if self.features.region_colours is not None:
            clean = torch.zeros_like(clean)  # its own colours need no correction
        noised = NoiseSchedule().add_noise(clean, noise, round(timestep))
        plan = self.rows.plan(self.conditions, sees_reference=sees_reference, bank=bank, kept=self.kept)
        self.run(noised, timestep, self.reference_features(injection), plan)
        bank.writing = False
        return bank

    def reference_features(self, injection: Injection) -> Features:
        """The conditions with the reference's own residuals in place of the sketch's."""
        assert self.injected is not None
        residuals = [self.rows.repeat(residual * injection.control) for residual in self.injected.residuals]
        own = self.features
        colours = None if own.region_colours is None else self.rows.repeat(self.injected.latent)
        return Features(own.context, residuals, own.background, own.style, colours)


def denoise(predict: Predictor, scheduler: Any, latent: Tensor, on_step: OnStep | None = None) -> Tensor:
    """Follows a scheduler from its initial sample (B, C, h, w) to the final latent. `on_step` may raise to stop."""
    accepted = inspect.signature(scheduler.step).parameters
    extra = {"generator": predict.generators} if "generator" in accepted else {}
    timesteps = scheduler.timesteps
    for number, timestep in enumerate(timesteps, start=1):
        model_input = scheduler.scale_model_input(latent, timestep)
        prediction = predict(model_input, float(timestep))
        latent = scheduler.step(prediction, timestep, latent, **extra).prev_sample
        if on_step is not None:
            velocity = scheduler.config.prediction_type == Prediction.V.value
            ahead = partial(
                NoiseSchedule().denoised, model_input, prediction, float(timestep), is_velocity=velocity
            )
            on_step(number, len(timesteps), ahead)
    return latent

"""The denoising loop, with classifier-free guidance (arXiv 2207.12598), its window, and attention injection.

Each sample has a CPU generator of its own, so it is the same alone and in a batch. This module handles latents only;
pictures are handled by `pipeline`.
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

from colorizer.engines.colorize_diffusion.attention import Bank, KeyValueCache
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
"""Called after each forward pass with its number (from 1), the total number, and a function that computes the predicted
clean latent (B, C, h, w), for previews."""


@dataclass(frozen=True)
class InjectedReference:
    """Inputs of attention injection: the reference's latent (1, C, h, w) and the residuals of its lines."""

    latent: Tensor
    residuals: Sequence[Tensor]


class Window:
    """The guidance window: the share of the steps in which the reference acts.

    With `parity`, it behaves as in the published program: in v1 the reference stays off once the window has been
    closed, because the emptied context is written back; v1.5 and v2 ignore the window.
    """

    def __init__(self, guidance: Guidance, version: Version, *, parity: bool) -> None:
        self.guidance = guidance
        self.stays_closed = parity and version is Version.V1
        self.ignored = parity and version is not Version.V1
        self.closed_for_good = False

    def is_open(self, timestep: float) -> bool:
        """Whether the reference acts at a time step. To be called with the time steps in order."""
        if self.ignored:
            return True
        is_open = self.guidance.sees_reference(timestep, NUM_TRAIN_TIMESTEPS) and not self.closed_for_good
        self.closed_for_good = self.stays_closed and not is_open
        return is_open


class Predictor:
    """Computes the guided prediction at a time step."""

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
        self.cache: KeyValueCache = {}

    def __call__(self, latent: Tensor, timestep: float) -> Tensor:
        """Latent (B, C, h, w) of unit variance to the guided prediction of the same shape."""
        return self.rows.combine(self.all_rows(latent, timestep), self.settings.guidance)

    def all_rows(self, latent: Tensor, timestep: float) -> Tensor:
        """The predictions of all rows of `guidance.Rows`, not yet combined."""
        sees = self.window.is_open(timestep)
        bank = self.bank(latent, timestep, sees_reference=sees)
        plan = self.rows.plan(self.conditions, sees_reference=sees, bank=bank, cache=self.cache)
        return self.run(latent, timestep, self.features, plan)

    def run(self, latent: Tensor, timestep: float, features: Features, plan: Any) -> Tensor:
        """Runs one forward pass of all rows."""
        rows = self.rows.repeat(latent).to(features.context.dtype)
        timesteps = torch.full((rows.shape[0],), timestep, dtype=torch.float32, device=latent.device)
        return self.denoiser(rows, timesteps, features, plan).to(latent.dtype)

    def bank(self, latent: Tensor, timestep: float, *, sees_reference: bool) -> Bank | None:
        """Runs a forward pass on the noised reference and returns its self-attention inputs (attention injection)."""
        injection = self.settings.injection
        progress = 1 - timestep / (NUM_TRAIN_TIMESTEPS - 1)
        if injection is None or self.injected is None or progress < injection.start:
            return None
        bank = Bank(injection.fidelity, self.rows.conditional, writing=True)
        noise = randn_tensor(
            latent.shape, generator=self.generators, device=latent.device, dtype=latent.dtype
        )
        clean = self.injected.latent
        if self.features.region_colours is not None:
            clean = torch.zeros_like(clean)  # The correction of the reference's own colours is zero.
        noised = NoiseSchedule().add_noise(clean, noise, round(timestep))
        plan = self.rows.plan(self.conditions, sees_reference=sees_reference, bank=bank, cache=self.cache)
        self.run(noised, timestep, self.reference_features(injection), plan)
        bank.writing = False
        return bank

    def reference_features(self, injection: Injection) -> Features:
        """The features with the residuals of the reference in place of the sketch's."""
        assert self.injected is not None
        residuals = [self.rows.repeat(residual * injection.control) for residual in self.injected.residuals]
        own = self.features
        colours = None if own.region_colours is None else self.rows.repeat(self.injected.latent)
        return Features(own.context, residuals, own.background, own.style, colours)


def denoise(predict: Predictor, scheduler: Any, latent: Tensor, on_step: OnStep | None = None) -> Tensor:
    """Denoises a latent (B, C, h, w) with a scheduler; `on_step` may raise to cancel."""
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

"""AnimeDiffusion's noise schedule, samplers and losses (arXiv 2303.11137, section 3), on diffusers' DDIM schedulers.

Pictures are float tensors (B, 3, H, W), RGB, [-1, 1]; a condition is (B, 4, H, W): lines 1, reference 3.
Everything random is handed in, so that the same numbers give the same picture on every device. Which numbers, and
where they come from, is decided in `pipeline` and in the trainer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers import DDIMInverseScheduler, DDIMScheduler
from torch import Tensor

from colorizer.engines.anime_diffusion.unet import AnimeDiffusionUNet

SAMPLING_STEPS = 10
ETA = 1.0
"""Noise put back in each step. Published: 1; the `eta: 0` of the published configuration is never read."""


@dataclass(frozen=True)
class Betas:
    """The linear schedule. It ends at a signal of sqrt(gamma) = 0.08, never at pure noise."""

    time_step: int = 1000
    linear_start: float = 1e-6
    """Beta of the first of 1000 steps; with fewer steps each beta grows in proportion."""
    linear_end: float = 1e-2


PUBLISHED = Betas()


def ddim_scheduler(betas: Betas = PUBLISHED) -> DDIMScheduler:
    """The published sampler: 901, 801, ... 1 for ten steps, ending at gamma 0."""
    scale = 1000 / betas.time_step
    return DDIMScheduler(
        num_train_timesteps=betas.time_step,
        beta_start=scale * betas.linear_start,
        beta_end=scale * betas.linear_end,
        beta_schedule="linear",
        clip_sample=True,
        set_alpha_to_one=False,
        steps_offset=1,
        timestep_spacing="leading",
    )


def add_noise(schedule: DDIMScheduler, clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """The forward process, sqrt(gamma_t) x_0 + sqrt(1 - gamma_t) noise; t is (B,)."""
    noisy: Tensor = schedule.add_noise(clean, noise, t)
    return noisy


def sample(
    unet: AnimeDiffusionUNet,
    schedule: DDIMScheduler,
    start: Tensor,
    condition: Tensor,
    noise: Tensor,
    *,
    eta: float = ETA,
) -> Tensor:
    """DDIM from `start` to a picture; differentiable.

    Args:
        start: x_T, (B, 3, H, W).
        noise: (steps, B, 3, H, W), what each step puts back; without effect where `eta` is 0.

    Returns:
        The picture, (B, 3, H, W), not yet clamped.
    """
    schedule.set_timesteps(len(noise))
    x = start
    for t, put_back in zip(schedule.timesteps, noise, strict=True):
        x = sample_step(unet, schedule, x, condition, t, put_back, eta=eta)
    return x


def sample_step(
    unet: AnimeDiffusionUNet,
    schedule: DDIMScheduler,
    x: Tensor,
    condition: Tensor,
    t: Tensor,
    noise: Tensor,
    *,
    eta: float = ETA,
) -> Tensor:
    """One DDIM step from time `t` (scalar) to the one before it, with the step length of `schedule.timesteps`."""
    predicted = unet(torch.cat([x, condition], dim=1), t.expand(len(x)).to(x.device))
    before: Tensor = schedule.step(predicted, int(t), x, eta=eta, variance_noise=noise).prev_sample
    return before


def schedule_tables(schedule: DDIMScheduler) -> dict[str, Tensor]:
    """The published model's seven buffers, (time steps,) float32 each, by their published names."""
    gammas = schedule.alphas_cumprod
    before = F.pad(gammas[:-1], (1, 0), value=1.0)
    variance = schedule.betas * (1 - before) / (1 - gammas)
    return {
        "gammas": gammas,
        "sqrt_reciprocal_gammas": gammas.reciprocal().sqrt(),
        "sqrt_reciprocal_gammas_m1": (gammas.reciprocal() - 1).sqrt(),
        "posterior_variance": variance,
        "posterior_log_variance": variance.clamp(min=1e-20).log(),
        "posterior_mean_coef1": schedule.betas * before.sqrt() / (1 - gammas),
        "posterior_mean_coef2": (1 - before) * schedule.alphas.sqrt() / (1 - gammas),
    }


def ancestral_step(
    schedule: DDIMScheduler, predicted: Tensor, x: Tensor, t: Tensor, noise: Tensor, *, eta: float = ETA
) -> Tensor:
    """One step of the 1000-step sampler: the posterior's mean, and its noise times `eta`.

    Args:
        predicted: the network's noise at `x`, (B, 3, H, W).
        t: (B,) the time of `x`; at time 0 no noise is put back.
    """
    table = {
        name: values.to(x.device)[t][:, None, None, None]
        for name, values in schedule_tables(schedule).items()
    }
    clean = table["sqrt_reciprocal_gammas"] * x - table["sqrt_reciprocal_gammas_m1"] * predicted
    mean = table["posterior_mean_coef1"] * clean.clamp(-1, 1) + table["posterior_mean_coef2"] * x
    spread = (0.5 * table["posterior_log_variance"]).exp() * (t > 0)[:, None, None, None]
    return mean + eta * spread * noise


@torch.no_grad()
def invert(
    unet: AnimeDiffusionUNet,
    schedule: DDIMScheduler,
    picture: Tensor,
    condition: Tensor,
    noise: Tensor,
    *,
    steps: int = SAMPLING_STEPS,
    parity: bool = False,
) -> Tensor:
    """Walks from a picture to the x_T it would be sampled from (DDIM inversion); the start of phase 2.

    Args:
        noise: (B, 3, H, W); the first step, to time 1, adds it in place of a prediction.
        parity: as published, where the network isn't told the time.

    Returns:
        x_T, (B, 3, H, W).
    """
    # alpha 1 before the first step: the picture itself holds no noise.
    inverse = DDIMInverseScheduler.from_config(schedule.config, set_alpha_to_one=True)
    inverse.set_timesteps(steps)
    x = picture
    predicted = noise
    for index, t in enumerate(inverse.timesteps):
        if index > 0:
            time = inverse.timesteps[index - 1].expand(len(x)).to(x.device)
            predicted = unet(torch.cat([x, condition], dim=1), None if parity else time)
        x = inverse.step(predicted, int(t), x).prev_sample
    return x


def noise_loss(
    unet: AnimeDiffusionUNet,
    schedule: DDIMScheduler,
    picture: Tensor,
    condition: Tensor,
    t: Tensor,
    noise: Tensor,
) -> Tensor:
    """Phase 1: squared error of the predicted noise, summed over everything as published. t is (B,)."""
    noisy = add_noise(schedule, picture, noise, t)
    return F.mse_loss(unet(torch.cat([noisy, condition], dim=1), t), noise, reduction="sum")


@dataclass(frozen=True)
class ReconstructionNoise:
    """What one step of phase 2 draws."""

    first: Tensor
    """(B, 3, H, W), of the inversion's first step."""
    steps: Tensor
    """(steps, B, 3, H, W), of the sampler."""


def reconstruction_loss(
    unet: AnimeDiffusionUNet,
    schedule: DDIMScheduler,
    picture: Tensor,
    condition: Tensor,
    noise: ReconstructionNoise,
    *,
    parity: bool = False,
) -> Tensor:
    """Phase 2, image reconstruction guidance: mean squared error of the picture sampled from its own inversion.

    The gradient runs through every network call of the sampler; switch the network's gradient checkpointing on.
    """
    steps = len(noise.steps)
    start = invert(unet, schedule, picture, condition, noise.first, steps=steps, parity=parity)
    return F.mse_loss(sample(unet, schedule, start, condition, noise.steps), picture)

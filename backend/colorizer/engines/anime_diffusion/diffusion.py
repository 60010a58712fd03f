"""AnimeDiffusion's noise schedule, samplers and losses (arXiv 2303.11137, section 3), on diffusers' DDIM schedulers.

Pictures are float tensors (B, 3, H, W), RGB in [-1, 1]. A condition is (B, 4, H, W): lines 1, reference 3. `pipeline`
and the trainer pass all random numbers in, so that the result is the same on every device.
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
"""DDIM's eta. The published code uses 1 and never reads `eta: 0` of its configuration."""


@dataclass(frozen=True)
class Betas:
    """The linear noise schedule. It does not reach pure noise: at the last step, sqrt(gamma) is 0.08."""

    time_step: int = 1000
    linear_start: float = 1e-6
    """Beta of the first of 1000 steps; with fewer steps, all betas are scaled up in proportion."""
    linear_end: float = 1e-2


PUBLISHED = Betas()


def ddim_scheduler(betas: Betas = PUBLISHED) -> DDIMScheduler:
    """The published sampler, with time steps 901, 801, ... 1 for ten steps."""
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
    """The forward process, sqrt(gamma_t) x_0 + sqrt(1 - gamma_t) noise (arXiv 2006.11239, eq. 4); t is (B,)."""
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
    """Samples a picture with DDIM (Song et al. 2020, arXiv 2010.02502, eq. 12); differentiable.

    Args:
        unet: the network.
        schedule: with its time steps set.
        start: x_T, (B, 3, H, W).
        condition: (B, 4, H, W).
        noise: (steps, B, 3, H, W), the noise added in each step; not used where `eta` is 0.
        eta: scale of the added noise.

    Returns:
        The picture, (B, 3, H, W), not clamped.
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
    """One DDIM step from time `t` (scalar) to the previous time of `schedule.timesteps`."""
    predicted = unet(torch.cat([x, condition], dim=1), t.expand(len(x)).to(x.device))
    before: Tensor = schedule.step(predicted, int(t), x, eta=eta, variance_noise=noise).prev_sample
    return before


def schedule_tables(schedule: DDIMScheduler) -> dict[str, Tensor]:
    """The seven buffers of the published model by their published names, (time steps,) float32 each."""
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
    """One step of the 1000-step ancestral sampler: posterior mean plus noise times `eta` (arXiv 2006.11239, eq. 7).

    Args:
        schedule: the noise schedule.
        predicted: the noise predicted at `x`, (B, 3, H, W).
        x: the sample, (B, 3, H, W).
        t: (B,) the time of `x`; at time 0 no noise is added.
        noise: (B, 3, H, W), standard normal.
        eta: scale of the added noise.
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
    """DDIM inversion: computes the x_T that a picture would be sampled from. Phase 2 of training starts with it.

    Args:
        unet: the network.
        schedule: the noise schedule.
        picture: (B, 3, H, W).
        condition: (B, 4, H, W).
        noise: (B, 3, H, W), used in the first step (to time 1) in place of a prediction.
        steps: number of steps.
        parity: call the network without the time step, as the published code does by mistake.

    Returns:
        x_T, (B, 3, H, W).
    """
    # Alpha is 1 before the first step, because the picture contains no noise.
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
    """Loss of phase 1: the squared error of the predicted noise, summed (not averaged) as published; t is (B,)."""
    noisy = add_noise(schedule, picture, noise, t)
    return F.mse_loss(unet(torch.cat([noisy, condition], dim=1), t), noise, reduction="sum")


@dataclass(frozen=True)
class ReconstructionNoise:
    """Random numbers of one training step in phase 2."""

    first: Tensor
    """(B, 3, H, W), for the first step of the inversion."""
    steps: Tensor
    """(steps, B, 3, H, W), for the sampler."""


def reconstruction_loss(
    unet: AnimeDiffusionUNet,
    schedule: DDIMScheduler,
    picture: Tensor,
    condition: Tensor,
    noise: ReconstructionNoise,
    *,
    parity: bool = False,
) -> Tensor:
    """Loss of phase 2 (image reconstruction guidance): the mean squared error of a picture sampled from its inversion.

    Gradients flow through all network calls of the sampler, so the network should use gradient checkpointing.
    """
    steps = len(noise.steps)
    start = invert(unet, schedule, picture, condition, noise.first, steps=steps, parity=parity)
    return F.mse_loss(sample(unet, schedule, start, condition, noise.steps), picture)

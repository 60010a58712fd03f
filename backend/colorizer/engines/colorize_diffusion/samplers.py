"""The published samplers as diffusers schedulers on the published noise levels.

`make_scheduler` returns a scheduler whose time steps are set. The caller multiplies unit noise by `initial_scale` and
then runs diffusers' usual loop. Four samplers are diffusers' schedulers with their own time steps (names starting
with "diffuser"). The others are diffusers' solvers, and three of `solvers`, with the sigmas of `noise`. "DPM
adaptive" is not offered, because it chooses its number of steps by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    DPMSolverSDEScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    KDPM2AncestralDiscreteScheduler,
    KDPM2DiscreteScheduler,
    LMSDiscreteScheduler,
    PNDMScheduler,
)
from torch import Tensor

from colorizer.engines.colorize_diffusion.noise import BETA_END, BETA_START, NoiseSchedule, Spacing
from colorizer.engines.colorize_diffusion.settings import Prediction
from colorizer.engines.colorize_diffusion.solvers import (
    DPMSolver2SAncestralScheduler,
    DPMSolverFastScheduler,
    SingleStepScheduler,
    ThirdOrderSDEScheduler,
)
from colorizer.errors import InvalidInput

MAX_STEPS = 100
MIN_PNDM_STEPS = 4


class Sampler(str, Enum):
    """The published samplers under their published names."""

    DDIM = "diffuser_ddim"
    DPM = "diffuser_dpm"
    PNDM = "diffuser_pndm"
    LMS_LEADING = "diffuser_lms"
    DPMPP_2M = "DPM++ 2M"
    DPMPP_SDE = "DPM++ SDE"
    DPMPP_2M_SDE = "DPM++ 2M SDE"
    DPMPP_2M_SDE_HEUN = "DPM++ 2M SDE Heun"
    DPMPP_2S_A = "DPM++ 2S a"
    DPMPP_3M_SDE = "DPM++ 3M SDE"
    EULER_A = "Euler a"
    EULER = "Euler"
    LMS = "LMS"
    HEUN = "Heun"
    DPM2 = "DPM2"
    DPM2_A = "DPM2 a"
    DPM_FAST = "DPM fast"


@dataclass(frozen=True)
class Solver:
    """A diffusers scheduler class that runs on given sigmas, and its options."""

    scheduler: type
    options: dict[str, Any]
    spacing: Spacing = Spacing.UNIFORM
    """The spacing that "Automatic" stands for."""
    skips_second_last: bool = False
    """Whether the penultimate sigma is left out; one more sigma is computed to keep the number of steps."""


BETAS = {"beta_start": BETA_START, "beta_end": BETA_END, "beta_schedule": "scaled_linear"}
SDE = {**BETAS, "algorithm_type": "sde-dpmsolver++"}
SOLVERS = {
    Sampler.DPMPP_2M: Solver(DPMSolverMultistepScheduler, BETAS, Spacing.KARRAS),
    Sampler.DPMPP_SDE: Solver(DPMSolverSDEScheduler, BETAS, Spacing.KARRAS),
    Sampler.DPMPP_2M_SDE: Solver(DPMSolverMultistepScheduler, SDE, Spacing.EXPONENTIAL),
    Sampler.DPMPP_2M_SDE_HEUN: Solver(
        DPMSolverMultistepScheduler, {**SDE, "solver_type": "heun"}, Spacing.EXPONENTIAL
    ),
    Sampler.DPMPP_2S_A: Solver(DPMSolver2SAncestralScheduler, {}, Spacing.KARRAS),
    Sampler.DPMPP_3M_SDE: Solver(ThirdOrderSDEScheduler, {}, Spacing.EXPONENTIAL, skips_second_last=True),
    Sampler.EULER_A: Solver(EulerAncestralDiscreteScheduler, BETAS),
    Sampler.EULER: Solver(EulerDiscreteScheduler, BETAS),
    Sampler.LMS: Solver(LMSDiscreteScheduler, BETAS),
    Sampler.HEUN: Solver(HeunDiscreteScheduler, BETAS),
    Sampler.DPM2: Solver(KDPM2DiscreteScheduler, BETAS, Spacing.KARRAS, skips_second_last=True),
    Sampler.DPM2_A: Solver(KDPM2AncestralDiscreteScheduler, BETAS, Spacing.KARRAS, skips_second_last=True),
    Sampler.DPM_FAST: Solver(DPMSolverFastScheduler, {}),
}
LEADING = {"timestep_spacing": "leading", "steps_offset": 1}
TWO_PASS = (
    HeunDiscreteScheduler,
    KDPM2DiscreteScheduler,
    KDPM2AncestralDiscreteScheduler,
    DPMSolverSDEScheduler,
)
VARIANCE_PRESERVING = (DPMSolverMultistepScheduler,)
"""Solvers whose samples have unit variance; the samples of the others have the variance of the noise level."""


def sigmas_of(sampler: Sampler, spacing: Spacing, steps: int) -> Tensor:
    """The descending sigmas of a sampler of `SOLVERS`, with a final 0: (steps + 1,)."""
    solver = SOLVERS[sampler]
    spacing = solver.spacing if spacing is Spacing.AUTOMATIC else spacing
    if not solver.skips_second_last:
        return NoiseSchedule().spaced_sigmas(spacing, steps)
    sigmas = NoiseSchedule().spaced_sigmas(spacing, steps + 1)
    return torch.cat([sigmas[:-2], sigmas[-1:]])


def make_scheduler(
    sampler: Sampler, spacing: Spacing, steps: int, prediction: Prediction, seeds: Sequence[int] = (0,)
) -> Any:
    """Creates a scheduler with its time steps set.

    Args:
        sampler: the published sampler.
        spacing: the spacing of its steps; ignored by diffusers' own set-ups except for Karras.
        steps: number of steps.
        prediction: what the network predicts.
        seeds: one per sample; used only by "DPM++ SDE", which has its own Brownian path. The other samplers take
            generators at each step.

    Raises:
        InvalidInput: for a number of steps that the sampler does not support.
    """
    least = MIN_PNDM_STEPS if sampler is Sampler.PNDM else 1
    if not least <= steps <= MAX_STEPS:
        raise InvalidInput(f"{sampler.value} takes {least} to {MAX_STEPS} steps, not {steps}.")
    options: dict[str, Any] = {"prediction_type": prediction.value}
    if sampler is Sampler.DPMPP_SDE:
        options["noise_sampler_seed"] = list(seeds)
    if sampler in SOLVERS:
        return _on_sigmas(SOLVERS[sampler], sigmas_of(sampler, spacing, steps), options)
    options |= {**BETAS, **LEADING}
    karras = {"use_karras_sigmas": spacing is Spacing.KARRAS}
    scheduler: Any
    if sampler is Sampler.DDIM:
        scheduler = DDIMScheduler(**options, clip_sample=False)
    elif sampler is Sampler.PNDM:
        scheduler = PNDMScheduler(**options)
    elif sampler is Sampler.DPM:
        scheduler = DPMSolverMultistepScheduler(**options, **karras)
    else:
        scheduler = LMSDiscreteScheduler(**options, **karras)
    scheduler.set_timesteps(steps)
    return scheduler


def _on_sigmas(solver: Solver, sigmas: Tensor, options: dict[str, Any]) -> Any:
    """Creates a scheduler with given sigmas and their fractional time steps."""
    schedule = NoiseSchedule()
    steps = len(sigmas) - 1
    if issubclass(solver.scheduler, TWO_PASS):
        walking = type(
            solver.scheduler.__name__, (_GivenSigmas, solver.scheduler), {"given_sigmas": sigmas[:-1]}
        )
        scheduler = walking(**options, **solver.options, use_exponential_sigmas=True)
        scheduler.set_timesteps(steps)
        return scheduler
    scheduler = solver.scheduler(**options, **solver.options)
    if isinstance(scheduler, SingleStepScheduler):
        scheduler.set_timesteps(sigmas)
        return scheduler
    scheduler.set_timesteps(steps)
    scheduler.sigmas = sigmas
    scheduler.timesteps = schedule.timestep_of(sigmas[:-1])
    scheduler.set_begin_index(0)
    return scheduler


class _GivenSigmas:
    """Replaces the exponential sigmas of a diffusers scheduler that evaluates between its steps by given sigmas."""

    given_sigmas: Tensor

    def _convert_to_exponential(self, in_sigmas: Any, num_inference_steps: int) -> Any:  # noqa: ARG002
        return self.given_sigmas.numpy()

    def _sigma_to_t(self, sigma: Any, log_sigmas: Any) -> Any:  # noqa: ARG002
        return (
            NoiseSchedule().timestep_of(torch.as_tensor(np.asarray(sigma, dtype=np.float32)[None]))[0].numpy()
        )


def initial_scale(sampler: Sampler, scheduler: Any) -> float:
    """The factor of the initial unit noise: the first noise level, as in the published program."""
    if sampler not in SOLVERS:
        return float(scheduler.init_noise_sigma)
    first = float(scheduler.sigmas[0])
    return first / (first**2 + 1) ** 0.5 if isinstance(scheduler, VARIANCE_PRESERVING) else first

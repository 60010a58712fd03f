"""Solvers that diffusers lacks, as diffusers schedulers: DPM-Solver++ 2S ancestral, DPM-Solver-fast, third-order SDE.

They follow k-diffusion's samplers, which the published program uses (DPM-Solver: Lu et al. 2022, arXiv 2206.00927;
DPM-Solver++: Lu et al. 2022, arXiv 2211.01095). `samplers` sets their sigmas and time steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DPMSolverMultistepScheduler, SchedulerMixin
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.schedulers.scheduling_utils import SchedulerOutput
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from colorizer.engines.colorize_diffusion.noise import BETA_END, BETA_START, NoiseSchedule

MIDPOINT_PASSES = 2


class ThirdOrderSDEScheduler(DPMSolverMultistepScheduler):
    """DPM-Solver++ 3M SDE with the sign of k-diffusion's third term.

    WORKAROUND: diffusers 0.42 adds D2 times (1 - e^-2h - 2h) / (2h)^2 - 1/2, where the series has + 1/2; see
    https://github.com/huggingface/diffusers/blob/main/src/diffusers/schedulers/scheduling_dpmsolver_multistep.py.
    To be removed when that formula changes.
    """

    @register_to_config
    def __init__(self, prediction_type: str = "epsilon") -> None:
        super().__init__(
            beta_start=BETA_START,
            beta_end=BETA_END,
            beta_schedule="scaled_linear",
            prediction_type=prediction_type,
            algorithm_type="sde-dpmsolver++",
            solver_order=3,
            solver_type="heun",
            lower_order_final=False,
        )

    def multistep_dpm_solver_third_order_update(
        self, model_output_list: list[Tensor], sample: Tensor, noise: Tensor | None = None, **_: Any
    ) -> Tensor:
        """diffusers' update with the missing D2 alpha_t added."""
        update: Tensor = super().multistep_dpm_solver_third_order_update(
            model_output_list, sample=sample, noise=noise
        )
        alpha, sigma = self._sigma_to_alpha_sigma_t(self.sigmas[self.step_index - 2 : self.step_index + 2])
        h_1, h_0, h = (alpha.log() - sigma.log()).diff()
        m2, m1, m0 = model_output_list[-3:]
        d1_0, d1_1 = (m0 - m1) * (h / h_0), (m1 - m2) * (h / h_1)
        return update + alpha[-1] * (d1_0 - d1_1) * h / (h_0 + h_1)


def ancestral_step(level: Tensor, following: Tensor) -> tuple[Tensor, Tensor]:
    """Splits an ancestral step between two sigmas: the sigma to step down to, and the noise to add there (eta 1)."""
    up = torch.minimum(following, (following**2 * (level**2 - following**2) / level**2).sqrt())
    return (following**2 - up**2).sqrt(), up


@dataclass(frozen=True)
class SolverStep:
    """One step: from sigma `level` to sigma `target` in a number of forward passes, then added noise."""

    level: Tensor
    target: Tensor
    noise: Tensor
    passes: int

    def sigma(self, number: int) -> Tensor:
        """The sigma at which forward pass `number` (from 0) evaluates the network: evenly spaced in log sigma."""
        return self.level * (self.target / self.level) ** (number / self.passes) if number else self.level


class SingleStepScheduler(SchedulerMixin, ConfigMixin):
    """A single-step solver: a step has several forward passes at intermediate sigmas. Subclasses define `advance`."""

    order = 1

    @register_to_config
    def __init__(self, prediction_type: str = "epsilon") -> None:  # noqa: ARG002 - kept by the decorator
        self.sigmas = torch.empty(0)
        self._calls: list[tuple[SolverStep, int]] = []
        self._at = 0
        self._start = torch.empty(0)
        self._slopes: list[Tensor] = []

    def solver_steps(self, sigmas: Tensor) -> list[SolverStep]:
        """The steps for descending sigmas with a final 0."""
        raise NotImplementedError

    def advance(self, solver_step: SolverStep, start: Tensor, slopes: list[Tensor]) -> Tensor:
        """The sample after the forward passes of a step so far.

        Args:
            solver_step: the step.
            start: the sample at the start of the step.
            slopes: the predicted noise of each forward pass so far.
        """
        raise NotImplementedError

    @property
    def timesteps(self) -> Tensor:
        """One time step per forward pass."""
        return NoiseSchedule().timestep_of(
            torch.stack([solver_step.sigma(number) for solver_step, number in self._calls])
        )

    def set_timesteps(self, sigmas: Tensor) -> None:
        """Sets the descending sigmas with a final 0."""
        self.sigmas = sigmas
        solver_steps = self.solver_steps(sigmas)
        self._calls = [
            (solver_step, number) for solver_step in solver_steps for number in range(solver_step.passes)
        ]
        self._at, self._slopes = 0, []

    def scale_model_input(self, sample: Tensor, timestep: Any) -> Tensor:  # noqa: ARG002
        """Scales a sample to unit variance."""
        solver_step, number = self._calls[self._at]
        return sample / (solver_step.sigma(number) ** 2 + 1) ** 0.5

    def step(
        self,
        model_output: Tensor,
        timestep: Any,  # noqa: ARG002 - the interface of a diffusers scheduler
        sample: Tensor,
        generator: torch.Generator | list[torch.Generator] | None = None,
    ) -> SchedulerOutput:
        """Advances the sample by one forward pass."""
        solver_step, number = self._calls[self._at]
        self._at += 1
        if number == 0:
            self._start, self._slopes = sample, []
        self._slopes.append(self._noise_in(model_output, sample, solver_step.sigma(number)))
        following = self.advance(solver_step, self._start, self._slopes)
        if number == solver_step.passes - 1 and self._at < len(self._calls):
            noise = randn_tensor(sample.shape, generator=generator, device=sample.device, dtype=sample.dtype)
            following = following + noise * solver_step.noise
        return SchedulerOutput(prev_sample=following)

    def _noise_in(self, prediction: Tensor, sample: Tensor, sigma: Tensor) -> Tensor:
        """Converts a prediction to noise: (sample - denoised) / sigma."""
        if self.config.prediction_type == "epsilon":
            return prediction
        return sample * sigma / (sigma**2 + 1) + prediction / (sigma**2 + 1) ** 0.5


class DPMSolver2SAncestralScheduler(SingleStepScheduler):
    """DPM-Solver++(2S) (arXiv 2211.01095, algorithm 1) with ancestral noise after each step."""

    def solver_steps(self, sigmas: Tensor) -> list[SolverStep]:
        """Two forward passes per step, one for the last."""
        steps = []
        for level, following in zip(sigmas[:-1], sigmas[1:], strict=True):
            down, up = ancestral_step(level, following)
            steps.append(SolverStep(level, down, up, 2 if down > 0 else 1))
        return steps

    def advance(self, solver_step: SolverStep, start: Tensor, slopes: list[Tensor]) -> Tensor:
        """Moves the sample to the next pass's sigma, or to the target, with the latest denoised estimate."""
        target = solver_step.sigma(1) if len(slopes) < solver_step.passes else solver_step.target
        ratio = target / solver_step.level
        looked_at = solver_step.sigma(len(slopes) - 1)
        sample = start if len(slopes) == 1 else self.advance(solver_step, start, slopes[:1])
        denoised = sample - looked_at * slopes[-1]
        return ratio * start + (1 - ratio) * denoised


class DPMSolverFastScheduler(SingleStepScheduler):
    """DPM-Solver-fast (arXiv 2206.00927): steps of order 3, the last ones of a lower order, with ancestral noise.

    As in k-diffusion, it ends at the smallest sigma of the training schedule, not at 0.
    """

    def solver_steps(self, sigmas: Tensor) -> list[SolverStep]:
        """Steps evenly spaced in log sigma, with as many forward passes in total as there are sigmas."""
        # The last given sigma before 0 is not used as the end: it is large with some spacings or with a single step.
        first, last, passes = sigmas[0], NoiseSchedule().sigmas.min(), len(sigmas) - 1
        count = passes // 3 + 1
        orders = [3] * (count - 2) + [2, 1] if passes % 3 == 0 else [3] * (count - 1) + [passes % 3]
        levels = torch.linspace(float(first.log()), float(last.log()), count + 1).exp()
        steps = []
        for level, following, order in zip(levels[:-1], levels[1:], orders, strict=True):
            target = torch.maximum(last, ancestral_step(level, following)[0])
            steps.append(SolverStep(level, target, (following**2 - target**2).clamp(min=0).sqrt(), order))
        return steps

    def advance(self, solver_step: SolverStep, start: Tensor, slopes: list[Tensor]) -> Tensor:
        """DPM-Solver-1, -2 and -3 (arXiv 2206.00927): the first pass is of order 1, later passes correct it."""
        made = len(slopes)
        target = solver_step.target if made == solver_step.passes else solver_step.sigma(made)
        h = (solver_step.level / target).log()
        ahead = start - target * torch.expm1(h) * slopes[0]
        if made == 1:
            return ahead
        correction = target * (slopes[-1] - slopes[0])
        if solver_step.passes == MIDPOINT_PASSES:
            return ahead - correction * torch.expm1(h)
        share = (made - 1) / made  # the latest slope's position within the step
        return ahead - correction * (torch.expm1(h) / h - 1) / share

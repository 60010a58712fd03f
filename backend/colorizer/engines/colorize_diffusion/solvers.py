"""Solvers that diffusers lacks, as diffusers schedulers: DPM-Solver++ 2S ancestral, DPM-Solver-fast, third-order SDE.

All follow the published programs' k-diffusion samplers (Lu et al. 2022, arXiv 2211.01095). `samplers` sets their
sigmas and time steps.
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
    """From one sigma to the next: the sigma stepped down to, and how much noise is added there (eta 1)."""
    up = torch.minimum(following, (following**2 * (level**2 - following**2) / level**2).sqrt())
    return (following**2 - up**2).sqrt(), up


@dataclass(frozen=True)
class Stride:
    """One step: from a sigma down to another with a number of forward passes, then noise."""

    level: Tensor
    target: Tensor
    noise: Tensor
    passes: int

    def sigma(self, number: int) -> Tensor:
        """Where forward pass `number` looks: evenly spaced in log sigma."""
        return self.level * (self.target / self.level) ** (number / self.passes) if number else self.level


class SingleStepScheduler(SchedulerMixin, ConfigMixin):
    """A solver whose steps look ahead by themselves; what a look-ahead is made of is its subclass's `advance`."""

    order = 1

    @register_to_config
    def __init__(self, prediction_type: str = "epsilon") -> None:  # noqa: ARG002 - kept by the decorator
        self.sigmas = torch.empty(0)
        self._calls: list[tuple[Stride, int]] = []
        self._at = 0
        self._start = torch.empty(0)
        self._slopes: list[Tensor] = []

    def strides(self, sigmas: Tensor) -> list[Stride]:
        """The steps for falling sigmas with a final 0."""
        raise NotImplementedError

    def advance(self, stride: Stride, start: Tensor, slopes: list[Tensor]) -> Tensor:
        """The sample after the passes made so far, from the step's first sample and the noise found in each."""
        raise NotImplementedError

    @property
    def timesteps(self) -> Tensor:
        """One time step per forward pass."""
        return NoiseSchedule().timestep_of(
            torch.stack([stride.sigma(number) for stride, number in self._calls])
        )

    def set_timesteps(self, sigmas: Tensor) -> None:
        """Falling sigmas with a final 0."""
        self.sigmas = sigmas
        strides = self.strides(sigmas)
        self._calls = [(stride, number) for stride in strides for number in range(stride.passes)]
        self._at, self._slopes = 0, []

    def scale_model_input(self, sample: Tensor, timestep: Any) -> Tensor:  # noqa: ARG002
        """Brings a sample to unit variance."""
        stride, number = self._calls[self._at]
        return sample / (stride.sigma(number) ** 2 + 1) ** 0.5

    def step(
        self,
        model_output: Tensor,
        timestep: Any,  # noqa: ARG002 - the door of a diffusers scheduler
        sample: Tensor,
        generator: torch.Generator | list[torch.Generator] | None = None,
    ) -> SchedulerOutput:
        """One forward pass further."""
        stride, number = self._calls[self._at]
        self._at += 1
        if number == 0:
            self._start, self._slopes = sample, []
        self._slopes.append(self._noise_in(model_output, sample, stride.sigma(number)))
        following = self.advance(stride, self._start, self._slopes)
        if number == stride.passes - 1 and self._at < len(self._calls):
            noise = randn_tensor(sample.shape, generator=generator, device=sample.device, dtype=sample.dtype)
            following = following + noise * stride.noise
        return SchedulerOutput(prev_sample=following)

    def _noise_in(self, prediction: Tensor, sample: Tensor, sigma: Tensor) -> Tensor:
        """The prediction as noise: (sample - denoised) / sigma."""
        if self.config.prediction_type == "epsilon":
            return prediction
        return sample * sigma / (sigma**2 + 1) + prediction / (sigma**2 + 1) ** 0.5


class DPMSolver2SAncestralScheduler(SingleStepScheduler):
    """DPM-Solver++ 2S ancestral: each step looks half way (in log sigma) to a lower level and then adds noise."""

    def strides(self, sigmas: Tensor) -> list[Stride]:
        """Two passes a step, one for the last."""
        steps = []
        for level, following in zip(sigmas[:-1], sigmas[1:], strict=True):
            down, up = ancestral_step(level, following)
            steps.append(Stride(level, down, up, 2 if down > 0 else 1))
        return steps

    def advance(self, stride: Stride, start: Tensor, slopes: list[Tensor]) -> Tensor:
        """To where the next pass looks, or to the target, with the newest denoised estimate."""
        target = stride.sigma(1) if len(slopes) < stride.passes else stride.target
        ratio = target / stride.level
        looked_at = stride.sigma(len(slopes) - 1)
        sample = start if len(slopes) == 1 else self.advance(stride, start, slopes[:1])
        denoised = sample - looked_at * slopes[-1]
        return ratio * start + (1 - ratio) * denoised


class DPMSolverFastScheduler(SingleStepScheduler):
    """DPM-Solver-fast (Lu et al. 2022, arXiv 2206.00927): steps of order 3, at the end lower, with ancestral noise.

    As published it ends at the smallest trained sigma, not at 0.
    """

    def strides(self, sigmas: Tensor) -> list[Stride]:
        """As many forward passes as there are sigmas, in steps evenly spaced in log sigma."""
        # not the last sigma before 0, which with one step is the first, and with some spacings is large
        first, last, passes = sigmas[0], NoiseSchedule().sigmas.min(), len(sigmas) - 1
        count = passes // 3 + 1
        orders = [3] * (count - 2) + [2, 1] if passes % 3 == 0 else [3] * (count - 1) + [passes % 3]
        levels = torch.linspace(float(first.log()), float(last.log()), count + 1).exp()
        steps = []
        for level, following, order in zip(levels[:-1], levels[1:], orders, strict=True):
            target = torch.maximum(last, ancestral_step(level, following)[0])
            steps.append(Stride(level, target, (following**2 - target**2).clamp(min=0).sqrt(), order))
        return steps

    def advance(self, stride: Stride, start: Tensor, slopes: list[Tensor]) -> Tensor:
        """DPM-Solver's singlestep formulas: the first look-ahead is of order 1, later ones correct its slope."""
        made = len(slopes)
        target = stride.target if made == stride.passes else stride.sigma(made)
        h = (stride.level / target).log()
        ahead = start - target * torch.expm1(h) * slopes[0]
        if made == 1:
            return ahead
        correction = target * (slopes[-1] - slopes[0])
        if stride.passes == MIDPOINT_PASSES:
            return ahead - correction * torch.expm1(h)
        share = (made - 1) / made  # how far of the way the newest slope was found
        return ahead - correction * (torch.expm1(h) / h - 1) / share

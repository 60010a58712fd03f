"""Two solvers that diffusers lacks, as diffusers schedulers: DPM-Solver++ 2S ancestral and a right third-order SDE.

Both follow the published programs' k-diffusion samplers (Lu et al. 2022, arXiv 2211.01095). `samplers` sets their
sigmas and time steps.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers import DPMSolverMultistepScheduler, SchedulerMixin
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.schedulers.scheduling_utils import SchedulerOutput
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from colorizer.engines.colorize_diffusion.noise import BETA_END, BETA_START, NoiseSchedule


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


class DPMSolver2SAncestralScheduler(SchedulerMixin, ConfigMixin):
    """DPM-Solver++ 2S ancestral: each step looks half way (in log sigma) to a lower level and then adds noise."""

    order = 2

    @register_to_config
    def __init__(self, prediction_type: str = "epsilon") -> None:  # noqa: ARG002 - kept by the decorator
        self.schedule = NoiseSchedule()
        self.sigmas = torch.empty(0)
        self._calls: list[tuple[int, Tensor]] = []
        self._at = 0
        self._half_way: Tensor | None = None

    @property
    def timesteps(self) -> Tensor:
        """One time step per forward pass."""
        return self.schedule.timestep_of(torch.stack([sigma for _, sigma in self._calls]))

    def set_timesteps(self, sigmas: Tensor) -> None:
        """Falling sigmas with a final 0."""
        self.sigmas = sigmas
        self._calls = []
        for step in range(len(sigmas) - 1):
            self._calls.append((step, sigmas[step]))
            down, _ = self._levels(step)
            if down > 0:
                self._calls.append((step, (sigmas[step] * down).sqrt()))
        self._at, self._half_way = 0, None

    def _levels(self, step: int) -> tuple[Tensor, Tensor]:
        """The level stepped down to, and how much noise is added afterwards."""
        level, following = self.sigmas[step], self.sigmas[step + 1]
        up = torch.minimum(following, (following**2 * (level**2 - following**2) / level**2).sqrt())
        return (following**2 - up**2).sqrt(), up

    def scale_model_input(self, sample: Tensor, timestep: Any) -> Tensor:  # noqa: ARG002
        """Brings a sample to unit variance."""
        _, sigma = self._calls[self._at]
        return sample / (sigma**2 + 1) ** 0.5

    def _denoised(self, prediction: Tensor, sample: Tensor, sigma: Tensor) -> Tensor:
        if self.config.prediction_type == "epsilon":
            return sample - sigma * prediction
        return sample / (sigma**2 + 1) - prediction * sigma / (sigma**2 + 1) ** 0.5

    def step(
        self,
        model_output: Tensor,
        timestep: Any,  # noqa: ARG002 - the door of a diffusers scheduler
        sample: Tensor,
        generator: torch.Generator | list[torch.Generator] | None = None,
    ) -> SchedulerOutput:
        """One forward pass further; the first of a step returns the half-way sample."""
        step, sigma = self._calls[self._at]
        denoised = self._denoised(model_output, sample, sigma)
        self._at += 1
        down, up = self._levels(step)
        level = self.sigmas[step]
        if down > 0 and self._half_way is None:
            self._half_way = sample
            ratio = (down / level).sqrt()
            return SchedulerOutput(prev_sample=ratio * sample + (1 - ratio) * denoised)
        start = sample if self._half_way is None else self._half_way
        self._half_way = None
        ratio = down / level
        following = ratio * start + (1 - ratio) * denoised
        if self.sigmas[step + 1] > 0:
            noise = randn_tensor(sample.shape, generator=generator, device=sample.device, dtype=sample.dtype)
            following = following + noise * up
        return SchedulerOutput(prev_sample=following)

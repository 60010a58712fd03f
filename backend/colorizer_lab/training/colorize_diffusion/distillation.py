"""Few-step distillation of a trained model to a student that needs four steps and no guidance.

One step of the student is trained to reach the result of five guided Euler steps of the teacher. This is progressive
distillation (Salimans and Ho 2022, arXiv 2202.00512) in a single stage, with the guidance distilled into the student
(Meng et al. 2023, arXiv 2210.03142). Sample the product with `Euler`, spacing `SGM Uniform`, 4 steps, guidance 1.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from colorizer.engines.colorize_diffusion.attention import AttentionPlan
from colorizer.engines.colorize_diffusion.denoiser import Denoiser, Features
from colorizer.engines.colorize_diffusion.noise import NUM_TRAIN_TIMESTEPS, NoiseSchedule, Spacing
from colorizer.engines.colorize_diffusion.settings import Prediction
from torch import Tensor

from colorizer_lab.training.colorize_diffusion.batches import Batch
from colorizer_lab.training.colorize_diffusion.model import Conditioned, shown

STUDENT_STEPS = 4
TEACHER_STEPS = 5
"""Steps of the teacher for one step of the student."""
HEAVIEST = 5.0
"""Largest weight of a sample's loss; without it, samples with little noise would outweigh all others."""


class Distilling(Conditioned):
    """The student is the model's own UNet; the teacher is a frozen copy of it."""

    sigmas: Tensor

    def __init__(self, model: Any, config: Any) -> None:
        super().__init__(model, config)
        unet = copy.deepcopy(model.unet).requires_grad_(False)
        self._teacher = Denoiser(unet, model.warp, model.style)
        self.teacher_unet = unet
        schedule = NoiseSchedule()
        self.register_buffer(
            "sigmas", schedule.spaced_sigmas(Spacing.SGM_UNIFORM, STUDENT_STEPS), persistent=False
        )

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """The state without the teacher."""
        state = super().state_dict(*args, **kwargs)
        return {name: value for name, value in state.items() if "teacher_unet" not in name}

    def forward(self, batch: Batch) -> Tensor:
        """The error of the student's clean latent against the one that leads to the teacher's result."""
        features, plan = self.conditions(batch, shown(self.config, self.version, float(batch.variant[0])))
        clean = self.clean(batch, features)
        level = batch.timesteps * STUDENT_STEPS // NUM_TRAIN_TIMESTEPS
        start, end = self.sigmas[level].view(-1, 1, 1, 1), self.sigmas[level + 1].view(-1, 1, 1, 1)
        noisy = clean + start * batch.noise
        with torch.no_grad():
            arrived = self._follow_teacher(noisy, start, end, features, plan)
            wanted = noisy - start * (noisy - arrived) / (start - end)
        student = self._clean(self.denoiser, noisy, start, features, plan)
        weight = (1 / start**2).clamp(1.0, HEAVIEST)
        return (weight * F.mse_loss(student.float(), wanted, reduction="none")).mean()

    def _follow_teacher(
        self, noisy: Tensor, start: Tensor, end: Tensor, features: Features, plan: AttentionPlan
    ) -> Tensor:
        """Guided Euler steps, evenly spaced in time, from one noise level to another."""
        schedule = NoiseSchedule()
        first, last = self._timestep(start), self._timestep(end.clamp(min=float(schedule.sigmas[0])))
        sigma = start
        for number in range(1, TEACHER_STEPS):
            t = first + (last - first) * number / TEACHER_STEPS
            following = schedule.sigma_at(t.cpu()).to(noisy.device).view(-1, 1, 1, 1)
            noisy = self._teacher_step(noisy, sigma, following, features, plan)
            sigma = following
        return self._teacher_step(noisy, sigma, end, features, plan)

    def _teacher_step(
        self, noisy: Tensor, sigma: Tensor, following: Tensor, features: Features, plan: AttentionPlan
    ) -> Tensor:
        clean = self._guided(noisy, sigma, features, plan)
        return noisy + (following - sigma) * (noisy - clean) / sigma

    def _guided(self, noisy: Tensor, sigma: Tensor, features: Features, plan: AttentionPlan) -> Tensor:
        with_reference = self._clean(self._teacher, noisy, sigma, features, plan)
        if self.config.guidance == 1:
            return with_reference
        blind = replace(plan, rows_with_reference=0)
        without = self._clean(self._teacher, noisy, sigma, features, blind)
        return without + (with_reference - without) * self.config.guidance

    def _clean(
        self, denoiser: Denoiser, noisy: Tensor, sigma: Tensor, features: Features, plan: AttentionPlan
    ) -> Tensor:
        """The clean latent according to a network; `noisy` is the clean latent plus sigma times noise."""
        scale = (sigma**2 + 1).sqrt()
        answer = denoiser(noisy / scale, self._timestep(sigma), features, plan)
        if self.prediction is Prediction.V:
            return noisy / scale**2 - answer * sigma / scale
        return noisy - sigma * answer

    def _timestep(self, sigma: Tensor) -> Tensor:
        """The time steps (B,) of sigmas (B, 1, 1, 1)."""
        return NoiseSchedule().timestep_of(sigma.flatten().cpu()).to(sigma.device)

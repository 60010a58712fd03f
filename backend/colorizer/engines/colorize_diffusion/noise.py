"""The noise schedule of Stable Diffusion, and the published spacings of n steps on it.

Sigmas are the noise levels of a variance-exploding process: sigma^2 = (1 - alpha) / alpha, where alpha is the
cumulative product of DDPM (Ho et al. 2020, arXiv 2006.11239). `samplers` passes them to diffusers' solvers. The
schedule has no zero terminal SNR (arXiv 2305.08891), because no published model was trained with it.
"""

from __future__ import annotations

from enum import Enum
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

BETA_START = 0.00085
BETA_END = 0.012
NUM_TRAIN_TIMESTEPS = 1000


class Spacing(str, Enum):
    """How the steps are spaced; the values are the names shown in other programs."""

    AUTOMATIC = "Automatic"
    UNIFORM = "Uniform"
    KARRAS = "Karras"
    EXPONENTIAL = "Exponential"
    POLYEXPONENTIAL = "Polyexponential"
    SGM_UNIFORM = "SGM Uniform"


class NoiseSchedule:
    """The 1000 training steps, with Stable Diffusion's `scaled_linear` betas: their square roots are evenly spaced."""

    @cached_property
    def betas(self) -> Tensor:
        """(1000,) float32, computed in float64."""
        roots = torch.linspace(BETA_START**0.5, BETA_END**0.5, NUM_TRAIN_TIMESTEPS, dtype=torch.float64)
        return (roots**2).float()

    @cached_property
    def alphas_cumprod(self) -> Tensor:
        """(1000,) float32, computed in float64."""
        roots = torch.linspace(BETA_START**0.5, BETA_END**0.5, NUM_TRAIN_TIMESTEPS, dtype=torch.float64)
        return torch.from_numpy(np.cumprod(1.0 - (roots**2).numpy())).float()

    @cached_property
    def sigmas(self) -> Tensor:
        """(1000,) float32, ascending."""
        return ((1 - self.alphas_cumprod) / self.alphas_cumprod) ** 0.5

    def sigma_at(self, timesteps: Tensor) -> Tensor:
        """Sigma at time steps that may be fractional; log sigma is interpolated linearly."""
        below = timesteps.floor().long()
        above = timesteps.ceil().long()
        weight = timesteps - timesteps.floor()
        log_sigmas = self.sigmas.log()
        return ((1 - weight) * log_sigmas[below] + weight * log_sigmas[above]).exp()

    def timestep_of(self, sigma: Tensor) -> Tensor:
        """The fractional time step with that sigma, 0..999."""
        log_sigmas = self.sigmas.log()
        distances = sigma.log() - log_sigmas[:, None]
        low = distances.ge(0).cumsum(dim=0).argmax(dim=0).clamp(max=len(log_sigmas) - 2)
        below, above = log_sigmas[low], log_sigmas[low + 1]
        weight = ((below - sigma.log()) / (below - above)).clamp(0, 1)
        return ((1 - weight) * low + weight * (low + 1)).view(sigma.shape)

    def add_noise(self, latent: Tensor, noise: Tensor, timestep: int) -> Tensor:
        """Adds the noise of a training step to a latent (arXiv 2006.11239, eq. 4)."""
        alpha = float(self.alphas_cumprod[timestep])
        return latent * alpha**0.5 + noise * (1 - alpha) ** 0.5

    def denoised(self, noisy: Tensor, prediction: Tensor, timestep: float, *, is_velocity: bool) -> Tensor:
        """The clean latent according to a prediction of noise or of velocity (Salimans and Ho 2022, arXiv 2202.00512).

        Args:
            noisy: the network's input, scaled to unit variance.
            prediction: the network's output.
            timestep: may be fractional.
            is_velocity: whether the network predicts velocity.
        """
        sigma = float(self.sigma_at(torch.tensor(timestep)))
        kept, noise = (sigma**2 + 1) ** -0.5, sigma * (sigma**2 + 1) ** -0.5
        return noisy * kept - prediction * noise if is_velocity else (noisy - prediction * noise) / kept

    def spaced_sigmas(self, spacing: Spacing, steps: int) -> Tensor:
        """Descending sigmas of n steps and a final 0, (n + 1,) float32. Karras: arXiv 2206.00364, eq. 5."""
        low, high = self.sigmas[0], self.sigmas[-1]
        last = NUM_TRAIN_TIMESTEPS - 1
        if spacing is Spacing.KARRAS:
            rho = 7.0
            ramp = torch.linspace(0, 1, steps)
            sigmas = (high ** (1 / rho) + ramp * (low ** (1 / rho) - high ** (1 / rho))) ** rho
        elif spacing is Spacing.EXPONENTIAL:
            sigmas = torch.linspace(float(high.log()), float(low.log()), steps).exp()
        elif spacing is Spacing.POLYEXPONENTIAL:
            ramp = torch.linspace(1, 0, steps)
            sigmas = torch.exp(ramp * (high.log() - low.log()) + low.log())
        elif spacing is Spacing.SGM_UNIFORM:
            sigmas = self.sigma_at(torch.linspace(last, 0, steps + 1)[:-1])
        else:
            sigmas = self.sigma_at(torch.linspace(last, 0, steps))
        return torch.cat([sigmas, sigmas.new_zeros(1)])

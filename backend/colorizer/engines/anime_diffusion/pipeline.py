"""AnimeDiffusion as a diffusers pipeline: colours lines from one reference, at the same size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from diffusers import DDIMScheduler, DiffusionPipeline
from numpy.typing import NDArray
from torch import Tensor

from colorizer.engines.anime_diffusion.diffusion import ETA, SAMPLING_STEPS, sample_step
from colorizer.engines.anime_diffusion.pictures import to_picture, to_tensor
from colorizer.engines.anime_diffusion.unet import AnimeDiffusionUNet
from colorizer.imaging.values import RGB

Step = Callable[[int, int, Callable[[], RGB]], None]
"""Called after each step with the steps done, their total number, and a function that returns the picture so far; may
raise to cancel."""

FEW_STEPS = 4
"""With fewer steps than this, time steps start at the last one instead of the published ones. The published first time
step would be far too low for a sample of pure noise (1 of 1000 with one step), and the result would be noise."""


class AnimeDiffusionPipeline(DiffusionPipeline):
    """The network and the published DDIM sampler."""

    def __init__(self, unet: AnimeDiffusionUNet, scheduler: DDIMScheduler) -> None:
        super().__init__()
        self.register_modules(unet=unet, scheduler=scheduler)

    @torch.no_grad()
    def __call__(
        self,
        lines: NDArray[np.uint8],
        reference: RGB,
        *,
        steps: int = SAMPLING_STEPS,
        eta: float = ETA,
        seed: int = 0,
        on_step: Step = lambda *_: None,
    ) -> RGB:
        """Colours lines.

        Args:
            lines: (H, W), 0 = line; H and W multiples of 2 ** (levels - 1), 8 for the published network.
            reference: (H, W, 3). It is not warped; the published demo warps it at random.
            steps: number of DDIM steps.
            eta: scale of the noise added in each step.
            seed: of all random numbers.
            on_step: see `Step`.
        """
        place = {"device": self.unet.device, "dtype": self.unet.dtype}
        condition = torch.cat([to_tensor(lines), to_tensor(reference)], dim=1).to(**place)
        generator = torch.Generator().manual_seed(seed)

        def draw() -> Tensor:
            return torch.randn(1, 3, *lines.shape, generator=generator).to(**place)

        x = draw()
        scheduler = self.scheduler
        if steps < FEW_STEPS:
            scheduler = DDIMScheduler.from_config(scheduler.config, timestep_spacing="trailing")
        scheduler.set_timesteps(steps)
        for done, t in enumerate(scheduler.timesteps, start=1):
            x = sample_step(self.unet, scheduler, x, condition, t, draw(), eta=eta)
            on_step(done, steps, lambda x=x: to_picture(x[0]))  # type: ignore[misc]
        return to_picture(x[0])

"""ColorFlow's In-context Colorization Pipeline (arXiv 2412.11815, section 3.2): denoises a canvas, returns its centre.

The part that both base models share; `sd_pipeline` and `pixart_pipeline` define how each predicts noise. Posterior
means and noise generated on the CPU give the same result on every device. For parity, callers can pass the published
noise.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffusers import DiffusionPipeline
from torch import Tensor

from colorizer.engines.colorflow.condition import centre, guider_condition, to_picture
from colorizer.engines.runtime.device_swap import ensure_on_device
from colorizer.imaging.values import RGB

Step = Callable[[int, int, Tensor], None]
"""Called after each step with the steps done, their total number, and the latents; may raise to cancel."""


@dataclass(frozen=True)
class Guidance:
    """Strengths of the prompt and of the guider."""

    prompt: float
    """Scale of classifier-free guidance (arXiv 2207.12598). With 1 or less, the negative prompt is not computed."""
    guider: float = 1.0
    """Factor of the guider's residuals."""
    guider_start: float = 0.0
    """Share of the steps before which the guider is off."""
    guider_end: float = 1.0
    """Share of the steps after which the guider is off."""

    def guider_at(self, step: int, steps: int) -> float:
        """The guider's factor in step `step` of `steps`."""
        silent = step / steps < self.guider_start or (step + 1) / steps > self.guider_end
        return 0.0 if silent else self.guider


class InContextPipeline(DiffusionPipeline):
    """A base network with its LoRA and a guider, which denoise references and picture together on one canvas."""

    @torch.no_grad()
    def __call__(
        self,
        canvas: RGB,
        *,
        steps: int = 10,
        guidance: Guidance | None = None,
        seed: int = 0,
        on_step: Step = lambda *_: None,
    ) -> RGB:
        """Colours the centre of a stitched canvas.

        Args:
            canvas: (2H, 2W, 3) uint8, see `retrieval.stitch`.
            steps: number of denoising steps.
            guidance: None: the published strengths.
            seed: of the initial noise.
            on_step: see `Step`.

        Returns:
            The coloured centre, (H, W, 3).
        """
        condition = guider_condition(self.vae, canvas)
        shape = (1, self.vae.config.latent_channels, *condition.shape[-2:])
        start = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        latents = self.denoise(start, condition, steps=steps, guidance=guidance, on_step=on_step)
        decoded = self.decode(latents)
        return to_picture(decoded[(0, slice(None), *centre(*decoded.shape[-2:]))])

    @torch.no_grad()
    def denoise(
        self,
        start: Tensor,
        condition: Tensor,
        *,
        steps: int,
        guidance: Guidance | None = None,
        on_step: Step = lambda *_: None,
    ) -> Tensor:
        """Denoises the canvas and returns its scaled latents (1, 4, 2H/8, 2W/8).

        Args:
            start: initial noise, (1, 4, 2H/8, 2W/8).
            condition: see `condition.guider_condition`; one row, or one for each half of the guidance batch.
            steps: number of steps.
            guidance: None: the published strengths.
            on_step: see `Step`.
        """
        guidance = guidance or self.published_guidance
        self.scheduler.set_timesteps(steps)
        place = {"device": self._execution_device, "dtype": self.guider.dtype}
        latents = start.to(place["device"], torch.float32) * self.scheduler.init_noise_sigma
        halves = 2 if guidance.prompt > 1 else 1
        condition = condition.expand(halves, -1, -1, -1).to(**place)
        for step, t in enumerate(self.scheduler.timesteps):
            seen = self.scheduler.scale_model_input(latents.expand(halves, -1, -1, -1), t).to(**place)
            guider = guidance.guider_at(step, steps)
            noise = self.predict(seen, t.to(latents.device), condition, guider).to(latents)
            if halves == 2:
                against, towards = noise.chunk(2)
                noise = against + guidance.prompt * (towards - against)
            latents = self.scheduler.step(noise[:, : latents.shape[1]], t, latents, return_dict=False)[0]
            on_step(step + 1, steps, latents)
        return latents

    @abstractmethod
    def predict(self, latents: Tensor, t: Tensor, condition: Tensor, guider: float) -> Tensor:
        """Predicts the noise for one step; a batch of 2 is negative and positive prompt, a batch of 1 the positive."""

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Decodes latents to the whole canvas, (1, 3, 2H, 2W) in about [-1, 1]."""
        ensure_on_device(self.vae)
        unscaled = (latents / self.vae.config.scaling_factor).to(self.vae.device, self.vae.dtype)
        decoded: Tensor = self.vae.decode(unscaled, return_dict=False)[0]
        return decoded

    @property
    @abstractmethod
    def published_guidance(self) -> Guidance:
        """The strengths of the published demo."""

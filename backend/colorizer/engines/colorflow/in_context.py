"""ColorFlow's In-context Colorization Pipeline (arXiv 2412.11815, section 3.2): denoises a canvas, returns its centre.

What both base models share; `sd_pipeline` and `pixart_pipeline` say how each predicts noise. Posterior means and noise
made on the CPU keep results the same everywhere; the published draws can be handed in.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffusers import DiffusionPipeline
from torch import Tensor

from colorizer.engines.colorflow.condition import centre, guider_condition, to_picture
from colorizer.engines.runtime.device_swap import bring
from colorizer.imaging.values import RGB

Step = Callable[[int, int, Tensor], None]
"""Called after each step with steps done, steps in all and the latents; may raise to stop."""


@dataclass(frozen=True)
class Guidance:
    """How strongly prompt and guider lead."""

    prompt: float
    """Classifier-free guidance; 1 or less leaves the negative prompt out and halves the work."""
    guider: float = 1.0
    """Factor of the guider's residuals."""
    guider_start: float = 0.0
    """Share of the steps before which the guider is silent."""
    guider_end: float = 1.0
    """Share of the steps after which it is silent."""

    def guider_at(self, step: int, steps: int) -> float:
        """The guider's factor in step `step` of `steps`."""
        silent = step / steps < self.guider_start or (step + 1) / steps > self.guider_end
        return 0.0 if silent else self.guider


class InContextPipeline(DiffusionPipeline):
    """A frozen network with LoRA, a guider beside it, and one canvas for references and picture alike."""

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
        """Colours the centre of a stitched canvas (2H, 2W, 3); returns (H, W, 3)."""
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
        """From noise (1, 4, 2H/8, 2W/8) to the latents of the coloured canvas, still scaled.

        Args:
            condition: see `condition.guider_condition`; one for all or one per guidance half.
            guidance: None is the published strength.
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
        """The noise in the canvas for one step; batch 2 is negative and positive prompt, batch 1 the positive alone."""

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents to the whole canvas, (1, 3, 2H, 2W), about [-1, 1]."""
        bring(self.vae)
        unscaled = (latents / self.vae.config.scaling_factor).to(self.vae.device, self.vae.dtype)
        decoded: Tensor = self.vae.decode(unscaled, return_dict=False)[0]
        return decoded

    @property
    @abstractmethod
    def published_guidance(self) -> Guidance:
        """The strengths the published demo uses."""

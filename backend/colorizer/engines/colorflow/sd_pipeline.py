"""ColorFlow on Stable Diffusion 1.5: grey and screentoned pages (published folder `GraySD`)."""

from __future__ import annotations

from diffusers import AutoencoderKL, UNet2DConditionModel, UniPCMultistepScheduler
from torch import Tensor

from colorizer.engines.colorflow.in_context import Guidance, InContextPipeline
from colorizer.engines.colorflow.prompts import Prompts
from colorizer.engines.colorflow.sd_guider import SDGuider, guided


def sd_scheduler() -> UniPCMultistepScheduler:
    """UniPC (arXiv 2302.04867) from Stable Diffusion 1.5's scheduler configuration, with `linspace` time steps."""
    return UniPCMultistepScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        solver_order=2,
        solver_type="bh2",
        prediction_type="epsilon",
        timestep_spacing="linspace",
        steps_offset=1,
    )


class ColorFlowSDPipeline(InContextPipeline):
    """The main U-Net with LoRA, the guider, the autoencoder and the constant prompt."""

    def __init__(
        self,
        unet: UNet2DConditionModel,
        guider: SDGuider,
        vae: AutoencoderKL,
        scheduler: UniPCMultistepScheduler,
        prompts: Prompts,
    ) -> None:
        super().__init__()
        self.register_modules(unet=unet, guider=guider, vae=vae, scheduler=scheduler, prompts=prompts)

    @property
    def published_guidance(self) -> Guidance:
        """The strengths of the published demo."""
        return Guidance(prompt=7.5)

    def predict(self, latents: Tensor, t: Tensor, condition: Tensor, guider: float) -> Tensor:
        """See `InContextPipeline.predict`."""
        residuals = self.guider(latents, t, condition).scaled(guider)
        embeddings, _ = self.prompts.batch(guided=len(latents) == 2)
        with guided(self.unet, residuals):
            noise: Tensor = self.unet(latents, t, embeddings.to(latents), return_dict=False)[0]
        return noise

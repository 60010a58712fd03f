"""ColorFlow on PixArt-alpha: line art and shaded line art (published folders `sketch` and `shading`)."""

from __future__ import annotations

from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, PixArtTransformer2DModel
from torch import Tensor

from colorizer.engines.colorflow.in_context import Guidance, InContextPipeline
from colorizer.engines.colorflow.pixart_guider import PixArtGuider, canvas_sizes, guided
from colorizer.engines.colorflow.prompts import Prompts


def pixart_scheduler() -> DPMSolverMultistepScheduler:
    """DPM-Solver++ (arXiv 2211.01095), second order, midpoint, linear betas: PixArt's own configuration."""
    return DPMSolverMultistepScheduler(
        beta_start=0.0001,
        beta_end=0.02,
        beta_schedule="linear",
        algorithm_type="dpmsolver++",
        solver_order=2,
        solver_type="midpoint",
        prediction_type="epsilon",
        timestep_spacing="linspace",
    )


class ColorFlowPixArtPipeline(InContextPipeline):
    """The main transformer with LoRA, the guider, the autoencoder and the constant prompt."""

    def __init__(
        self,
        transformer: PixArtTransformer2DModel,
        guider: PixArtGuider,
        vae: AutoencoderKL,
        scheduler: DPMSolverMultistepScheduler,
        prompts: Prompts,
    ) -> None:
        super().__init__()
        self.register_modules(
            transformer=transformer, guider=guider, vae=vae, scheduler=scheduler, prompts=prompts
        )

    @property
    def published_guidance(self) -> Guidance:
        """The strengths of the published demo."""
        return Guidance(prompt=4.5)

    def predict(self, latents: Tensor, t: Tensor, condition: Tensor, guider: float) -> Tensor:
        """See `InContextPipeline.predict`; the caller drops the four channels of predicted variance."""
        batch = len(latents)
        times = t.expand(batch)
        scale = 2 ** (len(self.vae.config.block_out_channels) - 1)
        sizes = canvas_sizes(latents, scale, told=self.transformer.use_additional_conditions)
        residuals = [part * guider for part in self.guider(latents, times, condition, sizes)]
        embeddings, mask = self.prompts.batch(guided=batch == 2)
        with guided(self.transformer, residuals):
            noise: Tensor = self.transformer(
                latents,
                encoder_hidden_states=embeddings.to(latents),
                encoder_attention_mask=mask.to(latents),
                timestep=times,
                added_cond_kwargs=sizes,
                return_dict=False,
            )[0]
        return noise

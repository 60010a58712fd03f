"""Computes the loss of a batch in every stage: the networks' inputs and their targets.

For inference, `engines.colorize_diffusion.conditioning` computes the conditions of a single picture. Here conditions
are computed for a whole batch, and each sample has its own thresholds. `networks` decides what a stage trains.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from colorizer.engines.colorize_diffusion.attention import AttentionPlan, SharedPlan, Split, level_masks
from colorizer.engines.colorize_diffusion.augmentation import TrainingBatch, bleach_backgrounds
from colorizer.engines.colorize_diffusion.conditioning import foreground_painted_out, latent_mask, squash
from colorizer.engines.colorize_diffusion.denoiser import Features, takes_region_colours
from colorizer.engines.colorize_diffusion.image_tokens import ImageTokens
from colorizer.engines.colorize_diffusion.noise import NUM_TRAIN_TIMESTEPS, NoiseSchedule
from colorizer.engines.colorize_diffusion.pipeline import ColorizeDiffusionPipeline
from colorizer.engines.colorize_diffusion.positions import decoder_positions, encoder_positions
from colorizer.engines.colorize_diffusion.preprocess import is_foreground
from colorizer.engines.colorize_diffusion.reference_encoder import size_embedding
from colorizer.engines.colorize_diffusion.settings import Branch, Prediction, Version, uniform_scales
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from colorizer_lab.training.colorize_diffusion.batches import Batch
from colorizer_lab.training.colorize_diffusion.config import Stage, TrainingConfig

NOISY_FROM = 900
"""v1's first part: from this time step on, the context's noise decreases with the time step; below, it increases."""


@dataclass(frozen=True)
class Shown:
    """The papers' modules that a step uses."""

    adapters: frozenset[Branch] = frozenset()
    split: bool = False
    """Whether the attention is split; both branches have the same tokens unless `hole`."""
    hole: bool = False
    """Whether the background branch gets the reference with its foreground removed."""
    background: bool = False
    """Whether v2's background encoder is used."""
    style: bool = False
    """Whether v2's style encoder is used."""


BOTH = frozenset(Branch)
FIG2FIG = Shown(BOTH, split=True, hole=True)
BG2FIG = Shown(frozenset({Branch.FOREGROUND}), split=True)
WHOLE = Shown()


def shown(config: TrainingConfig, version: Version, variant: float) -> Shown:
    """The modules that a step of a stage uses; `variant` in 0..1 chooses where a stage has several."""
    first_half = variant < 0.5
    enhanced = replace(FIG2FIG, background=True)
    with_style = variant < config.augmentation.background_with_style
    full = {
        Version.V1: WHOLE,
        Version.V1_5: FIG2FIG,
        Version.V2: replace(enhanced, style=True),
    }[version]
    return {
        Stage.V1_5_BACKGROUND: replace(FIG2FIG, adapters=frozenset({Branch.BACKGROUND})),
        Stage.V1_5_FOREGROUND: FIG2FIG if first_half else BG2FIG,
        Stage.V2_BACKGROUND: enhanced,
        Stage.V2_STYLE: replace(enhanced if with_style else WHOLE, style=True),
        Stage.FINE_TUNE: full if first_half else WHOLE,
        Stage.DISTIL: full if first_half else WHOLE,
    }.get(config.stage, WHOLE)


def checkpoint_blocks(unet: Any, shared: SharedPlan) -> None:
    """Gradient checkpointing of the UNet's blocks; the backward pass recomputes them with the same attention plan."""

    def forgetful(forward: Callable[..., Any]) -> Callable[..., Any]:
        def run(*inputs: Any, **named: Any) -> Any:
            plan = shared.plan

            def again(*inputs: Any, **named: Any) -> Any:
                before, shared.plan = shared.plan, plan
                try:
                    return forward(*inputs, **named)
                finally:
                    shared.plan = before

            return checkpoint(again, *inputs, use_reentrant=False, **named)

        return run

    for step in (*encoder_positions(unet.down_blocks), *decoder_positions(unet.up_blocks)):
        for part in (step.resnet, step.transformer):
            if part is not None:
                part.forward = forgetful(part.forward)


class Conditioned(nn.Module):
    """All networks of a model as one module, with the conditioning of a batch."""

    networks: Any
    alphas: Tensor

    def __init__(self, model: ColorizeDiffusionPipeline, config: TrainingConfig) -> None:
        super().__init__()
        self.networks = nn.ModuleDict(
            {name: part for name, part in model.components.items() if isinstance(part, nn.Module)}
        )
        self.config = config
        self.version, self.prediction = model.version, model.prediction
        self.denoiser = model.denoiser
        if config.gradient_checkpointing:
            checkpoint_blocks(model.unet, self.denoiser.shared)
        self._tower = ImageTokens(model.image_encoder)
        self.register_buffer("alphas", NoiseSchedule().alphas_cumprod, persistent=False)

    def predict(self, latent: Tensor, timesteps: Tensor, features: Features, plan: AttentionPlan) -> Tensor:
        """Noisy latents (B, C, h, w) at time steps (B,), which may be fractional, to the network's prediction."""
        return self.denoiser(latent, timesteps.float(), features, plan)

    def latent(self, picture: Tensor, noise: Tensor | None = None) -> Tensor:
        """Encodes RGB (B, 3, H, W) to a scaled latent: the posterior's mean, or a sample with the given noise."""
        vae = self.networks["vae"]
        with torch.no_grad():
            posterior = vae.encode(picture).latent_dist
            sample = posterior.mean if noise is None else posterior.mean + posterior.std * noise
            scaled: Tensor = sample * vae.config.scaling_factor
            return scaled

    def conditions(self, batch: Batch, seen: Shown) -> tuple[Features, AttentionPlan]:
        """The denoiser's inputs beside the latent."""
        tokens = self._tokens(batch.reference)
        if self.config.plan.noisy_context:
            tokens = self._noised_context(tokens, batch)
        hole = self._hole(batch)
        behind = self._tokens(hole) if seen.hole else tokens
        background = None
        if seen.background:
            background = self._encoded("background_encoder", hole, tokens, batch)
        style = self._encoded("style_encoder", batch.reference, tokens, batch) if seen.style else None
        if seen.hole and self.version is Version.V1_5:
            tokens = tokens + self._threshold(batch, 0)
            behind = self.networks["recovery"](behind + self._threshold(batch, 1))
        context = torch.cat([tokens, behind], dim=1) if seen.split else tokens
        context = context * batch.seen[:, None, None]
        residuals = self.networks["sketch_encoder"](batch.sketch)
        plan = AttentionPlan(
            len(context), uniform_scales(1.0), seen.adapters, self._split(batch) if seen.split else None
        )
        return Features(context, residuals, background, style, self._region_colours(batch)), plan

    def _region_colours(self, batch: Batch) -> Tensor | None:
        return self.latent(batch.region_colours) if takes_region_colours(self.denoiser.unet) else None

    def clean(self, batch: Batch, features: Features) -> Tensor:
        """The latent that noise is added to: the truth's, or its difference to the region colours'."""
        truth = self.latent(batch.truth, batch.posterior)
        return truth if features.region_colours is None else truth - features.region_colours

    def _tokens(self, picture: Tensor) -> Tensor:
        return self._tower(picture)[:, 1:]

    def _noised_context(self, tokens: Tensor, batch: Batch) -> Tensor:
        """The context with the noise of time step t, or of 999 - t from time step 900 on."""
        t = batch.timesteps
        alphas = self.alphas[torch.where(t >= NOISY_FROM, NUM_TRAIN_TIMESTEPS - 1 - t, t)].view(-1, 1, 1)
        generator = torch.Generator().manual_seed(int(t[0]) * 2**32 + int(t.sum()))
        noise = torch.randn(tokens.shape, generator=generator).to(tokens.device)
        return tokens * alphas.sqrt() + noise * (1 - alphas).sqrt()

    def _hole(self, batch: Batch) -> Tensor:
        """The reference without its foreground; for bleached samples, a uniform nearly white picture."""
        painted = foreground_painted_out(batch.reference, batch.reference_mask, 0.5)
        if self.version is not Version.V2:
            return painted
        level = (0.95 + 0.05 * batch.white).view(-1, 1, 1, 1)
        return torch.where(batch.bleached.view(-1, 1, 1, 1), level, painted)

    def _threshold(self, batch: Batch, which: int) -> Tensor:
        token: Tensor = self.networks["threshold_embedder"](batch.thresholds[:, which])
        return token

    def _encoded(self, encoder: str, picture: Tensor, tokens: Tensor, batch: Batch) -> Any:
        size = (batch.truth.shape[-2], batch.truth.shape[-1])
        y = size_embedding((picture.shape[-2], picture.shape[-1]), size).to(tokens.device)
        latent = self.latent(squash(picture, size))
        return self.networks[encoder](latent, tokens, y.expand(len(tokens), -1))

    def _split(self, batch: Batch) -> Split:
        """The split, with masks minus each sample's threshold, so that the common threshold is 0."""
        mask = latent_mask(batch.sketch_mask) - batch.thresholds[:, 0].view(-1, 1, 1, 1)
        levels = len(self.networks["sketch_encoder"].config.block_out_channels)
        return Split(level_masks(mask, levels), 0.0)


class Denoising(Conditioned):
    """The papers' loss: the squared error of the predicted noise or velocity."""

    def forward(self, batch: Batch) -> Tensor:
        """The mean squared error of a batch."""
        seen = shown(self.config, self.version, float(batch.variant[0]))
        if seen.background:
            batch = bleached(batch)
        features, plan = self.conditions(batch, seen)
        clean = self.clean(batch, features)
        alphas = self.alphas[batch.timesteps].view(-1, 1, 1, 1)
        noisy = clean * alphas.sqrt() + batch.noise * (1 - alphas).sqrt()
        target = batch.noise
        if self.prediction is Prediction.V:
            target = batch.noise * alphas.sqrt() - clean * (1 - alphas).sqrt()
        return F.mse_loss(self.predict(noisy, batch.timesteps, features, plan).float(), target)


def bleached(batch: Batch) -> Batch:
    """Background bleaching (v2, arXiv 2504.06895): chosen samples get a white background without lines.

    The published code erases these lines in every sample, so that the model could never learn from drawn backgrounds.
    The paper describes it for the bleached samples only, as here.
    """
    as_published = TrainingBatch(
        batch.truth, batch.sketch, batch.sketch_mask, batch.reference, batch.reference_mask
    )
    sketch_limit, reference_limit = batch.thresholds.unbind(1)
    truth, sketch, _ = bleach_backgrounds(
        as_published, (sketch_limit, reference_limit), batch.bleached, batch.white
    )
    chosen = batch.bleached.view(-1, 1, 1, 1)
    colours = batch.region_colours
    if colours.shape[1]:
        plain = chosen & ~is_foreground(batch.sketch_mask, sketch_limit)
        colours = torch.where(plain, torch.ones_like(colours), colours)
    sketch = torch.where(chosen, sketch, batch.sketch)
    return replace(batch, truth=truth, sketch=sketch, region_colours=colours)


class Autoencoding(nn.Module):
    """The loss of the autoencoder's stage: absolute and squared error, and a small Kullback-Leibler term."""

    DIVERGENCE = 1e-6

    def __init__(self, vae: nn.Module) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, batch: Batch) -> Tensor:
        """The loss of a batch, alternating between truths and references."""
        use_truth = float(batch.variant[0]) < 0.5 or batch.truth.shape != batch.reference.shape
        picture = batch.truth if use_truth else batch.reference
        vae: Any = self.vae
        posterior = vae.encode(picture).latent_dist
        drawn = vae.decode(posterior.mean + posterior.std * batch.posterior).sample.float()
        error = F.l1_loss(drawn, picture) + F.mse_loss(drawn, picture)
        loss: Tensor = error + self.DIVERGENCE * posterior.kl().mean()
        return loss

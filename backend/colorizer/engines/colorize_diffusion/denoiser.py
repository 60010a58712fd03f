"""One forward pass of the denoising UNet with all additions of the papers.

The sketch's residuals are added inside the encoder, before a hidden state is stored as a skip. ControlNet adds its
residuals to the skips instead, so diffusers' `down_block_additional_residuals` does not give the same result. In v2
(arXiv 2504.06895), skip injection changes the skips outside the foreground, and style modulation follows every decoder
position. The latents have C channels: 4 in the published models, 12 with `patches` in place of an autoencoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from colorizer.engines.colorize_diffusion.attention import AttentionPlan, cached, install
from colorizer.engines.colorize_diffusion.decoder_modules import SkipWarp, StyleModulation
from colorizer.engines.colorize_diffusion.positions import decoder_positions, encoder_positions
from colorizer.engines.runtime import device_swap


@dataclass(frozen=True)
class Features:
    """Inputs of the UNet beside the noisy latent; every tensor has B rows."""

    context: Tensor
    """Image tokens (B, N, D)."""
    residuals: Sequence[Tensor]
    """Residual maps of the sketch encoder, finest first."""
    background: Sequence[Tensor] | None = None
    """Token maps of the background encoder, deepest first (v2)."""
    style: Sequence[Tensor] | None = None
    """Modulation vectors of the style encoder, deepest first (v2)."""
    region_colours: Tensor | None = None
    """Latent of the region colours (B, C, h, w), for a UNet that was trained with it."""

    def row(self, number: int) -> Features:
        """The features of one row of the batch."""

        def of(tensors: Sequence[Tensor] | None) -> list[Tensor] | None:
            return None if tensors is None else [tensor[number : number + 1] for tensor in tensors]

        context, residuals = self.context[number : number + 1], of(self.residuals) or []
        colours = None if self.region_colours is None else self.region_colours[number : number + 1]
        return Features(context, residuals, of(self.background), of(self.style), colours)


def takes_region_colours(unet: Any) -> bool:
    """Whether the UNet expects the latent of the region colours, concatenated with the noisy latent."""
    return bool(unet.config.in_channels == 2 * unet.config.out_channels)


class Denoiser:
    """A UNet with its decoder modules. The constructor sets the attention processors of `attention` on the UNet."""

    def __init__(self, unet: Any, warp: SkipWarp | None = None, style: StyleModulation | None = None) -> None:
        self.unet = unet
        self.warp = warp
        self.style = style
        self.shared = install(unet)
        self.one_row_at_a_time = False
        """Whether to compute the rows of a batch one by one, to save memory. Ignored with attention injection."""

    def __call__(self, latent: Tensor, timesteps: Tensor, features: Features, plan: AttentionPlan) -> Tensor:
        """Noisy latent (B, C, h, w) at `timesteps` (B,), which may be fractional, to the prediction (B, C, h, w)."""
        if not self.one_row_at_a_time or plan.bank is not None:
            return self.forward(latent, timesteps, features, plan)
        rows = []
        for row in range(len(latent)):
            own = replace(plan, rows_with_reference=int(row < plan.rows_with_reference))
            one = slice(row, row + 1)
            rows.append(self.forward(latent[one], timesteps[one], features.row(row), own))
        return torch.cat(rows)

    def forward(self, latent: Tensor, timesteps: Tensor, features: Features, plan: AttentionPlan) -> Tensor:
        """One forward pass of all rows."""
        device_swap.ensure_on_device(self.unet)
        self.shared.plan = plan
        try:
            embedding = self.unet.time_embedding(self.unet.time_proj(timesteps).to(latent.dtype))
            if features.region_colours is not None:
                latent = torch.cat([latent, features.region_colours.to(latent.dtype)], dim=1)
            skips = self.encode(latent, embedding, features)
            hidden = self.unet.mid_block(skips[-1], embedding, encoder_hidden_states=features.context)
            hidden = self.decode(hidden, skips, embedding, features, plan)
            return self.unet.conv_out(self.unet.conv_act(self.unet.conv_norm_out(hidden)))
        finally:
            self.shared.plan = None

    def encode(self, latent: Tensor, embedding: Tensor, features: Features) -> list[Tensor]:
        """Returns the skips, finest first. Residuals are added after `conv_in`, each downsampler and the last block."""
        residuals = list(features.residuals)
        skips = [self.unet.conv_in(latent) + residuals.pop(0)]
        steps = list(encoder_positions(self.unet.down_blocks))
        for step in steps:
            hidden = step(skips[-1], embedding, features.context)
            if step.downsampler is not None or step is steps[-1]:
                hidden = hidden + residuals.pop(0)
            skips.append(hidden)
        return skips

    def decode(
        self, hidden: Tensor, skips: list[Tensor], embedding: Tensor, features: Features, plan: AttentionPlan
    ) -> Tensor:
        """Runs the decoder on the middle block's output and returns the last hidden state."""
        for i, step in enumerate(decoder_positions(self.unet.up_blocks)):
            skip = self.warp_skip(i, skips[-1 - i], features, plan)
            hidden = step(torch.cat([hidden, skip], dim=1), embedding, features.context)
            if self.style is not None and features.style is not None:
                hidden = self.style(i, hidden, features.style[i], embedding)
        return hidden

    def warp_skip(self, position: int, skip: Tensor, features: Features, plan: AttentionPlan) -> Tensor:
        """Applies skip injection outside the foreground (v2); inside, the skip is not changed."""
        if self.warp is None or features.background is None or plan.split is None:
            return skip
        warp, background = self.warp, features.background[position]
        mask = plan.split.masks[skip.shape[-2] * skip.shape[-1]]
        if plan.cache is None or len(mask) > 1:
            mask = mask.transpose(1, 2).reshape(-1, 1, *skip.shape[2:])
            mask = mask.repeat(skip.shape[0] // mask.shape[0], 1, 1, 1)
            return torch.where(mask > plan.split.threshold, skip, warp(position, skip, background))
        outside = torch.nonzero(~(mask[0, :, 0] > plan.split.threshold))[:, 0]
        keys_and_values = cached(
            plan.cache, ("warp", position), lambda: warp.keys_and_values(position, background[:1]), len(skip)
        )
        return warp.warp_pixels(position, skip, outside, keys_and_values)

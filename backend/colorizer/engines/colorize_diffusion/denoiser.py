"""One forward pass of the denoising UNet with everything the papers add to it.

The sketch's residuals are added inside the encoder, before a state is kept as a skip (that is not ControlNet's place);
in v2 the skips are warped towards the background outside of the foreground, and the style modulates every decoder step.
C, the latents' channels, is 4 in the published models and 12 where `patches` stands in for an autoencoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from colorizer.engines.colorize_diffusion.attention import AttentionPlan, found, install
from colorizer.engines.colorize_diffusion.decoder_modules import SkipWarp, StyleModulation
from colorizer.engines.colorize_diffusion.positions import decoder_positions, encoder_positions
from colorizer.engines.runtime import device_swap


@dataclass(frozen=True)
class Features:
    """What enters the UNet beside the noisy latent; every tensor has the batch's B rows."""

    context: Tensor
    """Image tokens (B, N, D)."""
    residuals: Sequence[Tensor]
    """Of the sketch encoder."""
    background: Sequence[Tensor] | None = None
    """Token maps of the background encoder, deepest first (v2)."""
    style: Sequence[Tensor] | None = None
    """Modulation vectors of the style encoder, deepest first (v2)."""
    region_colours: Tensor | None = None
    """Their latent (B, C, h, w), for a UNet that takes it."""

    def row(self, number: int) -> Features:
        """One row of the batch."""

        def of(tensors: Sequence[Tensor] | None) -> list[Tensor] | None:
            return None if tensors is None else [tensor[number : number + 1] for tensor in tensors]

        context, residuals = self.context[number : number + 1], of(self.residuals) or []
        colours = None if self.region_colours is None else self.region_colours[number : number + 1]
        return Features(context, residuals, of(self.background), of(self.style), colours)


def takes_region_colours(unet: Any) -> bool:
    """Whether a second latent comes in beside the noisy one."""
    return bool(unet.config.in_channels == 2 * unet.config.out_channels)


class Denoiser:
    """A UNet with its decoder modules; installs the attention processors of this room into the UNet."""

    def __init__(self, unet: Any, warp: SkipWarp | None = None, style: StyleModulation | None = None) -> None:
        self.unet = unet
        self.warp = warp
        self.style = style
        self.shared = install(unet)
        self.rows_apart = False
        """One row of the batch after the other, which needs less memory. Not under attention injection."""

    def __call__(self, latent: Tensor, timesteps: Tensor, features: Features, plan: AttentionPlan) -> Tensor:
        """Noisy latent (B, C, h, w) at (possibly fractional) `timesteps` (B,) to the prediction (B, C, h, w)."""
        if not self.rows_apart or plan.bank is not None:
            return self.together(latent, timesteps, features, plan)
        rows = []
        for row in range(len(latent)):
            own = replace(plan, rows_with_reference=int(row < plan.rows_with_reference))
            one = slice(row, row + 1)
            rows.append(self.together(latent[one], timesteps[one], features.row(row), own))
        return torch.cat(rows)

    def together(self, latent: Tensor, timesteps: Tensor, features: Features, plan: AttentionPlan) -> Tensor:
        """All rows at once."""
        device_swap.bring(self.unet)
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
        """The skips, finest first. Residuals enter after `conv_in`, each downsampler and the last step."""
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
        """From the middle to the last hidden state."""
        for i, step in enumerate(decoder_positions(self.unet.up_blocks)):
            skip = self.warp_skip(i, skips[-1 - i], features, plan)
            hidden = step(torch.cat([hidden, skip], dim=1), embedding, features.context)
            if self.style is not None and features.style is not None:
                hidden = self.style(i, hidden, features.style[i], embedding)
        return hidden

    def warp_skip(self, position: int, skip: Tensor, features: Features, plan: AttentionPlan) -> Tensor:
        """Keeps the skip inside the foreground and warps it outside (v2, skip injection)."""
        if self.warp is None or features.background is None or plan.split is None:
            return skip
        warp, background = self.warp, features.background[position]
        mask = plan.split.masks[skip.shape[-2] * skip.shape[-1]]
        if plan.kept is None or len(mask) > 1:
            mask = mask.transpose(1, 2).reshape(-1, 1, *skip.shape[2:])
            mask = mask.repeat(skip.shape[0] // mask.shape[0], 1, 1, 1)
            return torch.where(mask > plan.split.threshold, skip, warp(position, skip, background))
        outside = torch.nonzero(~(mask[0, :, 0] > plan.split.threshold))[:, 0]
        kept = found(
            plan.kept, ("warp", position), lambda: warp.keys_and_values(position, background[:1]), len(skip)
        )
        return warp.warp_places(position, skip, outside, kept)

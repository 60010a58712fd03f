"""The positions of the UNet: the blocks of its encoder and decoder in order, as the published code numbers them.

A diffusers UNet groups its layers by level. The published code (like Latent Diffusion's, arXiv 2112.10752) numbers
input and output blocks one by one, twelve each. Residuals, skips, skip injection and style modulation belong to those
positions. This module only reorders the UNet's own layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class Position:
    """One input or output block: residual block, transformer and resampler, each optional."""

    resnet: nn.Module | None = None
    transformer: nn.Module | None = None
    downsampler: nn.Module | None = None
    upsampler: nn.Module | None = None

    def __call__(self, hidden: Tensor, time_embedding: Tensor, context: Tensor | None) -> Tensor:
        """(B, C, h, w) with the time embedding (B, E) and the context tokens (B, N, D)."""
        if self.resnet is not None:
            hidden = self.resnet(hidden, time_embedding)
        if self.transformer is not None:
            hidden = self.transformer(hidden, encoder_hidden_states=context, return_dict=False)[0]
        for resampler in (self.downsampler, self.upsampler):
            if resampler is not None:
                hidden = resampler(hidden)
        return hidden


def encoder_positions(down_blocks: Any) -> Iterator[Position]:
    """The positions after `conv_in`: each residual block, and each downsampler as a position of its own."""
    for block in down_blocks:
        transformers = getattr(block, "attentions", None) or [None] * len(block.resnets)
        for resnet, transformer in zip(block.resnets, transformers, strict=True):
            yield Position(resnet, transformer)
        for downsampler in block.downsamplers or ():
            yield Position(downsampler=downsampler)


def decoder_positions(up_blocks: Any) -> Iterator[Position]:
    """One position per residual block; the last of each level includes the upsampler."""
    for block in up_blocks:
        transformers = getattr(block, "attentions", None) or [None] * len(block.resnets)
        upsamplers = [None] * (len(block.resnets) - 1) + list(block.upsamplers or [None])
        for resnet, transformer, upsampler in zip(block.resnets, transformers, upsamplers, strict=True):
            yield Position(resnet, transformer, upsampler=upsampler)


def transformers_in_order(unet: Any) -> list[Any]:
    """The transformers of a UNet in the order of encoder, middle, decoder (16 in the published models)."""
    encoder = [step.transformer for step in encoder_positions(unet.down_blocks)]
    decoder = [step.transformer for step in decoder_positions(unet.up_blocks)]
    return [t for t in (*encoder, *unet.mid_block.attentions, *decoder) if t is not None]

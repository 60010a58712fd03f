"""v2's plug-ins in the UNet's decoder (arXiv 2504.06895): skip warping (background) and style modulation.

Both sit at each of the twelve decoder positions, `denoiser` calls them; what they are fed with comes from the two
reference encoders (`reference_encoder`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from colorizer.engines.colorize_diffusion.recovery import TokenBlock


def skip_channels(block_out_channels: Sequence[int], layers_per_block: int) -> list[int]:
    """Widths of the UNet's skips in decoder order (deepest first), one per decoder position."""
    widths = [block_out_channels[0]]
    for level, width in enumerate(block_out_channels):
        is_last = level == len(block_out_channels) - 1
        widths += [width] * (layers_per_block if is_last else layers_per_block + 1)
    return widths[::-1]


def output_channels(block_out_channels: Sequence[int], layers_per_block: int) -> list[int]:
    """Widths of the UNet's decoder positions, deepest first."""
    return [width for width in reversed(block_out_channels) for _ in range(layers_per_block + 1)]


class SkipWarp(ModelMixin, ConfigMixin):
    """Skip injection: outside the foreground a skip attends to the background encoder's features of its own size."""

    @register_to_config
    def __init__(
        self,
        block_out_channels: Sequence[int] = (320, 640, 1280, 1280),
        layers_per_block: int = 2,
        head_dim: int = 64,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            TokenBlock(width, head_dim) for width in skip_channels(block_out_channels, layers_per_block)
        )

    def forward(self, position: int, skip: Tensor, background: Tensor) -> Tensor:
        """Skip (B, C, h, w) and background tokens (B, M, C) of decoder position 0..11 to a warped skip."""
        tokens = skip.flatten(2).transpose(1, 2)
        warped: Tensor = self.blocks[position](tokens, background)
        return warped.transpose(1, 2).reshape(skip.shape)

    def warp_places(
        self, position: int, skip: Tensor, places: Tensor, keys_and_values: tuple[Tensor, Tensor]
    ) -> Tensor:
        """The same at `places` (K,) alone, counted row by row; the others stay as they are and cost nothing."""
        if not len(places):
            return skip
        tokens = skip.flatten(2).transpose(1, 2)
        block: Any = self.blocks[position]
        warped = tokens.index_copy(1, places, block.attend(tokens[:, places], *keys_and_values))
        return warped.transpose(1, 2).reshape(skip.shape)

    def keys_and_values(self, position: int, background: Tensor) -> tuple[Tensor, Tensor]:
        """What background tokens (B, M, C) are to every place of a skip."""
        block: Any = self.blocks[position]
        found: tuple[Tensor, Tensor] = block.attention.keys_and_values(background)
        return found


class StyleLayer(nn.Module):
    """Modulation (B, 2C) and time embedding (B, E) to a channel scale and shift, (B, C) each."""

    def __init__(self, channels: int, time_channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels * 2)
        self.time_proj = nn.Linear(time_channels, channels * 2)
        self.proj = nn.Linear(channels * 2, channels * 2)

    def forward(self, modulation: Tensor, time_embedding: Tensor) -> tuple[Tensor, Tensor]:
        """The time embedding enters without an activation."""
        scale, shift = self.proj(self.norm(modulation + self.time_proj(time_embedding))).chunk(2, dim=1)
        return scale, shift


class StyleModulation(ModelMixin, ConfigMixin):
    """Scales and shifts the channels after each decoder position (after the upsampler where there is one)."""

    @register_to_config
    def __init__(
        self, block_out_channels: Sequence[int] = (320, 640, 1280, 1280), layers_per_block: int = 2
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            StyleLayer(width, block_out_channels[0] * 4)
            for width in output_channels(block_out_channels, layers_per_block)
        )

    def forward(self, position: int, hidden: Tensor, modulation: Tensor, time_embedding: Tensor) -> Tensor:
        """h (1 + scale) + shift for decoder position 0..11; `hidden` is (B, C, h, w)."""
        scale, shift = self.layers[position](modulation, time_embedding)
        return hidden * (1 + scale[..., None, None]) + shift[..., None, None]

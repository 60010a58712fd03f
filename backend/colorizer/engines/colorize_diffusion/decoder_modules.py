"""v2's plug-in modules in the UNet's decoder (arXiv 2504.06895): skip injection and style modulation.

`denoiser` calls both at each of the twelve decoder positions, with the outputs of the two reference encoders
(`reference_encoder`): skip injection reads the background encoder, style modulation the style encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from colorizer.engines.colorize_diffusion.recovery import TokenBlock


def skip_channels(block_out_channels: Sequence[int], layers_per_block: int) -> list[int]:
    """Channels of the UNet's skip connections in decoder order (deepest first), one per decoder position."""
    widths = [block_out_channels[0]]
    for level, width in enumerate(block_out_channels):
        is_last = level == len(block_out_channels) - 1
        widths += [width] * (layers_per_block if is_last else layers_per_block + 1)
    return widths[::-1]


def output_channels(block_out_channels: Sequence[int], layers_per_block: int) -> list[int]:
    """Output channels of the UNet's decoder positions, deepest first."""
    return [width for width in reversed(block_out_channels) for _ in range(layers_per_block + 1)]


class SkipWarp(ModelMixin, ConfigMixin):
    """Skip injection (published as `warp_modules`): a skip attends to the background encoder's features of its size."""

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
        """Skip (B, C, h, w) and background tokens (B, M, C) of decoder position 0..11 to the injected skip."""
        tokens = skip.flatten(2).transpose(1, 2)
        warped: Tensor = self.blocks[position](tokens, background)
        return warped.transpose(1, 2).reshape(skip.shape)

    def warp_pixels(
        self, position: int, skip: Tensor, pixels: Tensor, keys_and_values: tuple[Tensor, Tensor]
    ) -> Tensor:
        """Like `forward`, for some pixels of the skip only; the others are not changed and not computed.

        Args:
            position: decoder position, 0..11.
            skip: (B, C, h, w).
            pixels: row-major indices of the pixels, (K,).
            keys_and_values: from `keys_and_values`.
        """
        if not len(pixels):
            return skip
        tokens = skip.flatten(2).transpose(1, 2)
        block: Any = self.blocks[position]
        warped = tokens.index_copy(1, pixels, block.attend(tokens[:, pixels], *keys_and_values))
        return warped.transpose(1, 2).reshape(skip.shape)

    def keys_and_values(self, position: int, background: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (B, M, C) of background tokens (B, M, C), the same for all pixels and time steps."""
        block: Any = self.blocks[position]
        projected: tuple[Tensor, Tensor] = block.attention.keys_and_values(background)
        return projected


class StyleLayer(nn.Module):
    """Maps modulation (B, 2C) and time embedding (B, E) to a scale and a shift per channel, (B, C) each."""

    def __init__(self, channels: int, time_channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels * 2)
        self.time_proj = nn.Linear(time_channels, channels * 2)
        self.proj = nn.Linear(channels * 2, channels * 2)

    def forward(self, modulation: Tensor, time_embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Returns scale and shift. There is no activation before the projection of the time embedding."""
        scale, shift = self.proj(self.norm(modulation + self.time_proj(time_embedding))).chunk(2, dim=1)
        return scale, shift


class StyleModulation(ModelMixin, ConfigMixin):
    """Feature-wise linear modulation (FiLM, Perez et al. 2017, arXiv 1709.07871) after each decoder position.

    Where a position ends in an upsampler, the modulation follows it.
    """

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
        """Returns hidden * (1 + scale) + shift for decoder position 0..11; `hidden` is (B, C, h, w)."""
        scale, shift = self.layers[position](modulation, time_embedding)
        return hidden * (1 + scale[..., None, None]) + shift[..., None, None]

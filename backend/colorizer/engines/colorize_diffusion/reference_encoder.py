"""v2's two reference encoders (arXiv 2504.06895): copies of the UNet's encoder that read a latent at time step 0.

For each decoder position, deepest first, the background encoder returns a token map for `SkipWarp`, and the style
encoder a vector for `StyleModulation`. `conditioning` decides which picture they read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.unets.unet_2d_blocks import CrossAttnDownBlock2D, DownBlock2D
from torch import Tensor, nn

from colorizer.engines.colorize_diffusion.decoder_modules import output_channels, skip_channels
from colorizer.engines.colorize_diffusion.positions import encoder_positions
from colorizer.engines.colorize_diffusion.recovery import sinusoid

SIZE_FREQUENCIES = 256


def size_embedding(picture_hw: tuple[int, int], target_hw: tuple[int, int]) -> Tensor:
    """Sinusoidal embedding (1, 512) of a picture's height and width relative to the target's.

    As in the published code, the height of a picture smaller than the target is increased by the target's longer side;
    its width follows from its aspect ratio.
    """
    height, width = float(picture_hw[0]), float(picture_hw[1])
    if picture_hw[0] < target_hw[0] or picture_hw[1] < target_hw[1]:
        height, width = height + max(target_hw), width / height * (height + max(target_hw))
    ratios = torch.tensor([height / target_hw[0], width / target_hw[1]])
    return sinusoid(ratios, SIZE_FREQUENCIES).flatten()[None]


def _down_blocks(
    widths: Sequence[int], layers: int, heads: Sequence[int], context_dim: int, norm_groups: int
) -> nn.ModuleList:
    """The down blocks of `UNet2DConditionModel`; the last level has neither transformers nor a downsampler."""
    blocks: list[Any] = []
    channels = widths[0]
    for width, num_heads in zip(widths[:-1], heads[:-1], strict=True):
        blocks.append(
            CrossAttnDownBlock2D(
                channels,
                width,
                widths[0] * 4,
                num_layers=layers,
                resnet_eps=1e-5,
                resnet_groups=norm_groups,
                num_attention_heads=num_heads,
                cross_attention_dim=context_dim,
            )
        )
        channels = width
    blocks.append(
        DownBlock2D(
            channels,
            widths[-1],
            widths[0] * 4,
            num_layers=layers,
            resnet_eps=1e-5,
            resnet_groups=norm_groups,
            add_downsample=False,
        )
    )
    return nn.ModuleList(blocks)


class _ReferenceEncoder(ModelMixin, ConfigMixin):
    """The UNet's encoder with a size embedding added to the time embedding, and a projection of each hidden state."""

    @register_to_config
    def __init__(
        self,
        block_out_channels: Sequence[int] = (320, 640, 1280, 1280),
        layers_per_block: int = 2,
        num_heads: Sequence[int] = (5, 10, 20, 20),
        cross_attention_dim: int = 1024,
        latent_channels: int = 4,
        norm_groups: int = 32,
    ) -> None:
        super().__init__()
        widths, time_channels = block_out_channels, block_out_channels[0] * 4
        self.time_proj = Timesteps(widths[0], flip_sin_to_cos=True, downscale_freq_shift=0)
        self.time_embedding = TimestepEmbedding(widths[0], time_channels)
        self.size_embedding = TimestepEmbedding(2 * SIZE_FREQUENCIES, time_channels)
        self.conv_in = nn.Conv2d(latent_channels, widths[0], 3, padding=1)
        self.down_blocks = _down_blocks(widths, layers_per_block, num_heads, cross_attention_dim, norm_groups)
        states = skip_channels(widths, layers_per_block)[::-1]
        outputs = output_channels(widths, layers_per_block)[::-1]
        self.projections = nn.ModuleList(map(self._projection, states, outputs))

    def _projection(self, state: int, output: int) -> nn.Module:
        """Creates a projection of a hidden state.

        Args:
            state: channels of the hidden state.
            output: output channels of the decoder position that reads the projection.
        """
        raise NotImplementedError

    def _encode(self, latent: Tensor, context: Tensor, size: Tensor) -> list[Tensor]:
        """The hidden states after each encoder position, finest first."""
        at_zero = self.time_proj(latent.new_zeros(latent.shape[0])).to(latent.dtype)
        embedding = self.time_embedding(at_zero) + self.size_embedding(size.to(latent.dtype))
        states = [self.conv_in(latent)]
        for step in encoder_positions(self.down_blocks):
            states.append(step(states[-1], embedding, context))
        return states


class BackgroundEncoder(_ReferenceEncoder):
    """Maps latent (B, C, h, w), tokens (B, N, D) and size embedding (B, 512) to twelve token maps, deepest first."""

    def _projection(self, state: int, _output: int) -> nn.Module:
        return nn.Conv2d(state, state, 1)

    def forward(self, latent: Tensor, context: Tensor, size: Tensor) -> list[Tensor]:
        """Returns token maps (B, h w, C). Map i has the size and the channels of the skip at decoder position i."""
        states = self._encode(latent, context, size)
        maps = [projection(state) for projection, state in zip(self.projections, states, strict=True)]
        return [one.flatten(2).transpose(1, 2) for one in reversed(maps)]


class StyleEncoder(_ReferenceEncoder):
    """Maps latent (B, C, h, w), tokens (B, N, D) and size embedding (B, 512) to twelve vectors, deepest first."""

    def _projection(self, state: int, output: int) -> nn.Module:
        return nn.Linear(state, 2 * output)

    def forward(self, latent: Tensor, context: Tensor, size: Tensor) -> list[Tensor]:
        """Returns modulation vectors (B, 2C) from spatial means; C is the decoder position's number of channels."""
        means = [state.mean(dim=(2, 3)) for state in self._encode(latent, context, size)]
        vectors = [projection(mean) for projection, mean in zip(self.projections, means, strict=True)]
        return vectors[::-1]

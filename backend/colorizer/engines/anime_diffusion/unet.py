"""AnimeDiffusion's denoising network: a U-Net on pixels, conditioned on the lines and the reference.

Submodules have the names of the published state dict (without `denoise_fn.`), so that checkpoints load strictly.
The noise schedule, sampling and losses are in `diffusion`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.models.embeddings import get_timestep_embedding
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

GROUPS = 32
TIME_PERIOD = 1000
"""Longest period of the sinusoidal time embedding; it is usually 10000."""


class AnimeDiffusionUNet(ModelMixin, ConfigMixin):
    """Predicts the noise in a picture from its lines and a reference (arXiv 2303.11137, figure 3).

    Args:
        channel_in: noisy picture 3 + lines 1 + reference 3.
        channel_out: predicted noise, RGB.
        channel_base: width of the first level; a multiple of 32.
        channel_mult: widths of the levels as multiples of `channel_base`, finest first.
        n_res_blocks: residual blocks per level.
        attention_head: heads of the self-attention at the coarsest level.
        cbam: whether the decoder has channel and spatial attention; off in the published configuration.
    """

    _supports_gradient_checkpointing = True

    @register_to_config
    def __init__(
        self,
        channel_in: int = 7,
        channel_out: int = 3,
        channel_base: int = 64,
        channel_mult: Sequence[int] = (1, 2, 4, 8),
        n_res_blocks: int = 2,
        attention_head: int = 4,
        *,
        cbam: bool = False,
    ) -> None:
        super().__init__()
        time_width = 4 * channel_base
        widths = [channel_base * factor for factor in channel_mult]
        self.time_embedding = nn.Sequential(
            nn.Linear(channel_base, time_width), nn.SiLU(), nn.Linear(time_width, time_width)
        )
        self.input = nn.Sequential(nn.Conv2d(channel_in, channel_base, 1))
        self.encoder_block, skips = _encoder(channel_base, widths, n_res_blocks, time_width)
        deepest = widths[-1]
        self.bottom_block = nn.ModuleList(
            [
                ResidualBlock(deepest, deepest, time_width),
                SelfAttention(deepest, attention_head),
                ResidualBlock(deepest, deepest, time_width),
            ]
        )
        self.decoder_block = _decoder(skips, widths, n_res_blocks, time_width, cbam=cbam)
        self.output = nn.Sequential(
            nn.GroupNorm(GROUPS, widths[0]), nn.SiLU(), nn.Conv2d(widths[0], channel_out, 1)
        )
        self.gradient_checkpointing = False

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        """Predicts the noise.

        Args:
            x: noisy picture, lines and reference, (B, channel_in, H, W); H and W multiples of 2 ** (levels - 1).
            t: (B,) time steps 0..999. None: without time embedding, as the published phase 2 does by mistake.

        Returns:
            (B, channel_out, H, W).
        """
        time = None if t is None else self.embed_time(t)
        hidden = self.input(x)
        skips = [hidden]
        for block in self.encoder_block:
            hidden = self._run(block, hidden, time)
            skips.append(hidden)
        for block in self.bottom_block:
            hidden = self._run(block, hidden, time)
        for block in self.decoder_block:
            hidden = self._run(block, torch.cat([hidden, skips.pop()], dim=1), time)
        return self.output(hidden)

    def embed_time(self, t: Tensor) -> Tensor:
        """Embeds time steps (B,) as (B, 4 * channel_base)."""
        return self.time_embedding(sinusoid(t, self.config.channel_base).to(self.dtype))

    def _run(self, block: nn.Module, hidden: Tensor, time: Tensor | None) -> Tensor:
        """Runs a block; with gradient checkpointing, its activations are recomputed in the backward pass."""
        if self.gradient_checkpointing and torch.is_grad_enabled():
            return checkpoint(block, hidden, time, use_reentrant=False)
        return block(hidden, time)


def sinusoid(t: Tensor, width: int) -> Tensor:
    """Sinusoidal embedding (B, width) of time steps (B,): cosines first, then sines."""
    return get_timestep_embedding(
        t, width, flip_sin_to_cos=True, downscale_freq_shift=0, max_period=TIME_PERIOD
    )


class ResidualBlock(nn.Module):
    """Two normalised convolutions with the time embedding added in between, and a residual connection."""

    def __init__(self, channels_in: int, channels_out: int, time_width: int, *, cbam: bool = False) -> None:
        super().__init__()
        self.time_emb = nn.Sequential(nn.SiLU(), nn.Linear(time_width, channels_out))
        self.conv1 = nn.Sequential(
            nn.GroupNorm(GROUPS, channels_in), nn.SiLU(), nn.Conv2d(channels_in, channels_out, 3, padding=1)
        )
        # The published Sequential has a dropout of 0 at index 2; `Identity` keeps the index of the convolution.
        self.conv2 = nn.Sequential(
            nn.GroupNorm(GROUPS, channels_out),
            nn.SiLU(),
            nn.Identity(),
            nn.Conv2d(channels_out, channels_out, 3, padding=1),
        )
        self.attention = nn.Sequential(CBAM(channels_out)) if cbam else nn.Identity()
        self.skip_connection: nn.Module = nn.Identity()
        if channels_in != channels_out:
            self.skip_connection = nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor, time: Tensor | None) -> Tensor:
        """(B, channels_in, H, W) and (B, time_width) or None to (B, channels_out, H, W)."""
        hidden = self.conv1(x)
        if time is not None:
            hidden = hidden + self.time_emb(time)[:, :, None, None]
        hidden = self.conv2(self.attention(hidden))
        return hidden + self.skip_connection(x)


class SelfAttention(nn.Module):
    """Self-attention over all pixels, without an output projection."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention = nn.Sequential(nn.GroupNorm(GROUPS, channels), nn.Conv1d(channels, 3 * channels, 1))

    def forward(self, x: Tensor, time: Tensor | None = None) -> Tensor:  # noqa: ARG002 - called like the other blocks
        """(B, C, H, W) to (B, C, H, W)."""
        batch, channels, height, width = x.shape
        projected = self.attention(x.flatten(2)).unflatten(1, (3, self.heads, channels // self.heads))
        query, key, value = projected.transpose(-1, -2).unbind(1)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return x + mixed.transpose(-1, -2).reshape(batch, channels, height, width)


class CBAM(nn.Module):
    """Convolutional block attention module: channel attention, then spatial attention (arXiv 1807.06521)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channel_attention = _ChannelAttention(channels)
        self.spatial_attention = _SpatialAttention()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, H, W)."""
        weighed = self.channel_attention(x) * x
        return self.spatial_attention(weighed) * weighed


class _ChannelAttention(nn.Module):
    RATIO = 16

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(channels, channels // self.RATIO, bias=False),
            nn.ReLU(),
            nn.Linear(channels // self.RATIO, channels, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to weights (B, C, 1, 1)."""
        weights = torch.sigmoid(self.fc(x.mean((2, 3))) + self.fc(x.amax((2, 3))))
        return weights[:, :, None, None]


class _SpatialAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to weights (B, 1, H, W)."""
        summary = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], dim=1)
        return torch.sigmoid(self.conv(summary))


class _Downsample(nn.Module):
    def forward(self, x: Tensor, time: Tensor | None) -> Tensor:  # noqa: ARG002 - called like the other blocks
        return F.avg_pool2d(x, 2)


class _ResidualUpsample(nn.ModuleList):
    """A residual block followed by 2x upsampling. It is a list because the published name of the block is `0`."""

    def __init__(self, block: ResidualBlock) -> None:
        super().__init__([block])

    def forward(self, x: Tensor, time: Tensor | None) -> Tensor:
        return F.interpolate(self[0](x, time), scale_factor=2, mode="nearest")


def _encoder(
    width: int, widths: Sequence[int], blocks: int, time_width: int
) -> tuple[nn.ModuleList, list[int]]:
    """The encoder's blocks, and the channels of all its features, starting with the input convolution's."""
    modules = nn.ModuleList()
    skips = [width]
    for level, level_width in enumerate(widths):
        for _ in range(blocks):
            modules.append(ResidualBlock(width, level_width, time_width))
            width = level_width
            skips.append(width)
        if level < len(widths) - 1:
            modules.append(_Downsample())
            skips.append(width)
    return modules, skips


def _decoder(
    skips: list[int], widths: Sequence[int], blocks: int, time_width: int, *, cbam: bool
) -> nn.ModuleList:
    """The decoder's blocks. Each uses one feature of the encoder, deepest first, except the input convolution's."""
    modules = nn.ModuleList()
    left = list(skips)
    width = widths[-1]
    for level in reversed(range(len(widths))):
        for _ in range(blocks):
            modules.append(ResidualBlock(width + left.pop(), widths[level], time_width, cbam=cbam))
            width = widths[level]
        if level > 0:
            modules.append(_ResidualUpsample(ResidualBlock(width + left.pop(), width, time_width)))
    return modules

"""ColorFlow's colour guider for Stable Diffusion 1.5 (arXiv 2412.11815, section 3.2, "two-branch design").

The guider is a copy of the U-Net without cross-attention to text, built from diffusers' own blocks; submodules have the
published names. `condition` computes its condition. `guided` adds its residuals to the base U-Net.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.unets.unet_2d_blocks import (
    CrossAttnDownBlock2D,
    CrossAttnUpBlock2D,
    DownBlock2D,
    UNetMidBlock2DCrossAttn,
    UpBlock2D,
)
from torch import Tensor, nn


@dataclass(frozen=True)
class Residuals:
    """The guider's residuals for the base U-Net in execution order, (B, C, h, w) each."""

    down: tuple[Tensor, ...]
    """For the input convolution, then for every attention (or residual) block and downsampler: 12 for SD 1.5."""
    mid: Tensor
    up: tuple[Tensor, ...]
    """For every attention (or residual) block and upsampler: 15 for SD 1.5."""

    def scaled(self, factor: float) -> Residuals:
        """All residuals times `factor`."""
        return Residuals(
            tuple(part * factor for part in self.down),
            self.mid * factor,
            tuple(part * factor for part in self.up),
        )


class SDGuider(ModelMixin, ConfigMixin):
    """Computes residuals for the base U-Net from the noisy canvas and its condition.

    Args:
        in_channels: channels of the noisy latent.
        conditioning_channels: border latent 4 + mask 1 + centre latent 4.
        block_out_channels: widths of the levels; all levels except the deepest have self-attention.
        layers_per_block: residual blocks per encoder level; decoder levels have one more.
        attention_head_dim: the number of heads, despite its name; diffusers' configurations use this name.
        norm_num_groups: groups of the group normalisations.
        norm_eps: epsilon of the group normalisations.
    """

    @register_to_config
    def __init__(
        self,
        in_channels: int = 4,
        conditioning_channels: int = 9,
        block_out_channels: Sequence[int] = (320, 640, 1280, 1280),
        layers_per_block: int = 2,
        attention_head_dim: int = 8,
        norm_num_groups: int = 32,
        norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        widths = list(block_out_channels)
        time_width = 4 * widths[0]
        common: dict[str, Any] = {
            "temb_channels": time_width,
            "resnet_eps": norm_eps,
            "resnet_act_fn": "silu",
            "resnet_groups": norm_num_groups,
        }
        attention: dict[str, Any] = {"num_attention_heads": attention_head_dim, "cross_attention_dim": None}
        self.conv_in_condition = nn.Conv2d(in_channels + conditioning_channels, widths[0], 3, padding=1)
        self.time_proj = Timesteps(widths[0], flip_sin_to_cos=True, downscale_freq_shift=0)
        self.time_embedding = TimestepEmbedding(widths[0], time_width)
        self.down_blocks = _down_blocks(widths, layers_per_block, common, attention)
        self.mid_block = UNetMidBlock2DCrossAttn(in_channels=widths[-1], **common, **attention)
        self.up_blocks = _up_blocks(widths, layers_per_block + 1, common, attention)
        self.brushnet_down_blocks = _projections(_down_widths(widths, layers_per_block))
        self.brushnet_mid_block = nn.Conv2d(widths[-1], widths[-1], 1)
        self.brushnet_up_blocks = _projections(_up_widths(widths, layers_per_block + 1))

    def forward(self, latent: Tensor, t: Tensor, condition: Tensor) -> Residuals:
        """Computes the residuals for one step.

        Args:
            latent: noisy latent of the whole canvas, (B, 4, h, w).
            t: time step, scalar or (B,).
            condition: (B, conditioning_channels, h, w).
        """
        time = self.time_embedding(self.time_proj(t.expand(len(latent))).to(self.dtype))
        hidden = self.conv_in_condition(torch.cat([latent, condition], dim=1))
        skips = [hidden]
        for block in self.down_blocks:
            hidden, left = block(hidden, time)
            skips += left
        down = tuple(project(skip) for project, skip in zip(self.brushnet_down_blocks, skips, strict=True))
        hidden = self.mid_block(hidden, time)
        mid = self.brushnet_mid_block(hidden)
        features: list[Tensor] = []
        for block in self.up_blocks:
            features += _run_up_block(block, features[-1] if features else hidden, time, skips)
        up = tuple(project(part) for project, part in zip(self.brushnet_up_blocks, features, strict=True))
        return Residuals(down, mid, up)


@contextmanager
def guided(unet: UNet2DConditionModel, residuals: Residuals) -> Iterator[None]:
    """Context in which `unet` adds the residuals in its forward pass, in the published order.

    The first residual is added after the input convolution's output has been stored as a skip, so that skip does not
    contain it. All later skips contain their residual.
    """
    with ExitStack() as hooks:

        def add_before(_module: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
            return args, {**kwargs, "hidden_states": kwargs["hidden_states"] + residuals.down[0]}

        first = unet.down_blocks[0].register_forward_pre_hook(add_before, with_kwargs=True)
        hooks.callback(first.remove)
        places = [
            *_guided_modules(unet.down_blocks, "downsamplers"),
            unet.mid_block,
            *_guided_modules(unet.up_blocks, "upsamplers"),
        ]
        for place, residual in zip(places, [*residuals.down[1:], residuals.mid, *residuals.up], strict=True):
            hooks.callback(place.register_forward_hook(_adding(residual)).remove)
        yield


def _adding(residual: Tensor) -> Any:
    def add_after(_module: nn.Module, _args: Any, output: Any) -> Any:
        return (output[0] + residual, *output[1:]) if isinstance(output, tuple) else output + residual

    return add_after


def _guided_modules(blocks: Any, resamplers: str) -> Iterator[nn.Module]:
    """The modules of a U-Net's blocks whose output a residual is added to, in execution order."""
    for block in blocks:
        yield from getattr(block, "attentions", None) or block.resnets
        yield from getattr(block, resamplers) or ()


def _down_blocks(
    widths: Sequence[int], layers: int, common: dict[str, Any], attention: dict[str, Any]
) -> nn.ModuleList:
    """Down blocks: with self-attention, except at the deepest level."""
    blocks = nn.ModuleList()
    for level, width in enumerate(widths):
        deepest = level == len(widths) - 1
        sizes = {"in_channels": widths[max(level - 1, 0)], "out_channels": width, "num_layers": layers}
        if deepest:
            blocks.append(DownBlock2D(**sizes, **common, add_downsample=False))
        else:
            blocks.append(CrossAttnDownBlock2D(**sizes, **common, **attention))
    return blocks


def _up_blocks(
    widths: Sequence[int], layers: int, common: dict[str, Any], attention: dict[str, Any]
) -> nn.ModuleList:
    """Up blocks: with self-attention, except at the deepest level."""
    blocks = nn.ModuleList()
    for level in reversed(range(len(widths))):
        sizes = {
            "in_channels": widths[max(level - 1, 0)],
            "prev_output_channel": widths[min(level + 1, len(widths) - 1)],
            "out_channels": widths[level],
            "num_layers": layers,
            "add_upsample": level > 0,
        }
        if level == len(widths) - 1:
            blocks.append(UpBlock2D(**sizes, **common))
        else:
            blocks.append(CrossAttnUpBlock2D(**sizes, **common, **attention))
    return blocks


def _run_up_block(block: Any, hidden: Tensor, time: Tensor, skips: list[Tensor]) -> list[Tensor]:
    """Runs one up block and returns the hidden states after every layer and the upsampler; pops its skips."""
    features = []
    attentions = getattr(block, "attentions", None) or [None] * len(block.resnets)
    for resnet, attention in zip(block.resnets, attentions, strict=True):
        hidden = resnet(torch.cat([hidden, skips.pop()], dim=1), time)
        hidden = hidden if attention is None else attention(hidden, return_dict=False)[0]
        features.append(hidden)
    for upsampler in block.upsamplers or ():
        # The size of the next skips: sides of canvases need not be multiples of 64.
        hidden = upsampler(hidden, skips[-1].shape[-2:])
        features.append(hidden)
    return features


def _down_widths(widths: Sequence[int], layers: int) -> list[int]:
    result = [widths[0]]
    for level, width in enumerate(widths):
        result += [width] * (layers + (level < len(widths) - 1))
    return result


def _up_widths(widths: Sequence[int], layers: int) -> list[int]:
    result = []
    for level in reversed(range(len(widths))):
        result += [widths[level]] * (layers + (level > 0))
    return result


def _projections(widths: Sequence[int]) -> nn.ModuleList:
    return nn.ModuleList(nn.Conv2d(width, width, 1) for width in widths)

"""The sketch encoder: computes five residual maps of a drawing, which `denoiser` adds inside the UNet's encoder.

It has no time step and runs once per picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

STEM_STRIDES = (1, 1, 2, 1, 2, 1, 2)


def conv3(channels_in: int, channels_out: int, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size at stride 1."""
    return nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1)


class SketchEncoder(ModelMixin, ConfigMixin):
    """Sketch (B, 3, H, W), lines +1 on background -1, to residuals at H/8, H/16, H/32, H/64 and H/64."""

    @register_to_config
    def __init__(
        self,
        in_channels: int = 3,
        block_out_channels: Sequence[int] = (320, 640, 1280, 1280),
        stem_channels: Sequence[int] = (16, 16, 32, 32, 96, 96, 256),
    ) -> None:
        super().__init__()
        first = block_out_channels[0]
        layers: list[nn.Module] = []
        channels = in_channels
        for width, stride in zip(stem_channels, STEM_STRIDES, strict=True):
            layers += [conv3(channels, width, stride), nn.SiLU()]
            channels = width
        self.stem = nn.Sequential(*layers, conv3(channels, first))
        self.stem_hint = nn.Conv2d(first, first, 1)

        self.levels = nn.ModuleList()
        self.level_hints = nn.ModuleList()
        channels = first
        last = len(block_out_channels) - 1
        for level, width in enumerate(block_out_channels):
            stride = 1 if level == last else 2
            self.levels.append(
                nn.Sequential(nn.SiLU(), conv3(channels, width, stride), nn.SiLU(), conv3(width, width))
            )
            self.level_hints.append(nn.Conv2d(width, width, 1))
            channels = width

    def forward(self, sketch: Tensor) -> list[Tensor]:
        """Returns the residual maps, finest first: one more than the UNet has levels."""
        hidden = self.stem(sketch)
        residuals = [self.stem_hint(hidden)]
        for level, residual in zip(self.levels, self.level_hints, strict=True):
            hidden = level(hidden)
            residuals.append(residual(hidden))
        return residuals


def null_sketch(sketch: Tensor) -> Tensor:
    """The null sketch, which stands for no sketch: background (-1) everywhere. Its residuals are not zero."""
    return torch.full_like(sketch, -1.0)

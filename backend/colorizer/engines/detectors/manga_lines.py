"""Extraction of a manga page's structural lines ("Deep extraction of manga structural lines", Li et al. 2017).

Submodules have the names of the published file (`LE/erika.pth`). ColorFlow's `input_style` uses it too.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from colorizer.engines.runtime.device_swap import ensure_on_device
from colorizer.imaging.values import RGB

MULTIPLE = 16
"""Sides of the input are multiples of this, because the network downsamples four times."""
PADDING = 1.0
"""Grey level (0..255) of the padding on the right and at the bottom: nearly black, as published."""

_DOWN = ((24, 2), (48, 3), (96, 5), (192, 7), (384, 12))
_UP = ((192, 7), (96, 5), (48, 3), (24, 2))
_LAST = (16, 2)
"""Width and residual blocks of each stage."""


class LineExtractor(nn.Module):
    """A residual encoder and decoder with additive skip connections."""

    def __init__(self) -> None:
        super().__init__()
        width = 1
        for index, (stage_width, blocks) in enumerate(_DOWN):
            halves = index > 0
            self.add_module(f"block{index}", _Stage(width, stage_width, blocks, down=halves))
            width = stage_width
        for index, (stage_width, blocks) in enumerate(_UP, start=len(_DOWN)):
            self.add_module(f"block{index}", _Stage(width, stage_width, blocks, up=True))
            width = stage_width
        self.block9 = _Stage(width, *_LAST)
        self.conv15 = _NormedConv(_LAST[0], 1, 1)

    def forward(self, grey: Tensor) -> Tensor:
        """Maps grey levels (B, 1, H, W), 0..255, H and W multiples of 16, to lines of the same size and range."""
        features = []
        hidden = grey
        for index in range(len(_DOWN)):
            hidden = self.get_submodule(f"block{index}")(hidden)
            features.append(hidden)
        for index in range(len(_UP)):
            hidden = self.get_submodule(f"block{len(_DOWN) + index}")(hidden)
            hidden = hidden + features[len(_DOWN) - 2 - index]
        return self.conv15(self.block9(hidden))

    @torch.no_grad()
    def extract(self, picture: RGB) -> NDArray[np.uint8]:
        """Extracts the lines (H, W), 0 = line, of a picture (H, W, 3) of any size."""
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
        height, width = grey.shape
        padding = ((0, -height % MULTIPLE), (0, -width % MULTIPLE))
        padded = torch.from_numpy(np.pad(grey, padding, constant_values=PADDING))
        ensure_on_device(self)
        place = next(self.parameters())
        lines = self(padded[None, None].to(place))[0, 0, :height, :width]
        return lines.clamp(0, 255).to(torch.uint8).cpu().numpy()


class _Stage(nn.Module):
    """Residual blocks; the first may upsample, the last may downsample."""

    def __init__(
        self, channels_in: int, channels_out: int, blocks: int, *, down: bool = False, up: bool = False
    ) -> None:
        super().__init__()
        self.model = nn.Sequential()
        for index in range(blocks):
            block = _Block(
                channels_in if index == 0 else channels_out,
                channels_out,
                halve=down and index == blocks - 1,
                double=up and index == 0,
            )
            self.model.append(block)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class _Block(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, *, halve: bool, double: bool) -> None:
        super().__init__()
        stride = 2 if halve else 1
        self.resize: nn.Module = nn.Upsample(scale_factor=2, mode="nearest") if double else nn.Identity()
        self.conv1 = _NormedConv(channels_in, channels_out, 3, stride)
        self.residual = _NormedConv(channels_out, channels_out, 3)
        self.shortcut: nn.Module | None = None
        if channels_in != channels_out or halve:
            self.shortcut = _Sequence(nn.Conv2d(channels_in, channels_out, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        around = x if self.shortcut is None else self.resize(self.shortcut(x))
        return around + self.residual(self.resize(self.conv1(x)))


class _Sequence(nn.Module):
    """A sequence of modules under the name `model`, as in the published file."""

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.model = nn.Sequential(*parts)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class _NormedConv(_Sequence):
    def __init__(self, channels_in: int, channels_out: int, side: int, stride: int = 1) -> None:
        super().__init__(
            nn.BatchNorm2d(channels_in, eps=1e-3),
            nn.LeakyReLU(0.2),
            nn.Conv2d(channels_in, channels_out, side, stride, padding=side // 2),
        )

"""ISNet, a foreground segmentation network: U²-Net's nested U-blocks after one more downsampling.

References: ISNet, "Highly Accurate Dichotomous Image Segmentation" (Qin et al. 2022, arXiv 2203.03041); U²-Net (Qin et
al. 2020, arXiv 2005.09007).

The layers have the published files' tensor names. Of the six outputs only the finest is used. Pre- and postprocessing
is in `foreground_masks`. It is implemented here because timm and transformers do not have it, and rembg would add
onnxruntime and numba (over 100 MB) and ONNX files whose tensors `colorize models convert` could not check.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STAGES = ((7, 64, 32, 64), (6, 64, 32, 128), (5, 128, 64, 256), (4, 256, 128, 512), (0, 512, 256, 512))
"""Levels, input, inner and output channels of the first five encoder stages. 0 levels: four levels without pooling,
as in the sixth stage."""
BACK = ((7, 128, 16, 64), (6, 256, 32, 64), (5, 512, 64, 128), (4, 1024, 128, 256), (0, 1024, 256, 512))
"""The same for the decoder stages, the finest first."""
SIDES = (64, 64, 128, 256, 512, 512)
FLAT_LEVELS = 4


class ISNet(nn.Module):
    """Maps (B, 3, H, W) to foreground probabilities (B, 1, H, W) in 0..1. `small` divides all numbers of channels."""

    def __init__(self, small: int = 1) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(3, 64 // small, 3, stride=2, padding=1)
        for number, (levels, *widths) in enumerate((*STAGES, STAGES[-1]), start=1):
            self.add_module(f"stage{number}", Nested(levels, *(width // small for width in widths)))
        for number, (levels, *widths) in enumerate(BACK, start=1):
            self.add_module(f"stage{number}d", Nested(levels, *(width // small for width in widths)))
        for number, width in enumerate(SIDES, start=1):
            self.add_module(f"side{number}", nn.Conv2d(width // small, 1, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        seen: list[Tensor] = []
        hidden = self.conv_in(x)
        for number in range(1, len(SIDES) + 1):
            hidden = self.get_submodule(f"stage{number}")(halved(hidden) if seen else hidden)
            seen.append(hidden)
        hidden = seen.pop()
        for number in range(len(BACK), 0, -1):
            beside = seen.pop()
            hidden = torch.cat([sized(hidden, beside), beside], 1)
            hidden = self.get_submodule(f"stage{number}d")(hidden)
        return torch.sigmoid(sized(self.get_submodule("side1")(hidden), x))


class Nested(nn.Module):
    """A residual U-block (RSU, arXiv 2005.09007): a small U-Net whose output is added to its convolved input."""

    def __init__(self, levels: int, inside: int, middle: int, outside: int) -> None:
        super().__init__()
        self.levels, self.halving = levels or FLAT_LEVELS, levels > 0
        self.rebnconvin = Unit(inside, outside)
        for level in range(1, self.levels + 1):
            unit = Unit(outside if level == 1 else middle, middle, self._dilation(level))
            self.add_module(f"rebnconv{level}", unit)
        for level in range(self.levels - 1, 0, -1):
            unit = Unit(2 * middle, outside if level == 1 else middle, self._dilation(level))
            self.add_module(f"rebnconv{level}d", unit)

    def _dilation(self, level: int) -> int:
        """Dilation of a level: in blocks without pooling it doubles per level, in others only the last level has 2."""
        if not self.halving:
            return 2 ** (level - 1)
        return 2 if level == self.levels else 1

    def forward(self, x: Tensor) -> Tensor:
        """(B, inside, h, w) to (B, outside, h, w)."""
        first = self.rebnconvin(x)
        seen: list[Tensor] = []
        hidden = first
        for level in range(1, self.levels + 1):
            if self.halving and 1 < level < self.levels:
                hidden = halved(hidden)
            hidden = self.get_submodule(f"rebnconv{level}")(hidden)
            seen.append(hidden)
        hidden = seen.pop()
        for level in range(self.levels - 1, 0, -1):
            beside = seen.pop()
            hidden = torch.cat([sized(hidden, beside), beside], 1)
            hidden = self.get_submodule(f"rebnconv{level}d")(hidden)
        return torch.add(hidden, first)


class Unit(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inside: int, outside: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv_s1 = nn.Conv2d(inside, outside, 3, padding=dilation, dilation=dilation)
        self.bn_s1 = nn.BatchNorm2d(outside)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w)."""
        normed: Tensor = self.bn_s1(self.conv_s1(x))
        return F.relu(normed)


def halved(x: Tensor) -> Tensor:
    """2 x 2 max pooling; an odd last row or column is kept."""
    return F.max_pool2d(x, 2, stride=2, ceil_mode=True)


def sized(x: Tensor, like: Tensor) -> Tensor:
    """Resizes to another map's height and width."""
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)


def is_isnet(keys: Iterable[str]) -> bool:
    """Whether a file contains ISNet, by its keys. U²-Net has similar keys but no `conv_in`."""
    return {"conv_in.weight", "stage1.rebnconvin.conv_s1.weight"} <= set(keys)

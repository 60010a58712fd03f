"""Anime2Sketch, which finds the lines of coloured drawings (Xiang 2021): the U-Net of pix2pix (Isola 2017).

Written from the pix2pix paper and the published file's tensor names, whose nesting the modules repeat. Instance norm
without parameters, so a file holds nothing but convolutions.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512, 512, 512, 512, 512)
"""Of each level, from the finest; the published network halves a picture so often."""
SLOPE = 0.2


class Anime2Sketch(nn.Module):
    """(B, 3, H, W) in [-1, 1], H and W multiples of 256, to (B, 1, H, W) in [-1, 1], lines -1."""

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        level: nn.Module | None = None
        for outer, inner in zip(widths[-2::-1], widths[:0:-1], strict=True):
            level = Level(outer, inner, level)
        assert level is not None
        up = nn.ConvTranspose2d(2 * widths[0], 1, 4, 2, 1)
        self.model = Nest(nn.Conv2d(3, widths[0], 4, 2, 1), level, nn.ReLU(), up, nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        lines: Tensor = self.model(x)
        return lines


class Nest(nn.Module):
    """Layers one after another, under the name `model` as in the published file."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """What the last layer gives."""
        result: Tensor = self.model(x)
        return result


class Level(Nest):
    """One U-Net level: downsample, the inner levels, upsample, concatenated to the input (skip connection)."""

    def __init__(self, outer: int, inner: int, inside: nn.Module | None) -> None:
        down = [nn.LeakyReLU(SLOPE), nn.Conv2d(outer, inner, 4, 2, 1)]
        middle = [nn.InstanceNorm2d(inner), inside] if inside is not None else []
        wide = inner if inside is None else 2 * inner
        up = [nn.ReLU(), nn.ConvTranspose2d(wide, outer, 4, 2, 1), nn.InstanceNorm2d(outer)]
        super().__init__(*down, *middle, *up)

    def forward(self, x: Tensor) -> Tensor:
        """(B, outer, h, w) to (B, 2 * outer, h, w)."""
        return torch.cat([x, self.model(x)], 1)


def is_anime2sketch(keys: Iterable[str]) -> bool:
    """Whether a file's keys are Anime2Sketch's."""
    return {"model.model.0.weight", "model.model.1.model.3.model.1.weight"} <= set(keys)

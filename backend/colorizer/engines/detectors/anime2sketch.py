"""Anime2Sketch (Xiang et al. 2021), which extracts lines from coloured drawings.

The network is the U-Net of pix2pix (Isola et al. 2017, arXiv 1611.07004). Modules are nested like the published file's
tensor names. Instance norms have no parameters, so the file contains convolutions only.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512, 512, 512, 512, 512)
"""Channels of each level, the finest first."""
SLOPE = 0.2


class Anime2Sketch(nn.Module):
    """Maps (B, 3, H, W) in [-1, 1], with H and W multiples of 256, to (B, 1, H, W) in [-1, 1], lines -1."""

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
    """A sequence of layers under the name `model`, as in the published file."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Applies the layers in order."""
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
    """Whether a file contains Anime2Sketch, by its keys."""
    return {"model.model.0.weight", "model.model.1.model.3.model.1.weight"} <= set(keys)

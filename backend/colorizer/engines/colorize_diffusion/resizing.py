"""Resizing as in the published evaluation and training; not used for an artist's pictures.

The published protocol letter-boxes the sketch on a white square, and squashes ground truth and reference to it.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from colorizer.engines.colorize_diffusion.preprocess import Box, Picture


def _resized(picture: Picture, width: int, height: int) -> Picture:
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))


def squash(picture: Picture, side: int) -> Picture:
    """Resizes to a square of `side` px without keeping the aspect ratio."""
    return _resized(picture, side, side)


def longer_side(picture: Picture, side: int) -> Picture:
    """Resizes to a longer side of `side` px, keeping the aspect ratio."""
    height, width = picture.shape[:2]
    longer = max(height, width)
    return _resized(picture, width * side // longer, height * side // longer)


def letterbox(picture: Picture, side: int) -> Picture:
    """Resizes to fit a white square of `side` px, centred, keeping the aspect ratio."""
    inner = longer_side(picture, side)
    height, width = inner.shape[:2]
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = inner
    return square


def unsquash(picture: Picture, size: tuple[int, int]) -> Picture:
    """Resizes a squashed picture back to (H, W); levels are truncated."""
    levels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float()
    wide = F.interpolate(levels, size, mode="bicubic", align_corners=False, antialias=True)
    return wide[0].permute(1, 2, 0).clamp(0, 255).to(torch.uint8).numpy()


def fitted_share(picture_hw: tuple[int, int], size: tuple[int, int]) -> tuple[float, float]:
    """The shares of the target's width and height that a picture covers when fitted into (H, W)."""
    height, width = picture_hw
    return min(1.0, width / height * size[0] / size[1]), min(1.0, height / width * size[1] / size[0])


def corner(tensor: Tensor, size: tuple[int, int]) -> Tensor:
    """Crops the upper left part of (B, C, h, w) with the target's aspect ratio and resizes it to (H, W).

    Bilinear with antialiasing.
    """
    share = fitted_share((tensor.shape[-2], tensor.shape[-1]), size)
    box = Box(0, 0, int(tensor.shape[-1] * share[1]), int(tensor.shape[-2] * share[0]))
    part = tensor[..., : box.height, : box.width]
    return F.interpolate(part, size, mode="bilinear", align_corners=False, antialias=True)

"""Converts the model's output to pictures. Levels are truncated, not rounded, as in the published program."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from colorizer.engines.colorize_diffusion.preprocess import Box, Picture


def to_picture(tensor: Tensor) -> Picture:
    """Converts (1, 3, H, W) in [-1, 1], clamped, to uint8 (H, W, 3)."""
    levels = ((tensor.clamp(-1, 1) + 1) * 127.5).to(torch.uint8)
    return levels[0].permute(1, 2, 0).cpu().numpy()


def to_mask(tensor: Tensor) -> NDArray[np.uint8]:
    """Converts (1, 1, H, W) in 0..1, clamped, to uint8 (H, W)."""
    return (tensor.clamp(0, 1) * 255).to(torch.uint8)[0, 0].cpu().numpy()


def crop(picture: Picture, box: Box) -> Picture:
    """Crops a picture to a box."""
    return picture[box.top : box.top + box.height, box.left : box.left + box.width]


def over_white(picture: Picture, mask: NDArray[np.uint8], *, keep_foreground: bool = True) -> Picture:
    """Returns the foreground (mask 255) on white, or the background on white with `keep_foreground=False`."""
    shown, white = Image.fromarray(picture), Image.new("RGB", picture.shape[1::-1], "white")
    first, second = (shown, white) if keep_foreground else (white, shown)
    return np.asarray(Image.composite(first, second, Image.fromarray(mask)))

"""Converts pictures to the model's input tensors: sketch polarity and size, reference padding, masks.

Pictures are uint8 RGB arrays (H, W, 3). Tensors are float32 (1, C, H, W) in [-1, 1], masks in 0..1. A sketch's lines
are +1 on a background of -1. Resampling equals the published program's bit for bit, because the networks were trained
with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Picture = NDArray[np.uint8]

LINE_BLUR_SIGMA = 6.0
LINE_FLOOR = 8
LEAST_LINE_STRENGTH = 16
LINE_LEVEL = 127


class SketchStyle(str, Enum):
    """The kind of drawing; the values are the published program's names."""

    LIGHT_ON_DARK = "none"
    DARK_ON_LIGHT = "invert"
    SHADED = "invert-webui"
    """Dark lines over grey or coloured areas; pixels darker than their surroundings are lines."""


@dataclass(frozen=True)
class Box:
    """A rectangle in px."""

    left: int
    top: int
    width: int
    height: int


def to_tensor(picture: Picture) -> Tensor:
    """uint8 (H, W, 3) to (1, 3, H, W) in [-1, 1]."""
    levels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
    return (levels - 0.5) / 0.5


def mask_to_tensor(mask: NDArray[np.uint8]) -> Tensor:
    """uint8 (H, W), 255 = foreground, to (1, 1, H, W) in 0..1."""
    return torch.from_numpy(np.array(mask))[None, None].float() / 255


def lines_of_shaded(picture: Picture) -> Picture:
    """Extracts light lines on black from a shaded picture: the difference to its blurred copy, scaled to a level."""
    levels = picture.astype(np.float32)
    blurred = cv2.GaussianBlur(levels, (0, 0), LINE_BLUR_SIGMA)
    strength = np.min(blurred - levels, axis=2).clip(0, 255)
    strong = strength[strength > LINE_FLOOR]
    usual = max(LEAST_LINE_STRENGTH, float(np.median(strong))) if strong.size else LEAST_LINE_STRENGTH
    lines = (strength / usual * LINE_LEVEL).clip(0, 255).astype(np.uint8)
    return np.repeat(lines[:, :, None], 3, axis=2)


def sketch_lines(picture: Picture, style: SketchStyle) -> Tensor:
    """Converts a drawing to (1, 3, H, W), with lines +1 on background -1."""
    if style is SketchStyle.SHADED:
        return to_tensor(lines_of_shaded(picture))
    tensor = to_tensor(picture)
    return tensor if style is SketchStyle.LIGHT_ON_DARK else -tensor


def fit(tensor: Tensor, size: tuple[int, int], fill: float = -1.0) -> tuple[Tensor, Box]:
    """Resizes a tensor to fit (H, W) with its aspect ratio kept, centred on `fill`; also returns its box."""
    height, width = size
    scale = min(height / tensor.shape[-2], width / tensor.shape[-1])
    inner = (max(1, int(tensor.shape[-2] * scale)), max(1, int(tensor.shape[-1] * scale)))
    resized = F.interpolate(tensor, inner, mode="bicubic", align_corners=False, antialias=True)
    box = Box((width - inner[1]) // 2, (height - inner[0]) // 2, inner[1], inner[0])
    canvas = tensor.new_full((*tensor.shape[:2], height, width), fill)
    canvas[..., box.top : box.top + box.height, box.left : box.left + box.width] = resized
    return canvas, box


def no_sketch(size: tuple[int, int]) -> tuple[Tensor, Box]:
    """The null sketch of size (H, W) px, and its box."""
    return torch.full((1, 3, *size), -1.0), Box(0, 0, size[1], size[0])


def pad_sides(picture: Picture, scale: float, fill: int = 255) -> Picture:
    """Pads a picture on both sides to `scale` times its width.

    The padding reduces spatial entanglement: shapes of the reference that appear in the result.
    """
    height, width = picture.shape[:2]
    wide = int(width * scale)
    left = (wide - width) // 2
    padded = np.full((height, wide, *picture.shape[2:]), fill, np.uint8)
    padded[:, left : left + width] = picture
    return padded


def is_foreground(mask: Tensor, threshold: float | Tensor) -> Tensor:
    """Where the mask (B, 1, H, W) is above the threshold, which is a number or one per mask, (B,)."""
    limit = threshold.view(-1, 1, 1, 1) if isinstance(threshold, Tensor) else threshold
    return mask > limit


def above(mask: Tensor, threshold: float | Tensor) -> Tensor:
    """Sets the mask (B, 1, H, W) to 0 where it is not above the threshold."""
    return torch.where(is_foreground(mask, threshold), mask, torch.zeros_like(mask))

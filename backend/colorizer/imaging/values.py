"""The values that pass through the backend: pictures, masks and result layers.

Pictures are numpy arrays, uint8, sRGB, row-major, not premultiplied; masks have 255 where the foreground is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""(H, W, 4) RGBA, not premultiplied."""

Mask = NDArray[np.uint8]
"""(H, W), 255 = foreground."""


class Role(str, Enum):
    """What a result layer is for."""

    BACKGROUND = "background"
    FIGURE = "figure"
    SHADING = "shading"
    LIGHT = "light"
    MASK = "mask"


class Blend(str, Enum):
    """Blend modes of result layers, in OpenRaster's words without the `svg:` prefix."""

    NORMAL = "normal"
    MULTIPLY = "multiply"
    SCREEN = "screen"
    ADDITION = "addition"


@dataclass(frozen=True)
class Layer:
    """One result layer, placed at `x`, `y` on the canvas (px from the top left)."""

    name: str
    role: Role
    pixels: Picture
    x: int = 0
    y: int = 0
    blend: Blend = Blend.NORMAL
    opacity: float = 1.0
    clip: bool = False
    """Shown only where what is below it in the group is opaque (Krita's "inherit alpha")."""
    mask: Mask | None = None
    """Same size as `pixels`; becomes a mask on the layer that can be painted."""
    mask_name: str = ""

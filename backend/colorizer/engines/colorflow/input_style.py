"""The page as ColorFlow wants to see it (published pre-processing): lines, shaded lines, or grey with screentone.

Works at the page's own size, 1.5 times the model's. An artist's own line layer needs none of it: `InputStyle.LINES`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from colorizer.engines.colorflow.retrieval import Size, fit
from colorizer.imaging.values import RGB

Extract = Callable[[RGB], NDArray[np.uint8]]
"""(H, W, 3) to a grey picture (H, W)."""

_DARK = 0.3 * 255
"""Grey below this is drawn black."""
_SHADED = 145
"""Grey below this is shade."""
_SHADE = 125
"""What shade is drawn as."""


class InputStyle(str, Enum):
    """What the model was trained to be shown."""

    LINES = "lines"
    """The picture is line art already and stays as it is."""
    SKETCH = "sketch"
    """Lines taken from any picture."""
    SKETCH_SHADING = "sketch_shading"
    """Lines, with dark and shaded areas put back."""
    GREY = "grey"
    """Half grey, half screentone."""


def prepare(picture: RGB, style: InputStyle, size: Size, *, lines: Extract, screen: Extract) -> RGB:
    """The page in the style's look, fitted to `size`; (H, W, 3), R = G = B save for `LINES`.

    Args:
        lines: the line extractor; called for the sketch styles only.
        screen: the screentone generator; called for `GREY` only.
    """
    page = fit(picture, size)
    if style is InputStyle.LINES:
        return page
    grey = np.asarray(Image.fromarray(page).convert("L"))
    if style is InputStyle.SKETCH:
        return _three(lines(_three(grey)))
    if style is InputStyle.SKETCH_SHADING:
        return _three(_with_shading(lines(_three(grey)), grey))
    blended = Image.blend(Image.fromarray(_three(screen(page))), Image.fromarray(_three(grey)), 0.5)
    return np.asarray(blended)


def _with_shading(lines: NDArray[np.uint8], grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shaded = np.where(grey < _DARK, np.uint8(0), lines)
    shade = (shaded > _SHADE) & (grey < _SHADED) & (grey > _DARK)
    return np.where(shade, np.uint8(_SHADE), shaded)


def _three(grey: NDArray[np.uint8]) -> RGB:
    return np.repeat(grey[..., None], 3, axis=2)

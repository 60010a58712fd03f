"""ColorFlow's published preprocessing of the page: lines, shaded lines, or grey with screentone.

It works at the page's size, which is 1.5 times the model's. Line art needs no preprocessing: `InputStyle.LINES`.
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
"""A function from (H, W, 3) to a grey picture (H, W)."""

_DARK = 0.3 * 255
"""Grey below this is drawn black."""
_SHADED = 145
"""Grey below this is shade."""
_SHADE = 125
"""Level that shade is drawn with."""


class InputStyle(str, Enum):
    """The kind of page that a model was trained on."""

    LINES = "lines"
    """The picture is line art and is not changed."""
    SKETCH = "sketch"
    """Lines extracted from a picture."""
    SKETCH_SHADING = "sketch_shading"
    """Extracted lines, with dark and shaded areas added."""
    GREY = "grey"
    """Half grey, half screentone."""


def prepare(picture: RGB, style: InputStyle, size: Size, *, lines: Extract, screen: Extract) -> RGB:
    """Converts a page to an input style, fitted to `size`; (H, W, 3), with R = G = B except for `LINES`.

    Args:
        picture: the page, (H, W, 3).
        style: the input style.
        size: the page's working size.
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

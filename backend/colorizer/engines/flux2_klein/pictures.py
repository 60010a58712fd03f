"""Prepares the model's input pictures: the sketch and the references.

FLUX.2 needs sides in multiples of 16 px. Every picture is scaled evenly and padded with white to such a size, never
cropped, so that each pixel of the result corresponds to the same pixel of the sketch. The pipeline itself would crop
(https://github.com/huggingface/diffusers/issues/13349).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.engines.foreground_background import resized
from colorizer.imaging.lines import find_ink
from colorizer.imaging.pictures import over_white
from colorizer.imaging.values import RGB, Picture

STEP = 16
"""Side of a token, px: 8 by the VAE, times patches of 2."""
MOST_PIXELS = 1024 * 1024
"""Largest area of a picture, px. The pipeline would scale larger pictures down, so that they don't match the output."""
LEAST_SIDE = 64
STEEPEST = 8
"""Smallest side, px, and most extreme aspect ratio that the pipeline accepts."""
USUAL_SIDE = 1024
MOST_PICTURES = 4
"""Number of input pictures that the published model was trained with."""
_GAP = 16
"""White space between the pictures of a sheet, px."""


@dataclass(frozen=True)
class Paper:
    """The position of a picture on the model's input: scaled evenly, in the top left corner, on white."""

    width: int
    height: int
    """Size of the input, px, multiples of 16."""
    shown_width: int
    shown_height: int
    """Size of the picture on it, px."""

    @classmethod
    def for_canvas(cls, height: int, width: int, side: int) -> Paper:
        """Chooses a paper with about side x side px of area in a canvas's proportions."""
        most = min(side * side, MOST_PIXELS)
        scale = math.sqrt(most / (height * width))
        while True:
            shown = max(1, round(width * scale)), max(1, round(height * scale))
            paper = [max(LEAST_SIDE, _up(length)) for length in shown]
            paper = [max(length, _up(max(paper) / STEEPEST)) for length in paper]
            if paper[0] * paper[1] <= max(most, LEAST_SIDE**2 * STEEPEST):
                return cls(paper[0], paper[1], shown[0], shown[1])
            scale *= 0.98

    def lay(self, picture: RGB) -> RGB:
        """Scales and pads a picture to the paper, (height, width, 3)."""
        page = np.full((self.height, self.width, 3), 255, np.uint8)
        page[: self.shown_height, : self.shown_width] = resized(picture, self.shown_height, self.shown_width)
        return page

    def cut(self, page: RGB) -> RGB:
        """Crops the picture from the paper, (shown_height, shown_width, 3)."""
        return page[: self.shown_height, : self.shown_width]


def line_art(sketch: Picture) -> RGB:
    """Converts a sketch to black lines on white, (H, W, 3), independent of its pen and paper colours."""
    return np.repeat((255 - find_ink(sketch))[..., None], 3, axis=2)


def marked(lines: RGB, hints: Picture) -> RGB:
    """Draws the artist's hints (where alpha > 127) on the line art."""
    shown = hints[..., 3] > 127
    return np.where(shown[..., None], hints[..., :3], lines)


def sheets(references: Sequence[RGB], slots: int, side: int) -> list[RGB]:
    """Arranges the references on at most `slots` pictures of about side x side px, in order.

    If there are more references than slots, several share a sheet.
    """
    shares = np.array_split(np.arange(len(references)), min(slots, len(references)))
    return [_sheet([references[index] for index in share], side) for share in shares]


def has_hints(hints: Picture | None) -> bool:
    """Whether there are hints on the layer."""
    return hints is not None and bool((hints[..., 3] > 127).any())


def flat(picture: Picture) -> RGB:
    """Composites an RGBA picture on white, (H, W, 3)."""
    return over_white(picture)


def _sheet(pictures: list[RGB], side: int) -> RGB:
    """Arranges pictures in rows on one sheet of about side x side px; none is enlarged."""
    across = math.ceil(math.sqrt(len(pictures)))
    down = math.ceil(len(pictures) / across)
    if len(pictures) == 1:
        page = pictures[0]
    else:
        cell = max(LEAST_SIDE, side // across)
        page = np.full((down * (cell + _GAP) + _GAP, across * (cell + _GAP) + _GAP, 3), 255, np.uint8)
        for place, picture in enumerate(pictures):
            row, column = divmod(place, across)
            small = _inside(picture, cell)
            top = _GAP + row * (cell + _GAP) + (cell - small.shape[0]) // 2
            left = _GAP + column * (cell + _GAP) + (cell - small.shape[1]) // 2
            page[top : top + small.shape[0], left : left + small.shape[1]] = small
    height, width = page.shape[:2]
    reached = min(side, math.isqrt(height * width))  # small pictures are not enlarged
    return Paper.for_canvas(height, width, max(LEAST_SIDE, reached)).lay(page)


def _inside(picture: RGB, cell: int) -> NDArray[np.uint8]:
    """Scales a picture to fit a square of `cell` px; it is never enlarged."""
    height, width = picture.shape[:2]
    scale = min(1.0, cell / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture


def _up(length: float) -> int:
    return math.ceil(length / STEP) * STEP

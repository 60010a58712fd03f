"""Prepares the model's pictures: the sketch on paper of a size that it can draw, and the references.

FLUX.2 works on squares of 16 px. Every picture is set on white paper of such a size, scaled evenly and never cropped,
so that each pixel of the result lies under the same pixel of the sketch; the pipeline itself would crop what does not
fit (diffusers issue 13349).
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
"""Pixels on a side of one token: 8 of the VAE, patches of 2."""
MOST_PIXELS = 1024 * 1024
"""The pipeline scales larger pictures down, which would take them off the grid of what is drawn."""
LEAST_SIDE = 64
STEEPEST = 8
"""Least side and most extreme proportions that the pipeline takes."""
USUAL_SIDE = 1024
MOST_PICTURES = 4
"""As many pictures the published model was trained to look at."""
_GAP = 16
"""White between the pictures of a sheet, px."""


@dataclass(frozen=True)
class Paper:
    """Where a picture lies on the model's paper: scaled evenly, in the top left corner."""

    width: int
    height: int
    """Of the paper, px, multiples of 16."""
    shown_width: int
    shown_height: int
    """Of what lies on it."""

    @classmethod
    def for_canvas(cls, height: int, width: int, side: int) -> Paper:
        """Paper of about side x side px in a canvas's proportions."""
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
        """The picture on its paper, (height, width, 3)."""
        page = np.full((self.height, self.width, 3), 255, np.uint8)
        page[: self.shown_height, : self.shown_width] = resized(picture, self.shown_height, self.shown_width)
        return page

    def cut(self, page: RGB) -> RGB:
        """What lies on the paper, (shown_height, shown_width, 3)."""
        return page[: self.shown_height, : self.shown_width]


def line_art(sketch: Picture) -> RGB:
    """Black lines on white, whatever pen and paper the sketch has, (H, W, 3)."""
    return np.repeat((255 - find_ink(sketch))[..., None], 3, axis=2)


def marked(lines: RGB, hints: Picture) -> RGB:
    """The line art with the artist's colour hints on it; hints count where their alpha is > 127."""
    shown = hints[..., 3] > 127
    return np.where(shown[..., None], hints[..., :3], lines)


def sheets(references: Sequence[RGB], slots: int, side: int) -> list[RGB]:
    """All references as at most `slots` pictures of about side x side px; where there are more, several share a sheet.

    References keep their order: the first picture holds the first ones.
    """
    shares = np.array_split(np.arange(len(references)), min(slots, len(references)))
    return [_sheet([references[index] for index in share], side) for share in shares]


def has_hints(hints: Picture | None) -> bool:
    """Whether something is drawn on the layer."""
    return hints is not None and bool((hints[..., 3] > 127).any())


def flat(picture: Picture) -> RGB:
    """RGBA on white, (H, W, 3)."""
    return over_white(picture)


def _sheet(pictures: list[RGB], side: int) -> RGB:
    """One picture of about side x side px with all of them in rows, none larger than it is."""
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
    reached = min(side, math.isqrt(height * width))  # a small picture isn't made larger
    return Paper.for_canvas(height, width, max(LEAST_SIDE, reached)).lay(page)


def _inside(picture: RGB, cell: int) -> NDArray[np.uint8]:
    """As large as it fits into a square of `cell` px, never larger than it is."""
    height, width = picture.shape[:2]
    scale = min(1.0, cell / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture


def _up(length: float) -> int:
    return math.ceil(length / STEP) * STEP

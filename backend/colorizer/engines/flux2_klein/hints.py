"""Enforces hints and bindings: a region with a hint or a binding gets exactly that colour, whatever the model drew.

The model gets the hints as an input picture, but need not follow them. Here the colour of their regions is replaced,
while the shading is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import ColorizeRequest
from colorizer.engines.foreground_background import ReferenceSide
from colorizer.engines.match.hints import read_wishes
from colorizer.imaging import drawn
from colorizer.imaging.lines import Ink
from colorizer.imaging.regions import find_regions
from colorizer.imaging.values import RGB

PaletteOf = Callable[[ReferenceSide], NDArray[np.uint8]]


def with_hints(
    request: ColorizeRequest, pictures: Sequence[RGB], ink: Ink, palette_of: PaletteOf
) -> tuple[list[RGB], PaletteOf]:
    """Recolours the regions with hints and bindings, and adds their colours to the palette.

    Args:
        request: with hints and bindings.
        pictures: the generated picture of each side: the whole canvas at any size.
        ink: the sketch's ink.
        palette_of: computes the palette of a reference.

    Returns:
        The pictures, and a function that computes palettes with the added colours.
    """
    if request.hints is None and not request.bindings:
        return list(pictures), palette_of
    regions = find_regions(ink, gap=request.options.line_gap)
    wishes = read_wishes(request, regions)
    if not len(wishes.regions):
        return list(pictures), palette_of
    moved = []
    for picture in pictures:
        prepared = drawn.prepare(picture, regions, ink)
        shift = np.zeros((regions.count, 3), np.int16)
        shift[wishes.regions] = wishes.colours.astype(np.int16) - prepared.middle[wishes.regions]
        labels = cv2.resize(regions.labels, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        moved.append(np.clip(picture + shift[labels], 0, 255).astype(np.uint8))
    return moved, lambda part: np.concatenate([wishes.colours, palette_of(part)])

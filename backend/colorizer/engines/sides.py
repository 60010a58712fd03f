"""Figure and background for engines that know no masks: each is coloured by itself, from its part of the references.

Which sides a mode has, what of the references each may see, and the layers they become. Engines that divide inside
their network don't need it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import ColorizeRequest, Layer, Mask, Mode, Picture, Reference, Role
from colorizer.errors import InvalidInput
from colorizer.imaging.masks import fit_mask, usable_mask
from colorizer.imaging.pictures import over_white

RGB = NDArray[np.uint8]
"""(H, W, 3), sRGB."""

FindForeground = Callable[[Picture], Mask]


@dataclass(frozen=True)
class Side:
    """One side of the sketch."""

    role: Role
    references: tuple[RGB, ...]
    """What it takes colours from; white where it must not look."""
    mask: Mask | None
    """(H, W) where it shows; None is everywhere."""


def sides_of(request: ColorizeRequest, find_foreground: FindForeground) -> list[Side]:
    """The sides that the request's mode colours, the background first.

    Args:
        find_foreground: finds the foreground of pictures whose mask isn't given.

    Raises:
        InvalidInput: there is no reference.
    """
    if not request.references and request.background is None:
        raise InvalidInput(
            "There is no reference to take colours from. Add a picture or a layer as reference."
        )
    if request.mode is Mode.WHOLE:
        return [Side(Role.FIGURE, _whole(request), None)]
    height, width = request.sketch.shape[:2]
    mask = usable_mask(request.sketch_mask, width, height)
    mask = find_foreground(request.sketch) if mask is None else mask
    sides = []
    if request.mode is not Mode.FOREGROUND:
        sides.append(Side(Role.BACKGROUND, _background(request, find_foreground), 255 - mask))
    if request.mode is not Mode.BACKGROUND:
        shown = tuple(_part(reference, find_foreground, figure=True) for reference in request.references)
        sides.append(Side(Role.FIGURE, shown or _whole(request), mask))
    return sides


def layers_of(sides: Sequence[Side], drawn: Sequence[RGB], height: int, width: int) -> tuple[Layer, ...]:
    """What was drawn for each side, as layers of the canvas's size, bottom to top."""
    names = {Role.BACKGROUND: ("Background", "Background mask"), Role.FIGURE: ("Colours", "Foreground mask")}
    layers = []
    for side, colours in zip(sides, drawn, strict=True):
        name, mask_name = names[side.role]
        pixels = np.dstack([resized(colours, height, width), np.full((height, width), 255, np.uint8)])
        layers.append(
            Layer(
                name, side.role, pixels, mask=side.mask, mask_name=mask_name if side.mask is not None else ""
            )
        )
    return tuple(layers)


def resized(picture: RGB, height: int, width: int) -> RGB:
    """The picture at another size; smooth when it grows, averaged when it shrinks."""
    if picture.shape[:2] == (height, width):
        return picture
    way = cv2.INTER_AREA if picture.shape[0] > height else cv2.INTER_CUBIC
    return cv2.resize(picture, (width, height), interpolation=way)  # type: ignore[no-any-return]


def _whole(request: ColorizeRequest) -> tuple[RGB, ...]:
    references = tuple(over_white(reference.picture) for reference in request.references)
    return references if request.background is None else (*references, over_white(request.background))


def _background(request: ColorizeRequest, find_foreground: FindForeground) -> tuple[RGB, ...]:
    if request.background is not None:
        return (over_white(request.background),)
    return tuple(_part(reference, find_foreground, figure=False) for reference in request.references)


def _part(reference: Reference, find_foreground: FindForeground, *, figure: bool) -> RGB:
    """A reference with its other side painted white."""
    height, width = reference.picture.shape[:2]
    mask = usable_mask(reference.mask, width, height)
    mask = fit_mask(find_foreground(reference.picture), width, height) if mask is None else mask
    keep = (mask > 127) == figure
    return np.where(keep[..., None], over_white(reference.picture), np.uint8(255))

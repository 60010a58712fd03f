"""Foreground and background for engines that generate pictures: the inputs of each side, and its layers.

Engines without masks colour each side separately (`sides_of`). `layers_of` converts the generated pictures to layers of
the canvas's size: as painted, or, with a locked palette, as flat reference colours, shading and light.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import ColorizeRequest, Layer, Mask, Mode, Picture, Reference, Role
from colorizer.imaging import color, drawn
from colorizer.imaging.lines import find_ink
from colorizer.imaging.masks import fit_mask, usable_mask
from colorizer.imaging.palette import find_palette
from colorizer.imaging.pictures import over_white
from colorizer.imaging.regions import find_regions
from colorizer.imaging.values import RGB

FindForeground = Callable[[Picture], Mask]


@dataclass(frozen=True)
class ReferenceSide:
    """A reference, or its foreground or background, cut out on access so that a large pool is not stored twice."""

    source: Picture
    keep: NDArray[np.bool_] | None = None
    """(H, W): the pixels to use; None: all."""

    @property
    def picture(self) -> Picture:
        """The picture (H, W, 4), transparent where it is not used."""
        return self.source if self.keep is None else np.where(self.keep[..., None], self.source, np.uint8(0))

    @cached_property
    def key(self) -> str:
        """Cache key of this side of the picture."""
        return "" if self.keep is None else hashlib.sha256(np.packbits(self.keep).tobytes()).hexdigest()


@dataclass(frozen=True)
class SketchSide:
    """The foreground or the background of the sketch."""

    role: Role
    parts: tuple[ReferenceSide, ...]
    """The references that it takes colours from."""
    mask: Mask | None
    """(H, W), 255 = this side; None: the whole canvas."""

    @property
    def references(self) -> tuple[RGB, ...]:
        """The references for a network, white where they are not used."""
        return tuple(over_white(part.picture) for part in self.parts)


def sides_of(request: ColorizeRequest, find_foreground: FindForeground) -> list[SketchSide]:
    """The sides that the request's mode colours, the background first.

    Args:
        request: the request.
        find_foreground: finds the foreground of a picture without a mask.
    """
    if request.mode is Mode.WHOLE:
        return [SketchSide(Role.FOREGROUND, _whole(request), None)]
    height, width = request.sketch.shape[:2]
    mask = usable_mask(request.sketch_mask, width, height)
    mask = find_foreground(request.sketch) if mask is None else mask
    sides = []
    if request.mode is not Mode.FOREGROUND:
        sides.append(SketchSide(Role.BACKGROUND, _background(request, find_foreground), 255 - mask))
    if request.mode is not Mode.BACKGROUND:
        shown = tuple(
            _part(reference, find_foreground, is_foreground=True) for reference in request.references
        )
        sides.append(SketchSide(Role.FOREGROUND, shown or _whole(request), mask))
    return sides


def palette_of(part: ReferenceSide) -> NDArray[np.uint8]:
    """The palette (N, 3) of a part of a reference."""
    return find_palette(part.picture).colours


def layers_of(
    request: ColorizeRequest,
    sides: Sequence[SketchSide],
    pictures: Sequence[RGB],
    palette_of: Callable[[ReferenceSide], NDArray[np.uint8]] = palette_of,
) -> tuple[tuple[Layer, ...], dict[str, Any]]:
    """Converts the generated pictures to layers.

    Args:
        request: the request.
        sides: the sides, the background first.
        pictures: the picture of each side: the whole canvas, at any size.
        palette_of: computes a palette; may cache it for a pool that is used for many pages.

    Returns:
        The layers from bottom to top, and the report.
    """
    ink = find_ink(request.sketch)
    regions = find_regions(ink, gap=request.options.line_gap)
    layers: list[Layer] = []
    palette = np.zeros((0, 3), np.uint8)
    for side, picture in zip(sides, pictures, strict=True):
        cut = regions if side.mask is None else regions.cut(side.mask)
        prepared = drawn.prepare(picture, cut, ink)
        carried = drawn.carry_up(prepared, cut)
        if side.role is Role.FOREGROUND and request.options.palette_lock:
            palette = np.concatenate([palette_of(part) for part in side.parts])
        if side.role is Role.FOREGROUND and len(palette):
            layers += drawn.in_flats(prepared, carried, cut, palette, side.mask)
        else:
            layers.append(_painted(side, carried))
    return tuple(layers), {"palette": color.as_hex(palette), "regions": regions.count}


def _painted(side: SketchSide, carried: RGB) -> Layer:
    names = {
        Role.BACKGROUND: ("Background", "Background mask"),
        Role.FOREGROUND: ("Colours", "Foreground mask"),
    }
    name, mask_name = names[side.role]
    named = mask_name if side.mask is not None else ""
    return Layer(name, side.role, drawn.opaque(carried), mask=side.mask, mask_name=named)


def resized(picture: RGB, height: int, width: int) -> RGB:
    """Resizes a picture: bicubic when enlarging, area averaging when reducing."""
    if picture.shape[:2] == (height, width):
        return picture
    way = cv2.INTER_AREA if picture.shape[0] > height else cv2.INTER_CUBIC
    return cv2.resize(picture, (width, height), interpolation=way)  # type: ignore[no-any-return]


def _whole(request: ColorizeRequest) -> tuple[ReferenceSide, ...]:
    parts = tuple(ReferenceSide(reference.picture) for reference in request.references)
    return parts if request.background is None else (*parts, ReferenceSide(request.background))


def _background(request: ColorizeRequest, find_foreground: FindForeground) -> tuple[ReferenceSide, ...]:
    if request.background is not None:
        return (ReferenceSide(request.background),)
    return tuple(_part(reference, find_foreground, is_foreground=False) for reference in request.references)


def _part(reference: Reference, find_foreground: FindForeground, *, is_foreground: bool) -> ReferenceSide:
    """One side of a reference."""
    height, width = reference.picture.shape[:2]
    mask = usable_mask(reference.mask, width, height)
    mask = fit_mask(find_foreground(reference.picture), width, height) if mask is None else mask
    return ReferenceSide(reference.picture, (mask > 127) == is_foreground)

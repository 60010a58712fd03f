"""Composites result layers like Krita: blend modes, opacity, masks and clipping on 8-bit sRGB.

The formulas are those of Krita's composite ops (and of the W3C's recommendation on compositing). It works in bands of
rows, so that a large canvas needs little more memory than its result. `colorizer.imaging.openraster` writes layer
files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.imaging.paper import Paper, find_paper
from colorizer.imaging.values import Blend, Layer, Picture, Role

_BAND_PIXELS = 2_000_000

Plane = NDArray[np.floating]
Pixels = NDArray[np.uint8]


def flatten(layers: Sequence[Layer], width: int, height: int) -> Picture:
    """Composites the layers, from bottom to top, to one picture (height, width, 4), transparent where unpainted."""
    canvas = np.zeros((height, width, 4), np.uint8)
    rows = max(1, _BAND_PIXELS // max(1, width))
    for top in range(0, height, rows):
        for layer in layers:
            _paint(canvas, layer, top, min(height, top + rows))
    return canvas


def with_lines(layers: Sequence[Layer], sketch: Picture) -> Picture:
    """Composites the layers with the artist's lines above them, see `lines_layer`."""
    height, width = sketch.shape[:2]
    return flatten([*layers, lines_layer(sketch)], width, height)


def lines_layer(sketch: Picture, paper: Paper | None = None) -> Layer:
    """The unchanged sketch as the layer above the colours, with a blend mode that keeps the colours visible through its
    light or dark paper. The paper is found if it isn't given."""
    paper = find_paper(sketch) if paper is None else paper
    blend = Blend.NORMAL
    if paper.is_painted:
        blend = Blend.SCREEN if paper.is_dark else Blend.MULTIPLY
    return Layer("Lines", Role.FOREGROUND, sketch, blend=blend)


def preview(
    layers: Sequence[Layer], sketch: Picture, longest_side: int, paper: Paper | None = None
) -> Picture:
    """A preview of the result with the lines.

    Args:
        layers: the layers, from bottom to top.
        sketch: (H, W, 4).
        longest_side: the preview's longer side, in pixels; the preview is never larger than the sketch.
        paper: the sketch's paper, if it is known.
    """
    height, width = sketch.shape[:2]
    scale = min(1.0, longest_side / max(height, width))
    if scale == 1:
        return flatten([*layers, lines_layer(sketch, paper)], width, height)
    # Nearest-neighbour sampling at twice the size is nearly as good as averaging, and much faster.
    double = min(1.0, 2 * scale)
    size = (max(1, round(width * double)), max(1, round(height * double)))
    colours = flatten([_scaled(layer, double) for layer in layers], *size)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    colours = cv2.resize(colours, size, interpolation=cv2.INTER_AREA)
    lines = cv2.resize(sketch, size, interpolation=cv2.INTER_AREA)
    blend = lines_layer(sketch, paper).blend
    return flatten(
        [Layer("", Role.FOREGROUND, colours), Layer("", Role.FOREGROUND, lines, blend=blend)], *size
    )


def coverage(layer: Layer) -> NDArray[np.uint8]:
    """(H, W): the layer's alpha multiplied by its mask, 255 = fully painted; without its opacity."""
    alpha = layer.pixels[..., 3]
    if layer.mask is None:
        return np.ascontiguousarray(alpha)
    return cv2.multiply(alpha, layer.mask, scale=1 / 255)  # type: ignore[no-any-return]


def _scaled(layer: Layer, scale: float) -> Layer:
    height, width = layer.pixels.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return replace(
        layer,
        pixels=cv2.resize(layer.pixels, size, interpolation=cv2.INTER_NEAREST),
        mask=None if layer.mask is None else cv2.resize(layer.mask, size, interpolation=cv2.INTER_NEAREST),
        x=round(layer.x * scale),
        y=round(layer.y * scale),
    )


def _paint(canvas: Picture, layer: Layer, top: int, bottom: int) -> None:
    """Paints a layer onto the rows `top`..`bottom` of the canvas."""
    height, width = layer.pixels.shape[:2]
    left, right = max(0, layer.x), min(canvas.shape[1], layer.x + width)
    top, bottom = max(top, layer.y), min(bottom, layer.y + height)
    if left >= right or top >= bottom or layer.opacity <= 0:
        return
    rows, columns = slice(top - layer.y, bottom - layer.y), slice(left - layer.x, right - layer.x)
    source = layer.pixels[rows, columns]
    alpha = source[..., 3]
    if layer.mask is not None:
        alpha = cv2.multiply(np.ascontiguousarray(alpha), layer.mask[rows, columns], scale=1 / 255)
    target = canvas[top:bottom, left:right]
    plain = layer.blend is Blend.NORMAL and not layer.clip and layer.opacity >= 1
    alpha = np.ascontiguousarray(alpha)
    if plain and cv2.countNonZero(alpha) == np.count_nonzero(alpha == 255):
        cv2.copyTo(source, alpha, target)
        return
    shown = alpha > 0  # a layer of lines is mostly transparent
    share = alpha[shown].astype(np.float32) * (layer.opacity / 255)
    target[shown] = _blended(target[shown], source[shown], share, layer)


def _blended(target: Pixels, source: Pixels, share: NDArray[np.float32], layer: Layer) -> Pixels:
    """Blends one layer's pixels (N, 4) with those below; `share` (N,), 0..1, is the coverage of each pixel."""
    below = target[..., :3].astype(np.float32) / 255
    above = source[..., :3].astype(np.float32) / 255
    ground = (target[..., 3:].astype(np.float32)) / 255
    share = share[..., None]
    mixed = _mix(below, above, layer.blend)
    if layer.clip:
        alpha = ground
        colour = below + (mixed - below) * share
    else:
        alpha = ground + share - ground * share
        colour = (1 - share) * ground * below + (1 - ground) * share * above + ground * share * mixed
        colour = colour / np.maximum(alpha, 1e-6)
    colour = np.where(alpha > 0, colour, 0)
    return np.rint(np.concatenate([colour, alpha], axis=1) * 255).astype(np.uint8)  # type: ignore[no-any-return]


def _mix(below: Plane, above: Plane, blend: Blend) -> Plane:
    """The formula of a blend mode for opaque colours, 0..1."""
    if blend is Blend.MULTIPLY:
        return below * above
    if blend is Blend.SCREEN:
        return below + above - below * above
    if blend is Blend.ADDITION:
        return np.minimum(below + above, 1)
    return above

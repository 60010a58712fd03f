"""Transfers a picture that a model has generated to the canvas, so that no colour crosses a line.

The model works at its own size, and its picture includes lines. They are painted over from both sides, because the
artist's own lines are on top. The picture is enlarged so that every pixel is interpolated only from its own region. It
can be divided into one palette colour for each region and two layers with the darker and lighter tones.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.imaging import color
from colorizer.imaging.lines import Ink
from colorizer.imaging.lookup import look_up
from colorizer.imaging.regions import Regions
from colorizer.imaging.values import RGB, Blend, Layer, Mask, Picture, Role

_INKED = 24
"""Ink (of 255) from which a pixel of the picture shows a line instead of the colour beside it."""
_BAND_PIXELS = 1_000_000
_TONES = (0.35, 1.6)
"""Darkest and lightest tone that is kept, relative to a region's own colour."""
_MOST_LIGHT = 0.6
_VISIBLE_TONE = 0.03
_VISIBLE_SHARE = 0.01
"""Fraction of the picture that must differ from the flat colours by `_VISIBLE_TONE` for a layer to be made."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Drawn:
    """A model's picture without its lines, and the canvas's region at each of its pixels."""

    colours: RGB
    """(h, w, 3), in the model's size."""
    labels: NDArray[np.int32]
    """(h, w)."""
    middle: RGB
    """(n, 3): each region's median colour."""


def prepare(picture: RGB, regions: Regions, ink: Ink) -> Drawn:
    """Paints over the lines of a model's picture and computes the colours of its regions.

    Args:
        picture: (h, w, 3), the whole canvas at any size.
        regions: the regions of the canvas.
        ink: (H, W), the ink of the canvas.
    """
    height, width = picture.shape[:2]
    labels = cv2.resize(regions.labels, (width, height), interpolation=cv2.INTER_NEAREST)
    inked = cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA) >= _INKED
    clear = ~(cv2.dilate(inked.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    middle = _middles(picture, labels, clear, regions)
    return Drawn(_without_lines(picture, labels, clear, middle), labels, middle)


def carry_up(drawn: Drawn, regions: Regions) -> RGB:
    """The picture at the canvas's size (H, W, 3); every pixel is interpolated from pixels of its own region."""
    height, width = regions.labels.shape
    shrinks = drawn.labels.shape[0] >= height
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    carried = np.asarray(cv2.resize(drawn.colours, (width, height), interpolation=way))
    if shrinks:
        return carried
    mixed = cv2.morphologyEx(drawn.labels.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
    near = cv2.resize(mixed.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    rows = max(1, _BAND_PIXELS // width)
    for top in range(0, height, rows):
        y, x = np.nonzero(near[top : top + rows])
        carried[y + top, x] = _from_own_region(drawn, regions, y + top, x)
    return carried


def in_flats(
    drawn: Drawn, carried: RGB, regions: Regions, palette: color.Colours, mask: Mask | None
) -> tuple[Layer, ...]:
    """The layers `Flats`, with one colour of `palette` (N, 3) for each region, and `Shading` and `Light` if visible."""
    chosen = palette[color.nearest(color.lab(drawn.middle), color.lab(palette))]
    flat = look_up(_opaque_rows(chosen).view(np.uint32).ravel(), regions.labels).view(np.uint8)
    flat = flat.reshape(*regions.labels.shape, 4)
    name = "Foreground mask" if mask is not None else ""
    layers = [Layer("Flats", Role.FOREGROUND, flat, mask=mask, mask_name=name)]
    shown = np.full(regions.labels.shape, 255, np.uint8) if mask is None else mask
    return (*layers, *_tones(drawn, carried, regions, chosen, shown))


def _middles(picture: RGB, labels: NDArray[np.int32], clear: NDArray[np.bool_], regions: Regions) -> RGB:
    """(n, 3): the median colour of each region without the picture's lines; for a region that is too small for the
    picture, the nearest pixel's colour."""
    middle = _nearest_pixels(picture, regions)
    for chosen in (
        np.ones_like(clear),
        clear,
    ):  # regions without pixels off the lines keep the colour on the lines
        inside = labels[chosen]
        count = np.bincount(inside, minlength=regions.count)
        seen = count > 0
        half = (np.cumsum(count) - count + count // 2)[seen]
        for channel in range(3):
            values = picture[..., channel][chosen]
            order = np.lexsort((values, inside))
            middle[seen, channel] = values[order][half]
    return middle


def _nearest_pixels(picture: RGB, regions: Regions) -> RGB:
    """(n, 3): the picture's pixel at some position of each region."""
    small = regions.coarse
    place = np.zeros(regions.count, np.intp)
    place[small.ravel()] = np.arange(small.size)
    y, x = np.divmod(place, small.shape[1])
    rows = np.minimum(y * picture.shape[0] // small.shape[0], picture.shape[0] - 1)
    columns = np.minimum(x * picture.shape[1] // small.shape[1], picture.shape[1] - 1)
    return np.array(picture[rows, columns])


def _without_lines(picture: RGB, labels: NDArray[np.int32], clear: NDArray[np.bool_], middle: RGB) -> RGB:
    """The picture with its lines painted over from the nearest clear pixel of the same region."""
    if not clear.any() or clear.all():
        return picture
    _, nearest = cv2.distanceTransformWithLabels(
        (~clear).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    place = np.zeros(int(nearest.max()) + 1, np.intp)
    place[nearest[clear]] = np.flatnonzero(clear)
    source = place[nearest]
    own = labels.ravel()[source] == labels
    return np.where(own[..., None], picture.reshape(-1, 3)[source], middle[labels])


def _from_own_region(
    drawn: Drawn, regions: Regions, y: NDArray[np.intp], x: NDArray[np.intp]
) -> NDArray[np.uint8]:
    """(k, 3): interpolated from the nearest pixels of the picture that are in the pixel's own region."""
    mixed = drawn.middle[regions.labels[y, x]]
    todo = np.arange(len(y))
    for reach in (
        1,
        2,
        3,
    ):  # bilinear if any of those pixels is in the region, otherwise from a wider neighbourhood
        colours, found = _within(drawn, regions, y[todo], x[todo], reach)
        mixed[todo[found]] = colours[found]
        todo = todo[~found]
    return mixed


def _within(
    drawn: Drawn, regions: Regions, y: NDArray[np.intp], x: NDArray[np.intp], reach: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Colours (k, 3) weighted by a tent filter of radius `reach`, and where any pixel had a weight."""
    (height, width), (tall, wide) = drawn.labels.shape, regions.labels.shape
    own = regions.labels[y, x]
    down = (y.astype(np.float32) + 0.5) * np.float32(height / tall) - np.float32(0.5)
    across = (x.astype(np.float32) + 0.5) * np.float32(width / wide) - np.float32(0.5)
    top, left = np.floor(down).astype(np.intp), np.floor(across).astype(np.intp)
    total, weight = np.zeros((len(y), 3), np.float32), np.zeros(len(y), np.float32)
    for step_down in range(1 - reach, reach + 1):
        for step_across in range(1 - reach, reach + 1):
            row = np.clip(top + step_down, 0, height - 1)
            column = np.clip(left + step_across, 0, width - 1)
            near_down = np.maximum(reach - np.abs(down - (top + step_down)), 0)
            near_across = np.maximum(reach - np.abs(across - (left + step_across)), 0)
            share = np.where(drawn.labels[row, column] == own, near_down * near_across, 0).astype(np.float32)
            total += drawn.colours[row, column] * share[:, None]
            weight += share
    colours = np.rint(total / np.maximum(weight, 1e-6)[:, None]).astype(np.uint8)
    return colours, weight > 1e-3


def _tones(
    drawn: Drawn, carried: RGB, regions: Regions, chosen: color.Colours, shown: Mask
) -> tuple[Layer, ...]:
    """The layers `Shading` (multiply) and `Light` (screen): the differences from the colours of the regions."""
    height, width = regions.labels.shape
    usual = np.maximum(drawn.middle.astype(np.float32) @ _LUMA, 1.0)
    own = (chosen.astype(np.float32) @ _LUMA) / 255
    shading, light = np.full((height, width), 255, np.uint8), np.zeros((height, width), np.uint8)
    rows = max(1, _BAND_PIXELS // width)
    for top in range(0, height, rows):
        band = slice(top, top + rows)
        labels = regions.labels[band]
        tone: NDArray[np.float32] = np.clip(
            (carried[band].astype(np.float32) @ _LUMA) / usual[labels], *_TONES
        )
        shading[band] = np.rint(np.minimum(tone, np.float32(1)) * 255)
        luminance = own[labels]
        lift = np.maximum(tone - 1, 0) * luminance / np.maximum(1 - luminance, 0.1)
        light[band] = np.rint(np.clip(lift, 0, _MOST_LIGHT) * 255)
    made = (
        ("Shading", Role.SHADING, Blend.MULTIPLY, shading, 255),
        ("Light", Role.LIGHT, Blend.SCREEN, light, 0),
    )
    return tuple(
        Layer(name, role, np.dstack([values, values, values, shown]), blend=blend, clip=True)
        for name, role, blend, values, neutral in made
        if _is_visible(values, neutral, shown)
    )


def _is_visible(values: NDArray[np.uint8], neutral: int, shown: Mask) -> bool:
    differs = np.abs(values.astype(np.int16) - neutral) > _VISIBLE_TONE * 255
    inside = shown > 127
    return bool(np.count_nonzero(differs & inside) > _VISIBLE_SHARE * max(int(np.count_nonzero(inside)), 1))


def _opaque_rows(colours: color.Colours) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.concatenate([colours, np.full((len(colours), 1), 255, np.uint8)], axis=1))


def opaque(picture: RGB) -> Picture:
    """An RGB picture (H, W, 3) as opaque RGBA."""
    return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])

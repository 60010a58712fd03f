"""Transfers a reference's shading to flat colours, as two soft layers (shading and light) above the flat ones.

For every flat colour, its areas in the references are found: pixels of the colour and of darker or lighter tones of it.
A quadratic function is fitted to the tone over the area, in coordinates normalised by the area's size, and applied to
the areas of that colour in the picture. Only soft shading is transferred: no texture, no cast shadows, no hard edges.
If the references are flat, there are no layers. It works with any engine that makes flat colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.imaging import color
from colorizer.imaging.pictures import over_white
from colorizer.imaging.values import Blend, Layer, Picture, Role

_SEEN_SIDE = 320
"""Longer side, in pixels, to which references are scaled down."""
_DARKEST, _LIGHTEST = 0.5, 1.5
"""Range of the tone relative to the flat colour; pixels outside of it are something else, such as lines or spots."""
_OFF_TONE = 0.1
"""Largest distance of a pixel from the nearest tone of a colour to belong to it, as a fraction of the colour range."""
_STEP = 0.08
"""Largest difference of tone between neighbouring pixels of an area; larger ones are edges."""
_BASE = 0.07
_LEAST_BASE = 0.2
"""Least fraction of a component that must have the flat colour's tone (within `_BASE`); others are ignored."""
_SMALLEST_PIECE = 60
"""Least number of pixels of a component in the scaled reference."""
_LEAST_VARIATION = 0.025
"""Standard deviation of the tone below which an area is flat."""
_SHARE_SHADED = 0.1
"""Least fraction of the painted area that must be shaded; otherwise the reference is flat."""
_RANGE = (0.62, 1.3)
"""Darkest and lightest tone that is transferred."""
_REACH = 1.8
"""Distance from an area's middle up to which the function is evaluated, in standard deviations."""
_MOST_LIGHT = 0.4
_BAND_PIXELS = 2_000_000
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

Form = NDArray[np.float32]
"""(6,): the coefficients of the logarithm of the tone, a + b u + c v + d uu + e uv + f vv; u and v are the horizontal
and vertical distance from the area's middle, in standard deviations."""


@dataclass(frozen=True)
class _Areas:
    """The picture's connected areas of one colour."""

    labels: NDArray[np.int32]
    """(h, w), in the size of a small copy."""
    colours: color.Colours
    middle: NDArray[np.float32]
    """(n, 2), x and y as fractions of the canvas's sides."""
    spread: NDArray[np.float32]
    """(n, 2)."""
    share: NDArray[np.float64]
    """(n,), the fraction of the canvas; 0 for transparent areas."""


def shade(flat: Picture, references: Sequence[Picture]) -> tuple[Layer, ...]:
    """Makes the layers `Shading` (multiply) and `Light` (screen), each only if it has visible content.

    Args:
        flat: (H, W, 4), the visible flat colours.
        references: the references from which the shading is taken.
    """
    areas = _areas(flat)
    seen = [_seen(reference) for reference in references]
    forms = np.zeros((len(areas.colours), 6), np.float32)
    for colour in np.unique(areas.colours[areas.share > 0], axis=0):
        form = _form(colour, seen)
        if form is not None:
            forms[(areas.colours == colour).all(axis=1)] = form
    if areas.share[np.any(forms != 0, axis=1)].sum() < _SHARE_SHADED * areas.share.sum():
        return ()
    return _layers(flat, areas, forms)


def _seen(reference: Picture) -> NDArray[np.float32]:
    """(h, w, 3), 0..1, -1 where transparent: the reference scaled down and smoothed."""
    scale = min(1.0, _SEEN_SIDE / max(reference.shape[:2]))
    size = (max(1, round(reference.shape[1] * scale)), max(1, round(reference.shape[0] * scale)))
    small = cv2.resize(over_white(reference), size, interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(np.ascontiguousarray(reference[..., 3]), size, interpolation=cv2.INTER_AREA)
    colours = cv2.medianBlur(small, 3).astype(np.float32) / 255
    return np.where(alpha[..., None] > 250, colours, np.float32(-1))


def _tones(
    colour: NDArray[np.float32], seen: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(h, w) each: the luminance relative to the colour's, and which pixels are tones of the colour."""
    own = max(float(colour @ _LUMA), 1e-3)
    tone = (seen @ _LUMA) / own
    darker = tone[..., None] * colour
    lighter = colour + (tone[..., None] - 1) * own / max(1 - own, 1e-3) * (1 - colour)
    expected = np.where(tone[..., None] <= 1, darker, lighter)
    away = np.abs(seen - expected).max(axis=2)
    tone = tone.astype(np.float32)
    even = cv2.morphologyEx(tone, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) < _STEP
    belongs = (away < _OFF_TONE) & (tone > _DARKEST) & (tone < _LIGHTEST) & (seen[..., 0] >= 0) & even
    return tone, belongs


def _form(colour: NDArray[np.uint8], references: Sequence[NDArray[np.float32]]) -> Form | None:
    """Fits the shading of a colour's areas; None if they are flat or there are none."""
    base = (colour / 255).astype(np.float32)
    rows: list[NDArray[np.float32]] = []
    values: list[NDArray[np.float32]] = []
    for seen in references:
        tone, belongs = _tones(base, seen)
        for y, x in _pieces(belongs):
            if (np.abs(tone[y, x] - 1) < _BASE).mean() >= _LEAST_BASE:
                rows.append(_basis(_normal(x), _normal(y)))
                values.append(np.log(tone[y, x]))
    if not rows:
        return None
    basis, value = np.concatenate(rows), np.concatenate(values)
    form = np.linalg.lstsq(basis, value, rcond=None)[0].astype(np.float32)
    return form if float((basis @ form).std()) >= _LEAST_VARIATION else None


def _pieces(belongs: NDArray[np.bool_]) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """The pixels (rows, columns) of each connected component that isn't tiny."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(belongs.astype(np.uint8), connectivity=4)
    large = [one for one in range(1, count) if stats[one, cv2.CC_STAT_AREA] >= _SMALLEST_PIECE]
    places = [np.nonzero(pieces == one) for one in large]
    return [(place[0], place[1]) for place in places]


def _normal(places: NDArray[np.intp]) -> NDArray[np.float32]:
    spread = max(float(places.std()), 1.0)
    normal: NDArray[np.float32] = np.clip((places - places.mean()) / spread, -_REACH, _REACH).astype(
        np.float32
    )
    return normal


def _basis(u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=-1)


def _areas(flat: Picture) -> _Areas:
    height, width = flat.shape[:2]
    scale = min(1.0, 1024 / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(flat, size, interpolation=cv2.INTER_NEAREST)
    packed = np.where(small[..., 3] > 0, color.pack(small), np.uint32(2**24))
    labels, count = _one_colour_each(packed)
    y, x = np.divmod(np.arange(labels.size), labels.shape[1])
    pixels = np.bincount(labels.ravel(), minlength=count)
    first = np.full(count, -1)
    first[labels.ravel()[::-1]] = np.arange(labels.size)[::-1]
    colours = small.reshape(-1, 4)[first]
    middle, spread = [], []
    for place, side in ((x, labels.shape[1]), (y, labels.shape[0])):
        mean = np.bincount(labels.ravel(), place, minlength=count) / pixels
        square = np.bincount(labels.ravel(), place.astype(np.float64) ** 2, minlength=count) / pixels
        middle.append((mean + 0.5) / side)
        spread.append(np.sqrt(np.maximum(square - mean**2, 1)) / side)
    share = np.where(colours[:, 3] > 0, pixels / labels.size, 0)
    return _Areas(
        labels,
        colours[:, :3],
        np.stack(middle, 1).astype(np.float32),
        np.stack(spread, 1).astype(np.float32),
        share,
    )


def _one_colour_each(packed: NDArray[np.uint32]) -> tuple[NDArray[np.int32], int]:
    """(h, w): labels 0..n-1 of the connected areas of one value, and n."""
    labels = np.zeros(packed.shape, np.int32)
    count = 0
    for value in np.unique(packed):
        found, pieces = cv2.connectedComponents((packed == value).astype(np.uint8), connectivity=4)
        labels = np.where(pieces > 0, pieces + (count - 1), labels)
        count += found - 1
    return labels, count


def _layers(flat: Picture, areas: _Areas, forms: NDArray[np.float32]) -> tuple[Layer, ...]:
    height, width = flat.shape[:2]
    labels = cv2.resize(areas.labels, (width, height), interpolation=cv2.INTER_NEAREST)
    own = (areas.colours.astype(np.float32) / 255) @ _LUMA
    shading, light = np.full((height, width), 255, np.uint8), np.zeros((height, width), np.uint8)
    rows = max(1, _BAND_PIXELS // width)
    for top in range(0, height, rows):
        band = slice(top, min(height, top + rows))
        tone = _tone(labels[band], areas, forms, top, (height, width))
        shading[band] = np.rint(np.minimum(tone, 1) * 255)
        luminance = own[labels[band]]
        lift = np.maximum(tone - 1, 0) * luminance / np.maximum(1 - luminance, 0.05)
        light[band] = np.rint(np.clip(lift, 0, _MOST_LIGHT) * 255)
    made = (
        ("Shading", Role.SHADING, Blend.MULTIPLY, shading, 255),
        ("Light", Role.LIGHT, Blend.SCREEN, light, 0),
    )
    return tuple(
        Layer(name, role, _grey(values, flat), blend=blend, clip=True)
        for name, role, blend, values, neutral in made
        if (values[flat[..., 3] > 0] != neutral).any()
    )


def _tone(
    labels: NDArray[np.int32], areas: _Areas, forms: NDArray[np.float32], top: int, size: tuple[int, int]
) -> NDArray[np.float32]:
    """The tone (rows, W) of a band of the canvas that starts at `top`."""
    height, width = size
    x = (np.arange(width, dtype=np.float32) + 0.5)[None] / width
    y = (np.arange(top, top + len(labels), dtype=np.float32) + 0.5)[:, None] / height
    u = np.clip((x - areas.middle[labels, 0]) / areas.spread[labels, 0], -_REACH, _REACH)
    v = np.clip((y - areas.middle[labels, 1]) / areas.spread[labels, 1], -_REACH, _REACH)
    form = forms[labels]
    value = form[..., 0] + u * (form[..., 1] + form[..., 3] * u + form[..., 4] * v)
    value += v * (form[..., 2] + form[..., 5] * v)
    tone: NDArray[np.float32] = np.clip(np.exp(value), *_RANGE)
    return tone


def _grey(values: NDArray[np.uint8], flat: Picture) -> Picture:
    alpha = np.where(flat[..., 3] > 0, np.uint8(255), np.uint8(0))
    return np.dstack([values, values, values, alpha])

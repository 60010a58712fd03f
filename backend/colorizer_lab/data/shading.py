"""Shades painted pictures as artists do: gradients, shadows, highlights and patterns of single shapes.

Every shape has its own direction and strength. Labels are not affected, and the colour of a part stays that of its
label, so its tones in the picture may all be different from it.
"""

from __future__ import annotations

import math
import random

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer_lab.data.canvas import ByteGrid

FloatPicture = NDArray[np.float32]
"""(S, S, 3), sRGB, 0..1."""
Plane = NDArray[np.float32]
"""(S, S)."""

_NUMBERS = 256
"""Number of shapes that a `ByteGrid` can tell apart."""


def shade(
    picture: FloatPicture, shapes: ByteGrid, rng: random.Random, cast: Plane | None = None
) -> FloatPicture:
    """Returns the picture with random gradients, shadows, highlights and patterns.

    Args:
        picture: the flat colours.
        shapes: the number of the shape of every pixel.
        rng: the random generator.
        cast: 1 where there is shadow in any case, 0 elsewhere; only for pictures with shadows.
    """
    luck = np.random.default_rng(rng.getrandbits(31))
    along = _along(shapes, rng, luck)
    if rng.random() < 0.2:
        picture = _patterned(picture, shapes, along, rng)
    if rng.random() < 0.55:
        picture = picture * _gradients(shapes, along, rng.uniform(0.03, 0.2), luck)
    softness = rng.choice([0.04, 0.04, rng.uniform(0.1, 0.4), rng.uniform(0.4, 1.2)])
    if rng.random() < 0.6:
        dark = _side(along, shapes, softness, rng.uniform(-0.5, 0.7), luck)
        picture = _darkened(picture, dark if cast is None else np.maximum(dark, cast), rng)
    elif cast is not None and rng.random() < 0.7:
        radius = softness * len(shapes) * 0.03
        soft = cast if radius < 0.5 else np.asarray(cv2.GaussianBlur(cast, (0, 0), radius), np.float32)
        picture = _darkened(picture, soft, rng)
    if rng.random() < 0.3:
        picture = _lightened(picture, _side(-along, shapes, softness, rng.uniform(0.5, 1.0), luck), rng)
    if rng.random() < 0.15:
        picture = _lightened(picture, _sheen(along, shapes, softness, luck), rng)
    return np.asarray(picture, np.float32)


def smooth_noise(size: int, cells: int, rng: random.Random, channels: int = 1) -> NDArray[np.float32]:
    """Smooth noise, about 0..1, (size, size) or (size, size, channels)."""
    shape = (cells, cells) if channels == 1 else (cells, cells, channels)
    noise = np.random.default_rng(rng.getrandbits(31)).random(shape, np.float32)
    return np.asarray(cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)


def _along(shapes: ByteGrid, rng: random.Random, luck: np.random.Generator) -> Plane:
    """The position of every pixel in its shape, about -1..1, along a direction that is similar in all shapes."""
    size = len(shapes)
    place = np.arange(size, dtype=np.float32) / size
    flat = shapes.ravel()
    count = np.maximum(np.bincount(flat, minlength=_NUMBERS), 1)
    middle_x = np.bincount(flat, np.tile(place, size), _NUMBERS) / count
    middle_y = np.bincount(flat, np.repeat(place, size), _NUMBERS) / count
    radius = np.sqrt(count) / size / 1.6 + 0.01
    angle = rng.uniform(0, math.tau) + luck.normal(0, rng.choice([0.2, 0.6, 2.0]), _NUMBERS)
    x, y = np.cos(angle) / radius, np.sin(angle) / radius
    tables = [table.astype(np.float32)[shapes] for table in (x, y, -middle_x * x - middle_y * y)]
    along = place[None] * tables[0] + place[:, None] * tables[1] + tables[2]
    if rng.random() < 0.6:  # folds
        along += (smooth_noise(size, rng.choice([4, 7, 12]), rng) - 0.5) * np.float32(rng.uniform(0.3, 2))
    return np.asarray(np.clip(along, -2, 2), np.float32)


def _gradients(shapes: ByteGrid, along: Plane, depth: float, luck: np.random.Generator) -> FloatPicture:
    """Factors: every shape becomes lighter or darker along its direction, and its hue changes a little."""
    slopes = luck.normal(0, depth, (_NUMBERS, 1)) + luck.normal(0, depth / 3, (_NUMBERS, 3))
    return np.asarray(1 + slopes.astype(np.float32)[shapes] * along[..., None], np.float32)


def _side(along: Plane, shapes: ByteGrid, softness: float, start: float, luck: np.random.Generator) -> Plane:
    """0..1: one side of every shape, from a position on that differs among shapes; it may cover most of a shape."""
    starts = luck.normal(start, 0.4, _NUMBERS).astype(np.float32)[shapes]
    return np.asarray(np.clip((along - starts) * np.float32(1 / softness) + 0.5, 0, 1), np.float32)


def _sheen(along: Plane, shapes: ByteGrid, softness: float, luck: np.random.Generator) -> Plane:
    """0..1: a band across a third of the shapes."""
    middles = luck.normal(0, 0.4, _NUMBERS)
    middles[luck.random(_NUMBERS) > 1 / 3] = 9
    distance = np.abs(along - middles.astype(np.float32)[shapes])
    return np.asarray(np.clip((0.15 - distance) * np.float32(1 / softness) + 0.5, 0, 1), np.float32)


def _darkened(picture: FloatPicture, where: Plane, rng: random.Random) -> FloatPicture:
    """Multiplies by a tone, often a bluish one."""
    depth = rng.uniform(0.15, 0.65)
    tone = np.array([rng.uniform(0, 0.6), rng.uniform(0, 0.6), rng.uniform(0, 1.0)], np.float32)
    return np.asarray(picture * (1 - where[..., None] * (np.float32(depth) * (1 - tone))), np.float32)


def _lightened(picture: FloatPicture, where: Plane, rng: random.Random) -> FloatPicture:
    """Blends towards white, often a yellowish one."""
    white = np.array([1, rng.uniform(0.85, 1), rng.uniform(0.6, 1)], np.float32)
    amount = where[..., None] * np.float32(rng.uniform(0.1, 0.55))
    return np.asarray(picture + amount * (white - picture), np.float32)


def _patterned(picture: FloatPicture, shapes: ByteGrid, along: Plane, rng: random.Random) -> FloatPicture:
    """Covers up to two fifths of some shapes with stripes, checks, spots or letters."""
    picture = picture.copy()
    size = len(shapes)
    for _ in range(rng.randint(1, 3)):
        own = shapes == shapes[rng.randrange(size), rng.randrange(size)]
        kind = rng.random()
        if kind < 0.4:
            mark = np.sin(along * np.float32(rng.uniform(6, 25))) > rng.uniform(0.3, 0.9)
        elif kind < 0.8:
            mark = smooth_noise(size, rng.choice([8, 16, 32]), rng) > rng.uniform(0.6, 0.75)
        else:
            mark = _letters(own, rng)
        tone = rng.uniform(0.4, 0.85) if rng.random() < 0.6 else rng.uniform(1.15, 1.6)
        other = np.array([rng.random() for _ in range(3)], np.float32)
        inside = own & mark
        picture[inside] = other if rng.random() < 0.3 else np.minimum(picture[inside] * np.float32(tone), 1)
    return picture


def _letters(own: NDArray[np.bool_], rng: random.Random) -> NDArray[np.bool_]:
    """A word in the middle of a shape."""
    rows, columns = np.nonzero(own)
    width = max(int(np.ptp(columns)), 1)
    text = "".join(rng.choice("ABCDEHKLMNORSTVXZ0123") for _ in range(rng.randint(1, 5)))
    scale = width / 30 / len(text)
    start = (int(columns.mean() - width * 0.35), int(rows.mean()))
    marked = np.zeros(own.shape, np.uint8)
    thick = max(1, round(scale * 2))
    cv2.putText(marked, text, start, cv2.FONT_HERSHEY_SIMPLEX, scale, 1, thick)
    return marked > 0

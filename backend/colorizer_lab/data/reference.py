"""Paints references from labelled drawings and palettes: shading, line art, light, texture, warping.

Labels are warped together with the picture, so they stay exact.
"""

from __future__ import annotations

import math
import random

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer_lab.data.canvas import ByteGrid, Drawing
from colorizer_lab.data.palette import BACKGROUND_PARTS, Palette
from colorizer_lab.data.shading import FloatPicture, shade, smooth_noise


def paint(drawing: Drawing, palette: Palette, rng: random.Random) -> FloatPicture:
    """Paints a drawing: flat, cel-shaded or softly shaded, usually with its lines, sometimes with light and texture."""
    if rng.random() < 0.35:
        picture = _cel_shaded(drawing, palette, rng.choice([0, 0.4, 0.8, 1.2]))
    else:
        cast = drawing.shade.astype(np.float32) if rng.random() < 0.5 else None
        picture = shade(palette[drawing.parts], drawing.instances, rng, cast)
    size = len(picture)
    if rng.random() < 0.25:
        picture = picture * _cloudy(size, 3, rng.uniform(0.05, 0.3), rng)
    if rng.random() < 0.12:
        picture = picture * _cloudy(size, rng.randint(8, 24), rng.uniform(0.05, 0.2), rng)
    if rng.random() < 0.15:
        picture = _before_a_painting(picture, drawing.parts, rng)
    if rng.random() < 0.8:
        picture = _with_lines(picture, drawing.lines, rng)
    return np.asarray(np.clip(picture, 0, 1), np.float32)


def warp(
    picture: FloatPicture, parts: ByteGrid, amount: float, rng: random.Random
) -> tuple[FloatPicture, ByteGrid]:
    """Warps picture and labels; `amount` is a share of the edge. Most are also rotated, scaled and shifted."""
    size = len(parts)
    columns, rows = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    x, y = columns - size / 2, rows - size / 2
    if rng.random() < 0.7:
        angle, scale = rng.gauss(0, 0.12), rng.uniform(0.75, 1.2)
        cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
        shift_x, shift_y = rng.gauss(0, 0.04) * size, rng.gauss(0, 0.04) * size
        x, y = x * cos - y * sin + shift_x, x * sin + y * cos + shift_y
    x = x + size / 2 + _bend(size, amount, rng)
    y = y + size / 2 + _bend(size, amount, rng)
    border = cv2.BORDER_REFLECT_101
    bent = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=border)
    bent_parts = cv2.remap(parts, x, y, cv2.INTER_NEAREST, borderMode=border)
    return np.asarray(bent, np.float32), np.asarray(bent_parts, np.uint8)


def soften(picture: FloatPicture, rng: random.Random) -> FloatPicture:
    """Degrades every fourth picture slightly: blur, noise, or coarse pixels."""
    size, kind = len(picture), rng.random()
    if kind < 0.15:
        radius = rng.uniform(0.4, 1.2) * size / 128
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), radius), np.float32)
    if kind < 0.21:
        grain = np.random.default_rng(rng.getrandbits(31)).standard_normal(picture.shape, np.float32)
        return np.asarray(np.clip(picture + grain * np.float32(rng.uniform(0.01, 0.05)), 0, 1), np.float32)
    if kind < 0.25:
        edge = rng.randint(40, 90)
        small = cv2.resize(picture, (edge, edge), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (size, size), interpolation=cv2.INTER_NEAREST), np.float32)
    return picture


def _cel_shaded(drawing: Drawing, palette: Palette, depth: float) -> FloatPicture:
    shadow = palette * np.float32(1 - 0.35 * depth)
    shadow[:, 2] += palette[:, 2] * np.float32(0.06 * depth)
    both = np.concatenate([palette, np.clip(shadow, 0, 1)])
    return both[drawing.parts + drawing.shade * np.intp(len(palette))]


def _before_a_painting(picture: FloatPicture, parts: ByteGrid, rng: random.Random) -> FloatPicture:
    """Mixes blurred spots of other colours into the background."""
    spots = smooth_noise(len(parts), rng.choice([2, 4, 8]), rng, 3)
    share = np.where(parts < BACKGROUND_PARTS, np.float32(rng.uniform(0.2, 0.6)), np.float32(0))[..., None]
    return np.asarray(picture + share * (spots - picture), np.float32)


def _with_lines(picture: FloatPicture, lines: ByteGrid, rng: random.Random) -> FloatPicture:
    """Draws the lines in black, in a dark colour, or, as many painters do, in a darker tone of what they lie on."""
    paper = (lines.astype(np.float32) / 255)[..., None]
    kind = rng.random()
    if kind < 0.35:
        depth = rng.uniform(0.2, 0.65)
        tone = np.array([depth, depth * 0.9, depth * rng.uniform(0.8, 1.1)], np.float32)
        return np.asarray(picture * (paper + tone * (1 - paper)), np.float32)
    tint = np.array([rng.uniform(0, 0.3), rng.uniform(0, 0.25), rng.uniform(0, 0.25)], np.float32)
    ink = tint if kind < 0.65 else np.zeros(3, np.float32)
    return np.asarray(picture * paper + ink * (1 - paper), np.float32)


def _cloudy(size: int, cells: int, depth: float, rng: random.Random) -> NDArray[np.float32]:
    return np.asarray(1 + (smooth_noise(size, cells, rng) - 0.5) * np.float32(2 * depth), np.float32)[
        ..., None
    ]


def _bend(size: int, amount: float, rng: random.Random) -> NDArray[np.float32]:
    noise = np.random.default_rng(rng.getrandbits(31)).standard_normal((5, 5), np.float32)
    noise *= np.float32(amount * size * rng.random())
    return np.asarray(cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)

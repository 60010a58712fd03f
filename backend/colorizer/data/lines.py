"""How a drawing's lines look: pens and habits of one artist, and what paper and scanner add.

Knows no shapes; `canvas` strokes paths with a `LineStyle`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]


@dataclass(frozen=True)
class LineStyle:
    """One artist's line. Lengths are shares of the canvas's edge."""

    width: float
    gray: int
    doubled: bool
    dashed: bool
    dash: float
    gap: float
    see_through: bool
    """Hidden lines stay visible, as in a construction sketch."""
    detail: float
    """Share of folds and strands that are drawn."""
    uneven: float
    hatched: bool
    dropped: float
    """Share of strokes that are missing."""
    inked_hair: bool
    inked_eyes: bool
    edges_only: bool
    """Lines made from the borders of the shapes instead of strokes."""


def draw_line_style(rng: random.Random) -> LineStyle:
    """One artist's habits, from clean vector lines to broken sketches."""
    widths = [rng.uniform(0.004, 0.008), rng.uniform(0.006, 0.014), rng.uniform(0.012, 0.022)]
    return LineStyle(
        width=rng.choice(widths),
        gray=rng.choice([0, 0, 0, rng.randint(0, 110), rng.randint(40, 150)]),
        doubled=rng.random() < 0.18,
        dashed=rng.random() < 0.2,
        dash=rng.uniform(0.08, 0.4),
        gap=rng.uniform(0.004, 0.03),
        see_through=rng.random() < 0.06,
        detail=rng.random(),
        uneven=rng.uniform(0, 0.5),
        hatched=rng.random() < 0.12,
        dropped=rng.choice([0, 0, 0, 0.03, 0.08]),
        inked_hair=rng.random() < 0.12,
        inked_eyes=rng.random() < 0.3,
        edges_only=rng.random() < 0.08,
    )


def lines_from_edges(instances: Gray, width: float) -> Gray:
    """Line picture (255 = paper) of the borders between instances; `width` as in `LineStyle`."""
    edges = np.zeros(instances.shape, np.uint8)
    edges[:, 1:] |= instances[:, 1:] != instances[:, :-1]
    edges[1:] |= instances[1:] != instances[:-1]
    blur = max(instances.shape[0] * width * 0.35, 0.4)
    ink = cv2.GaussianBlur(edges * np.float32(255 * 1.6), (0, 0), blur)
    return np.asarray(255 - np.clip(ink, 0, 255), np.uint8)


def put_on_paper(lines: Gray, rng: random.Random) -> Gray:
    """The same lines (255 = paper) after pencil grain, blur, gray paper and scanner noise."""
    size = lines.shape[0]
    light = lines.astype(np.float32) / 255
    kind = rng.random()
    if kind < 0.2:
        light = 1 - (1 - light) * _grain(size, rng)
    elif kind < 0.3:
        light = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.4, 0.9) * size / 128)
    if rng.random() < 0.15:
        light = light * rng.uniform(0.75, 0.97)
    if rng.random() < 0.15:
        noise = np.random.default_rng(rng.getrandbits(31))
        light = light + noise.standard_normal((size, size), np.float32) * rng.uniform(0.01, 0.06)
    return np.asarray(np.clip(light, 0, 1) * 255, np.uint8)


def _grain(size: int, rng: random.Random) -> NDArray[np.float32]:
    noise = np.random.default_rng(rng.getrandbits(31))
    coarse = noise.random((max(size // 2, 1), max(size // 2, 1)), np.float32)
    return np.asarray(0.45 + 0.75 * cv2.resize(coarse, (size, size)), np.float32)

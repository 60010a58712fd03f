"""Line styles: pens and habits of an artist, and the effects of paper and scanner.

`canvas` strokes paths with a `LineStyle`; this module does not handle shapes.
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
    """The line style of one artist. Lengths are shares of the canvas's edge."""

    width: float
    gray: int
    doubled: bool
    dashed: bool
    dash: float
    gap: float
    see_through: bool
    """Hidden lines stay visible, as in a construction sketch."""
    detail: float
    """Share of the folds and strands that are drawn."""
    uneven: float
    hatched: bool
    dropped: float
    """Share of the strokes that are missing."""
    inked_hair: bool
    inked_eyes: bool
    edges_only: bool
    """Whether lines are made from the borders of the shapes instead of strokes."""


def draw_line_style(rng: random.Random) -> LineStyle:
    """A random line style, from clean vector lines to broken sketches."""
    widths = [rng.uniform(0.004, 0.008), rng.uniform(0.006, 0.014), rng.uniform(0.012, 0.022)]
    return LineStyle(
        width=rng.uniform(0.02, 0.032) if rng.random() < 0.05 else rng.choice(widths),
        gray=rng.choice([0, 0, 0, rng.randint(0, 110), rng.randint(40, 150)]),
        doubled=rng.random() < 0.18,
        dashed=rng.random() < 0.2,
        dash=rng.uniform(0.08, 0.4),
        gap=rng.uniform(0.004, rng.choice([0.03, 0.03, 0.06])),
        see_through=rng.random() < 0.06,
        detail=rng.random(),
        uneven=rng.uniform(0, 0.5),
        hatched=rng.random() < 0.12,
        dropped=rng.choice([0, 0, 0, 0.03, 0.08, 0.15]),
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
    """Adds pencil grain, blur, gray paper and scanner noise to lines (255 = paper)."""
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


def lines_along_borders(instances: Gray, style: LineStyle, rng: random.Random) -> Gray:
    """Line picture (255 = paper) of the borders between instances, in a line style.

    For shapes that are known as pixels only. It has the same effects as `canvas.Canvas.stroke` for paths: width, gray,
    uneven pressure, gaps, missing strokes, and lines drawn twice.
    """
    edges = _borders(instances, style.dropped, rng)
    size = len(edges)
    if style.dashed:
        _open_gaps(edges, max(1, round(style.gap * size / 2)), max(1, round(2 / style.dash)), rng)
    light = np.ones(edges.shape, np.float32)
    for _ in range(2 if style.doubled else 1):
        drawn = _shaken(edges, 0.003 * size, rng) if style.doubled else edges
        away = cv2.distanceTransform(1 - drawn, cv2.DIST_L2, 3)
        pressure = 1 + style.uneven * (2 * _smooth(size, 8, rng) - 1)
        cover = np.clip(max(style.width * size, 1) * pressure / 2 - away + 0.5, 0, 1)
        light *= 1 - cover * (1 - style.gray / 255) * (2 / 3 if style.doubled else 1)
    return np.asarray(light * 255, np.uint8)


def _borders(instances: Gray, dropped: float, rng: random.Random) -> Gray:
    """1 along the borders; a share `dropped` of all pairs of neighbouring instances has no border."""
    edges = np.zeros(instances.shape, np.uint8)
    odd, even = rng.randrange(1, 997), rng.randrange(1, 997)
    for here, there, place in (
        (instances[:, 1:], instances[:, :-1], edges[:, 1:]),
        (instances[1:], instances[:-1], edges[1:]),
    ):
        low, high = np.minimum(here, there).astype(np.int64), np.maximum(here, there).astype(np.int64)
        kept = (low * odd + high * even) % 997 >= dropped * 997
        place |= ((here != there) & kept).astype(np.uint8)
    return edges


def _open_gaps(edges: Gray, radius: int, density: int, rng: random.Random) -> None:
    """Erases the lines at random positions."""
    y, x = np.nonzero(edges)
    for _ in range(min(len(x), density * 4)):
        place = rng.randrange(len(x))
        cv2.circle(edges, (int(x[place]), int(y[place])), radius, 0, -1)


def _shaken(edges: Gray, amount: float, rng: random.Random) -> Gray:
    """Displaces the lines slightly, as in a second stroke beside the first."""
    size = len(edges)
    columns, rows = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    across, down = ((2 * _smooth(size, 6, rng) - 1) * np.float32(4 * amount) for _ in range(2))
    return np.asarray(cv2.remap(edges, columns + across, rows + down, cv2.INTER_NEAREST))


def _smooth(size: int, cells: int, rng: random.Random) -> NDArray[np.float32]:
    """Smooth noise (size, size), about 0..1."""
    noise = np.random.default_rng(rng.getrandbits(31)).random((cells, cells), np.float32)
    return np.asarray(cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)

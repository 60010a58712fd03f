"""Backgrounds of procedural drawings: plain, hills, a room, stripes, a city, dots, a split field, rays, clutter.

They draw background parts only, in the canvas's frame.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from colorizer_lab.data.canvas import Canvas
from colorizer_lab.data.palette import Part
from colorizer_lab.data.shapes import blob, box, curve, oval, polygon, ring, shaky


def draw_background(canvas: Canvas, kind: str) -> None:
    """Fills the whole canvas; `kind` is a key of `BACKGROUNDS`."""
    canvas.shape(box(-0.1, -0.1, 1.1, 1.1), Part.BACKDROP, 0, shade=False)
    BACKGROUNDS[kind](canvas)


def pick_background(rng: random.Random) -> str:
    """Draws a random kind; every third is plain."""
    return "plain" if rng.random() < 0.3 else rng.choice(list(BACKGROUNDS))


def _plain(canvas: Canvas) -> None:
    """The backdrop only."""


def _hills(canvas: Canvas) -> None:
    rng = canvas.rng
    horizon = rng.uniform(0.35, 0.8)
    path = curve([(-0.1 + 0.2 * i, horizon + rng.gauss(0, 0.06)) for i in range(7)])
    path.lineTo(1.2, 1.2)
    path.lineTo(-0.2, 1.2)
    path.close()
    canvas.shape(path, Part.GROUND, 0.8, shade=False)
    for _ in range(rng.randint(0, 4)):
        x, y, radius = rng.random(), rng.uniform(0, horizon * 0.8), rng.uniform(0.04, 0.12)
        cloud = shaky(rng, ring(x, y, radius * 1.6, radius * 0.7, 6), radius * 0.15)
        canvas.shape(blob(cloud), Part.SHAPE, 0.7, shade=False)
    for _ in range(rng.randint(0, 3)):
        x, height = rng.random(), rng.uniform(0.1, 0.3)
        y = horizon + rng.uniform(0, 0.1)
        tree = polygon([(x, y - height), (x + height * 0.4, y), (x - height * 0.4, y)])
        canvas.shape(tree, Part.ORNAMENT, 0.7, shade=False)


def _slot(canvas: Canvas) -> None:
    rng = canvas.rng
    canvas.shape(box(-0.1, rng.uniform(0.6, 0.9), 1.1, 1.1), Part.GROUND, 0.8, shade=False)
    for _ in range(rng.randint(1, 3)):
        x, y = rng.uniform(0, 0.8), rng.uniform(0.02, 0.3)
        width, height = rng.uniform(0.12, 0.3), rng.uniform(0.12, 0.35)
        canvas.shape(box(x, y, x + width, y + height), Part.SHAPE, 0.8, shade=False)
        if rng.random() < 0.7:
            edge_x, edge_y = width * 0.12, height * 0.12
            pane = box(x + edge_x, y + edge_y, x + width - edge_x, y + height - edge_y)
            canvas.shape(pane, Part.ORNAMENT, 0.6, shade=False)
        canvas.detail(curve([(x + width / 2, y), (x + width / 2, y + height)]))


def _stripes(canvas: Canvas) -> None:
    count = canvas.rng.randint(3, 9)
    with canvas.frame(0.5, 0.5, degrees=canvas.rng.uniform(0, 180)):
        for i in range(count):
            x = -0.8 + 1.6 * i / count
            canvas.shape(box(x, -1, x + 0.8 / count, 1), Part.GROUND, 0.7, shade=False)


def _city(canvas: Canvas) -> None:
    rng = canvas.rng
    x = -0.05
    while x < 1.05:
        width, top = rng.uniform(0.08, 0.25), rng.uniform(0.15, 0.7)
        part = rng.choice([Part.GROUND, Part.SHAPE])
        canvas.shape(box(x, top, x + width, 1.1), part, 0.7, shade=False)
        if rng.random() < 0.6:
            _windows(canvas, x, top, width)
        x += width * rng.uniform(0.9, 1.3)


def _windows(canvas: Canvas, x: float, top: float, width: float) -> None:
    for column in (0.15, 0.55):
        for row in range(3):
            left, y = x + width * column, top + 0.05 + row * 0.1
            window = box(left, y, left + width * 0.25, y + 0.05)
            canvas.shape(window, Part.ORNAMENT, 0.5, shade=False)


def _dots(canvas: Canvas) -> None:
    rng = canvas.rng
    for _ in range(rng.randint(4, 14)):
        radius = rng.uniform(0.03, 0.1)
        dot = oval(rng.random(), rng.random(), radius, radius)
        canvas.shape(dot, rng.choice([Part.GROUND, Part.SHAPE]), 0.7, shade=False)


def _split(canvas: Canvas) -> None:
    rng = canvas.rng
    with canvas.frame(0.5, 0.5, degrees=rng.uniform(0, 360)):
        canvas.shape(box(-1.2, rng.uniform(-0.1, 0.1), 1.2, 1.2), Part.GROUND, 0.8, shade=False)
    if rng.random() < 0.6:
        radius = rng.uniform(0.1, 0.35)
        moon = oval(rng.random(), rng.random(), radius, radius)
        canvas.shape(moon, Part.SHAPE, 0.8, shade=False)


def _rays(canvas: Canvas) -> None:
    rng = canvas.rng
    count = rng.randint(4, 9)
    with canvas.frame(rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7), degrees=rng.uniform(0, 90)):
        for corner in ring(0, 0, 1.6, 1.6, count):
            left = (corner[0] - corner[1] * 0.25, corner[1] + corner[0] * 0.25)
            canvas.shape(polygon([(0, 0), corner, left]), Part.GROUND, 0.6, shade=False)
        if rng.random() < 0.5:
            radius = rng.uniform(0.1, 0.3)
            canvas.shape(oval(0, 0, radius, radius), Part.SHAPE, 0.8, shade=False)


def _clutter(canvas: Canvas) -> None:
    """Things of many shapes, partly covered by each other."""
    rng = canvas.rng
    for _ in range(rng.randint(8, 22)):
        x, y, radius = rng.uniform(-0.1, 1.1), rng.uniform(-0.1, 1.1), rng.uniform(0.03, 0.2)
        corners = ring(x, y, radius, radius * rng.uniform(0.3, 1.5), rng.randint(3, 8))
        outline = shaky(rng, corners, radius * 0.3)
        path = blob(outline) if rng.random() < 0.5 else polygon(outline)
        part = rng.choice([Part.GROUND, Part.SHAPE, Part.ORNAMENT])
        canvas.shape(path, part, rng.choice([0, 0.6, 0.8]), shade=False)


BACKGROUNDS: dict[str, Callable[[Canvas], None]] = {
    "plain": _plain,
    "hills": _hills,
    "room": _slot,
    "stripes": _stripes,
    "city": _city,
    "dots": _dots,
    "split": _split,
    "rays": _rays,
    "clutter": _clutter,
}

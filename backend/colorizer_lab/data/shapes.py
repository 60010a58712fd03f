"""Outlines as skia paths, from a few points, without parts, colours or line styles.

Units are those of the caller's frame; y points down.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import skia

Point = tuple[float, float]
Path = Any
"""A `skia.Path` (skia-python ships no types)."""


def blob(points: Sequence[Point]) -> Path:
    """A closed smooth outline through the points."""
    path = _smooth(points, [points[i % len(points)] for i in range(-1, len(points) + 2)])
    path.close()
    return path


def curve(points: Sequence[Point]) -> Path:
    """An open smooth line through the points."""
    return _smooth(points[:-1], [points[0], *points, points[-1]])


def polygon(points: Sequence[Point]) -> Path:
    """A closed outline with straight sides."""
    path = skia.Path()
    path.moveTo(*points[0])
    for point in points[1:]:
        path.lineTo(*point)
    path.close()
    return path


def oval(x: float, y: float, radius_x: float, radius_y: float) -> Path:
    """An ellipse around (x, y)."""
    path = skia.Path()
    path.addOval(skia.Rect.MakeLTRB(x - radius_x, y - radius_y, x + radius_x, y + radius_y))
    return path


def box(left: float, top: float, right: float, bottom: float) -> Path:
    """An upright rectangle."""
    path = skia.Path()
    path.addRect(skia.Rect.MakeLTRB(left, top, right, bottom))
    return path


def limb(joints: tuple[Point, Point, Point], widths: tuple[float, float, float]) -> Path:
    """A tube around two bones; `widths` are half its width at each joint."""
    first, second, third = joints
    upper, lower = _normal(first, second), _normal(second, third)
    middle = ((upper[0] + lower[0]) / 2, (upper[1] + lower[1]) / 2)
    rows = list(zip(joints, (upper, middle, lower), widths, strict=True))
    left = [(p[0] + n[0] * w, p[1] + n[1] * w) for p, n, w in rows]
    right = [(p[0] - n[0] * w, p[1] - n[1] * w) for p, n, w in rows]
    path = curve(left)
    path.lineTo(*right[2])
    path.quadTo(*right[1], *right[0])
    path.close()
    return path


def between(start: Point, end: Point, share: float) -> Point:
    """The point `share` of the way from start to end."""
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def shaky(rng: random.Random, points: Sequence[Point], amount: float) -> list[Point]:
    """Displaces the points randomly; `amount` is the standard deviation."""
    return [(x + rng.gauss(0, amount), y + rng.gauss(0, amount)) for x, y in points]


def mirrored(points: Sequence[Point], side: int) -> list[Point]:
    """The points unchanged (side 1) or mirrored at x = 0 (side -1)."""
    return [(x * side, y) for x, y in points]


def ring(x: float, y: float, radius_x: float, radius_y: float, count: int) -> list[Point]:
    """`count` points around an ellipse."""
    angles = (math.tau * i / count for i in range(count))
    return [(x + radius_x * math.cos(a), y + radius_y * math.sin(a)) for a in angles]


def _smooth(starts: Sequence[Point], padded: Sequence[Point]) -> Path:
    """Catmull-Rom segments; `padded` has one more point before and two more after `starts`."""
    path = skia.Path()
    path.moveTo(*starts[0])
    for i in range(len(starts)):
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = padded[i : i + 4]
        path.cubicTo(bx + (cx - ax) / 6, by + (cy - ay) / 6, cx - (dx - bx) / 6, cy - (dy - by) / 6, cx, cy)
    return path


def _normal(start: Point, end: Point) -> Point:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy) + 1e-6
    return -dy / length, dx / length

"""Objects: a house, a car, a mug and others, in up to four colours.

They are drawn in the object's frame: the origin is its middle, 1 is about half its width, y points down.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from colorizer_lab.data.canvas import Canvas
from colorizer_lab.data.identity import Traits, View
from colorizer_lab.data.palette import Part
from colorizer_lab.data.shapes import blob, box, limb, oval, polygon, ring, shaky

A, B, C, D = Part.OBJECT_A, Part.OBJECT_B, Part.OBJECT_C, Part.OBJECT_D


def draw_object(canvas: Canvas, traits: Traits, view: View) -> None:
    """Draws the object."""
    near = view.framing in ("head", "bust")
    with canvas.frame(view.x, 0.52, (0.28 if near else 0.22) * view.zoom, view.tilt_degrees):
        THINGS[traits.thing](canvas, traits, view)


def _house(canvas: Canvas, _traits: Traits, view: View) -> None:
    canvas.shape(box(-1, -0.3, 1, 1), A)
    roof = [(-1.25, -0.3), (0, -1.2), (1.25, -0.3)]
    canvas.shape(polygon(shaky(canvas.rng, roof, view.wobble)), B)
    canvas.shape(box(-0.2, 0.3, 0.2, 1), C)
    for x in (-0.6, 0.6):
        canvas.shape(box(x - 0.2, 0, x + 0.2, 0.4), D)


def _car(canvas: Canvas, _traits: Traits, _view: View) -> None:
    hull = [(-1.4, 0.4), (-1.3, -0.1), (-0.6, -0.2), (0.8, -0.2), (1.4, 0), (1.4, 0.4)]
    canvas.shape(blob(hull), A)
    canvas.shape(polygon([(-0.7, -0.15), (-0.4, -0.7), (0.5, -0.7), (0.8, -0.15)]), B)
    canvas.shape(polygon([(-0.5, -0.2), (-0.3, -0.58), (0, -0.58), (0, -0.2)]), D)
    for x in (-0.8, 0.8):
        canvas.shape(oval(x, 0.45, 0.32, 0.32), C)
        canvas.shape(oval(x, 0.45, 0.15, 0.15), D, 0.8)


def _mug(canvas: Canvas, _traits: Traits, _view: View) -> None:
    canvas.shape(oval(0.8, 0.2, 0.5, 0.45), A)
    canvas.shape(oval(0.8, 0.2, 0.28, 0.25), Part.BACKDROP)
    canvas.shape(box(-0.8, -0.6, 0.8, 1), A)
    canvas.shape(oval(0, -0.6, 0.8, 0.22), B)
    canvas.shape(box(-0.8, 0.1, 0.8, 0.5), C)


def _tree(canvas: Canvas, traits: Traits, view: View) -> None:
    canvas.shape(polygon([(-0.2, 0), (0.2, 0), (0.3, 1.2), (-0.3, 1.2)]), B)
    canvas.shape(blob(shaky(canvas.rng, ring(0, -0.5, 1.1, 0.9, 9), view.wobble * 4)), A)
    for _ in range(traits.count):
        x, y = canvas.rng.uniform(-0.7, 0.7), canvas.rng.uniform(-1.1, 0.1)
        canvas.shape(oval(x, y, 0.13, 0.13), C, 0.8)


def _flower(canvas: Canvas, traits: Traits, _view: View) -> None:
    canvas.shape(limb(((0, 0), (0.1, 0.7), (0, 1.5)), (0.08, 0.08, 0.08)), C)
    canvas.shape(blob([(0, 1.2), (0.5, 0.7), (0.9, 0.8), (0.5, 1.15)]), C)
    for x, y in ring(0, -0.3, 0.65, 0.65, traits.count + 3):
        canvas.shape(oval(x, y, 0.38, 0.38), A)
    canvas.shape(oval(0, -0.3, 0.35, 0.35), B)


def _robot(canvas: Canvas, _traits: Traits, view: View) -> None:
    for side in (-1, 1):
        swing = view.arms[0 if side < 0 else 1] * 0.2
        arm = limb(((side * 0.75, 0.2), (side * (1 + swing), 0.6), (side * 1.0, 1.0)), (0.17, 0.15, 0.13))
        canvas.shape(arm, B)
        canvas.shape(oval(side * 1.0, 1.05, 0.18, 0.18), D)
        canvas.shape(box(side * 0.35 - 0.18, 1.1, side * 0.35 + 0.18, 1.6), C)
    canvas.shape(box(-0.7, 0, 0.7, 1.1), A)
    canvas.shape(oval(0, 0.5, 0.3, 0.3), C)
    canvas.shape(box(-0.55, -0.9, 0.55, -0.08), B)
    for side in (-1, 1):
        canvas.shape(oval(side * 0.25 + view.yaw * 0.15, -0.5, 0.16, 0.16), D)
    canvas.shape(box(-0.04, -1.2, 0.04, -0.9), C, 0.8)
    canvas.shape(oval(0, -1.25, 0.1, 0.1), D, 0.8)


def _cake(canvas: Canvas, traits: Traits, _view: View) -> None:
    canvas.shape(box(-1, 0, 1, 0.9), A)
    drips = [(1.05 - 0.35 * i, 0.45 if i % 2 else 0.2) for i in range(7)]
    canvas.shape(blob([(-1.05, -0.1), (1.05, -0.1), *drips]), B)
    for i in range(traits.count):
        canvas.shape(oval(-0.8 + 1.6 * i / traits.count, -0.2, 0.15, 0.17), C)


def _ship(canvas: Canvas, _traits: Traits, _view: View) -> None:
    canvas.shape(polygon([(-1.2, 0.4), (1.2, 0.4), (0.8, 1), (-0.8, 1)]), A)
    canvas.shape(box(-0.06, -1.1, 0.06, 0.4), D)
    canvas.shape(polygon([(0.1, -1), (1, 0.25), (0.1, 0.25)]), B)
    canvas.shape(polygon([(-0.1, -0.8), (-0.8, 0.25), (-0.1, 0.25)]), C)


def _mushroom(canvas: Canvas, traits: Traits, view: View) -> None:
    canvas.shape(blob([(-0.3, 0), (0.3, 0), (0.4, 1), (-0.4, 1)]), B)
    outline = [(-1.1, 0.1), (-0.8, -0.7), (0, -1), (0.8, -0.7), (1.1, 0.1), (0, 0.2)]
    cap = blob(shaky(canvas.rng, outline, view.wobble))
    canvas.shape(cap, A)
    with canvas.inside(cap):
        for _ in range(traits.count + 2):
            x, y = canvas.rng.uniform(-0.9, 0.9), canvas.rng.uniform(-0.9, 0)
            canvas.shape(oval(x, y, 0.2, 0.17), C, 0.8, shade=False)


def _lamp(canvas: Canvas, _traits: Traits, _view: View) -> None:
    canvas.shape(box(-0.07, -0.3, 0.07, 1), B)
    canvas.shape(polygon([(-0.5, -1), (0.5, -1), (0.85, -0.1), (-0.85, -0.1)]), A)
    canvas.shape(oval(0, 1, 0.5, 0.15), C)


def _gem(canvas: Canvas, _traits: Traits, _view: View) -> None:
    canvas.shape(polygon([(-1, -0.3), (-0.5, -0.9), (0.5, -0.9), (1, -0.3), (0, 1)]), A)
    canvas.shape(polygon([(-0.4, -0.3), (0.4, -0.3), (0, 1)]), B)
    canvas.shape(polygon([(-1, -0.3), (-0.5, -0.9), (-0.4, -0.3)]), C)


def _bubbles(canvas: Canvas, traits: Traits, _view: View) -> None:
    rng = canvas.rng
    for _ in range(traits.count + 2):
        x, y = rng.uniform(-0.9, 0.9), rng.uniform(-0.7, 0.7)
        bubble = oval(x, y, rng.uniform(0.25, 0.5), rng.uniform(0.25, 0.5))
        canvas.shape(bubble, rng.choice([A, B, C, D]))


def _bottle(canvas: Canvas, _traits: Traits, _view: View) -> None:
    outline = [(-0.5, 1), (0.5, 1), (0.5, 0), (0.18, -0.5), (-0.18, -0.5), (-0.5, 0)]
    canvas.shape(polygon(outline), A)
    canvas.shape(box(-0.5, 0.15, 0.5, 0.7), B)
    canvas.shape(box(-0.2, -0.95, 0.2, -0.5), C)


def _rocket(canvas: Canvas, _traits: Traits, view: View) -> None:
    for side in (-1, 1):
        fin = polygon([(side * 0.35, 0.3), (side * 0.9, 1), (side * 0.35, 0.8)])
        canvas.shape(fin, B)
    canvas.shape(blob([(-0.25, 0.9), (0, 1.5 + 0.3 * math.sin(view.wind)), (0.25, 0.9)]), D)
    canvas.shape(blob([(-0.4, 0.8), (-0.4, -0.4), (0, -1.3), (0.4, -0.4), (0.4, 0.8)]), A)
    canvas.shape(oval(0, -0.2, 0.2, 0.2), C)


THINGS: dict[str, Callable[[Canvas, Traits, View], None]] = {
    "house": _house,
    "car": _car,
    "mug": _mug,
    "tree": _tree,
    "flower": _flower,
    "robot": _robot,
    "cake": _cake,
    "ship": _ship,
    "mushroom": _mushroom,
    "lamp": _lamp,
    "gem": _gem,
    "bubbles": _bubbles,
    "bottle": _bottle,
    "rocket": _rocket,
}

"""Animals and monsters: a body with a head, marks and sometimes clothes.

They are drawn in the creature's frame: the origin is the middle of the body, 1 is half its width, y points down.
"""

from __future__ import annotations

from collections.abc import Callable

from colorizer_lab.data.canvas import Canvas
from colorizer_lab.data.humans import draw_scarf
from colorizer_lab.data.identity import Traits, View
from colorizer_lab.data.palette import Part
from colorizer_lab.data.shapes import (
    Path,
    between,
    blob,
    curve,
    limb,
    mirrored,
    oval,
    polygon,
    shaky,
)

_SIDES = (-1, 1)


def draw_creature(canvas: Canvas, traits: Traits, view: View) -> None:
    """Draws the creature from back to front."""
    near = view.framing in ("head", "bust")
    radius = (0.25 if near else 0.2) * view.zoom
    with canvas.frame(view.x, 0.56 if near else 0.62, radius):
        if traits.species == "slime":
            _slime(canvas, traits, view)
        else:
            _tail(canvas, traits, view)
            _body(canvas, traits, view)
            with canvas.frame(view.yaw * 0.35, -0.6, 0.85 * traits.head_size**0.5, view.tilt_degrees):
                _head(canvas, traits, view)
            if traits.collar == "scarf":
                with canvas.frame(view.yaw * 0.2, 0.2):
                    draw_scarf(canvas, view)


def _slime(canvas: Canvas, traits: Traits, view: View) -> None:
    outline = [(-1.0, 0.8), (-1.05, 0.2), (-0.5, -0.6), (0.0, -1.0), (0.5, -0.6), (1.05, 0.2)]
    body = blob(shaky(canvas.rng, [*outline, (1.0, 0.8), (0.0, 0.95)], view.wobble))
    canvas.shape(body, Part.BODY)
    _mark(canvas, traits, body)
    _eyes(canvas, view)
    _bow(canvas, traits)


def _tail(canvas: Canvas, traits: Traits, view: View) -> None:
    side = -1 if view.yaw > 0 else 1
    if traits.species in ("cat", "dog", "dragon"):
        end = (side * (1.4 + view.wind), -0.2 + view.wind)
        tail = limb(((side * 0.5, 0.9), (side * 1.3, 0.7), end), (0.2, 0.18, 0.1))
        canvas.shape(tail, Part.BODY)
    elif traits.species == "bird":
        tail = mirrored([(0.6, 0.3), (1.6, 0.5), (1.4, 0.9), (0.5, 0.8)], side)
        canvas.shape(blob(tail), Part.MARKING)
    elif traits.species == "fish":
        tail = mirrored([(0.7, 0.2), (1.6, -0.5), (1.4, 0.3), (1.6, 1.0)], side)
        canvas.shape(blob(tail), Part.MARKING)
    if traits.species == "dragon":
        for wing in _SIDES:
            points = [(0.5, 0.0), (1.6, -0.8), (1.7, 0.2), (1.2, 0.1), (1.0, 0.5)]
            canvas.shape(polygon(mirrored(points, wing)), Part.MARKING)
    elif traits.cape:
        points = [(-0.6, -0.2), (0.6, -0.2), (1.3 + view.wind, 1.3), (-1.3 + view.wind, 1.3)]
        canvas.shape(blob(shaky(canvas.rng, points, view.wobble)), Part.CAPE)


def _body(canvas: Canvas, traits: Traits, view: View) -> None:
    wide = 0.8 * traits.stout**0.5
    outline = [(-wide, 0.6), (-wide * 0.8, -0.2), (0.0, -0.5), (wide * 0.8, -0.2), (wide, 0.6)]
    outline += [(wide * 0.6, 1.2), (-wide * 0.6, 1.2)]
    body = blob(shaky(canvas.rng, outline, view.wobble))
    canvas.shape(body, Part.BODY)
    _mark(canvas, traits, body)
    for _ in range(3):
        x, y = canvas.rng.uniform(-0.6, 0.6), canvas.rng.uniform(0, 1)
        canvas.detail(curve([(x, y), (x + 0.08, y + 0.15)]), 0.5)
    if traits.species == "fish":
        fin = mirrored([(0.2, 0.4), (0.9, 0.8), (0.3, 0.9)], -1 if view.yaw > 0 else 1)
        canvas.shape(polygon(fin), Part.MARKING)
        return
    feet = Part.HORN if traits.species == "bird" else Part.BODY
    for side in _SIDES:
        canvas.shape(oval(side * 0.5, 1.2, 0.3, 0.2), feet)
        if traits.species == "bird":
            wing = mirrored([(0.6, 0.0), (1.1, 0.4 + view.wind), (0.8, 0.9), (0.5, 0.6)], side)
            canvas.shape(blob(wing), Part.MARKING)
        else:
            canvas.shape(oval(side * 0.4 + view.yaw * 0.2, 0.65, 0.2, 0.33), Part.BODY)


def _mark(canvas: Canvas, traits: Traits, body: Path) -> None:
    rng = canvas.rng
    with canvas.inside(body):
        if traits.marking == "belly":
            canvas.shape(oval(0, 0.6, 0.5, 0.6), Part.BELLY, 0.8, shade=False)
        elif traits.marking == "spots":
            for _ in range(traits.count + 1):
                spot = oval(rng.uniform(-0.9, 0.9), rng.uniform(-0.2, 1.2), 0.2, 0.17)
                canvas.shape(spot, Part.MARKING, 0.7, shade=False)
        elif traits.marking == "stripes":
            for i in range(4):
                x = -1 + i * 0.6
                stripe = polygon([(x, -0.3), (x + 0.22, -0.3), (x + 0.1, 1.3)])
                canvas.shape(stripe, Part.MARKING, 0.7, shade=False)


def _head(canvas: Canvas, traits: Traits, view: View) -> None:
    for side in _SIDES:
        _EARS.get(traits.species, _no_ear)(canvas, side)
    outline = [(-1.0, 0.0), (-0.7, -0.75), (0.0, -0.95), (0.7, -0.75), (1.0, 0.0)]
    outline += [(0.6, 0.75), (0.0, 0.9), (-0.6, 0.75)]
    canvas.shape(blob(shaky(canvas.rng, outline, view.wobble)), Part.BODY)
    if traits.species in ("bear", "dog", "cat", "dragon"):
        canvas.shape(oval(view.yaw * 0.35, 0.4, 0.4, 0.3), Part.BELLY, 0.8)
        canvas.shape(oval(view.yaw * 0.4, 0.27, 0.12, 0.09), Part.HORN, 0.8)
    elif traits.species == "bird":
        x = view.yaw * 0.4
        beak = polygon([(x - 0.2, 0.25), (x + 0.2, 0.25), (view.yaw * 0.7, 0.65)])
        canvas.shape(beak, Part.HORN)
    _eyes(canvas, view)
    _bow(canvas, traits)


def _eyes(canvas: Canvas, view: View) -> None:
    inked = canvas.style.inked_eyes
    for side in _SIDES:
        x = side * 0.4 + view.yaw * 0.25
        canvas.shape(oval(x, -0.05, 0.17, 0.2), Part.EYE_WHITE, 0.8, shade=False)
        pupil = oval(x + view.yaw * 0.04, -0.05, 0.11, 0.15)
        canvas.shape(pupil, Part.CREATURE_EYE, 0.7, shade=False, inked=inked)


def _bow(canvas: Canvas, traits: Traits) -> None:
    if traits.hat in ("ribbon", "cap", "beret", "pin"):
        for side in _SIDES:
            loop = mirrored([(0, -0.8), (0.45, -1.2), (0.5, -0.6)], side)
            canvas.shape(blob(loop), Part.HAT)


def _no_ear(canvas: Canvas, side: int) -> None:
    """No ears, for fish and birds."""


def _cat_ear(canvas: Canvas, side: int) -> None:
    outer = mirrored([(0.25, -0.4), (0.75, -1.25), (0.95, -0.4)], side)
    canvas.shape(polygon(outer), Part.BODY)
    middle = (side * 0.65, -0.5)
    canvas.shape(polygon([between(middle, point, 0.55) for point in outer]), Part.BELLY, 0.7)


def _bear_ear(canvas: Canvas, side: int) -> None:
    canvas.shape(oval(side * 0.65, -0.7, 0.3, 0.3), Part.BODY)
    canvas.shape(oval(side * 0.65, -0.7, 0.16, 0.16), Part.BELLY, 0.7)


def _bunny_ear(canvas: Canvas, side: int) -> None:
    canvas.shape(oval(side * 0.4, -1.3, 0.22, 0.8), Part.BODY)
    canvas.shape(oval(side * 0.4, -1.25, 0.1, 0.55), Part.BELLY, 0.7)


def _dog_ear(canvas: Canvas, side: int) -> None:
    ear = mirrored([(0.6, -0.7), (1.1, -0.5), (1.15, 0.3), (0.85, -0.1)], side)
    canvas.shape(blob(ear), Part.MARKING)


def _dragon_horn(canvas: Canvas, side: int) -> None:
    horn = mirrored([(0.35, -0.6), (0.9, -1.5), (0.75, -0.6)], side)
    canvas.shape(polygon(horn), Part.HORN)


_EARS: dict[str, Callable[[Canvas, int], None]] = {
    "cat": _cat_ear,
    "bear": _bear_ear,
    "bunny": _bunny_ear,
    "dog": _dog_ear,
    "dragon": _dragon_horn,
}

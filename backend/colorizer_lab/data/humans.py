"""A human body in clothes, in one of four framings.

It is drawn in the body's frame: the origin is the middle of the head, 1 is its usual radius, y points down. The head is
in `heads`, head pieces are in `hats`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from colorizer_lab.data.canvas import Canvas
from colorizer_lab.data.heads import SIDES, draw_back_hair, draw_head
from colorizer_lab.data.identity import Traits, View
from colorizer_lab.data.palette import Part
from colorizer_lab.data.shapes import (
    Point,
    between,
    blob,
    box,
    curve,
    limb,
    mirrored,
    oval,
    polygon,
    shaky,
)

_SHOULDER_Y = 1.35
_TORSO = 2.3
_HIP_Y = _SHOULDER_Y + _TORSO

_HEAD_RADIUS = {"head": 0.30, "bust": 0.2, "half": 0.14, "full": 0.09}
_HEAD_Y = {"head": 0.5, "bust": 0.36, "half": 0.27, "full": 0.19}


def draw_human(canvas: Canvas, traits: Traits, view: View) -> None:
    """Draws the person from back to front."""
    radius = _HEAD_RADIUS[view.framing] * view.zoom
    if view.framing in ("head", "bust"):
        radius /= math.sqrt(traits.head_size)
    with canvas.frame(view.x, _HEAD_Y[view.framing], radius):
        if traits.cape:
            _cape(canvas, traits, view)
        with _head_frame(canvas, traits, view):
            draw_back_hair(canvas, traits, view)
        if view.framing in ("half", "full"):
            with _leaning(canvas, view.lean_degrees * 0.3):
                for i, side in enumerate(SIDES):
                    _leg(canvas, traits, view.legs[i], side)
        if view.framing != "head" or canvas.rng.random() < 0.5:
            with _leaning(canvas, view.lean_degrees * 0.4):
                _upper_body(canvas, traits, view)
        with _head_frame(canvas, traits, view):
            draw_head(canvas, traits, view)


@contextmanager
def _head_frame(canvas: Canvas, traits: Traits, view: View) -> Iterator[None]:
    """Context with the head's frame; a bigger head extends upwards from the chin."""
    with canvas.frame(0, 1, traits.head_size, view.tilt_degrees), canvas.frame(0, -1):
        yield


@contextmanager
def _leaning(canvas: Canvas, degrees: float) -> Iterator[None]:
    with canvas.frame(0, _HIP_Y, degrees=degrees), canvas.frame(0, -_HIP_Y):
        yield


def _shoulders(traits: Traits) -> float:
    """Half the width."""
    return 0.88 * math.sqrt(traits.stout)


def _hips(traits: Traits) -> float:
    """Half the width."""
    return 0.8 * _shoulders(traits) * math.pow(traits.stout, 0.3)


def _cape(canvas: Canvas, traits: Traits, view: View) -> None:
    width, wind = _shoulders(traits), view.wind
    outline = [(-width * 0.9, _SHOULDER_Y), (width * 0.9, _SHOULDER_Y)]
    outline += [(width * (1.6 + wind), _HIP_Y + 2.5), (wind, _HIP_Y + 2.8)]
    outline += [(-width * (1.6 - wind), _HIP_Y + 2.5)]
    canvas.shape(blob(shaky(canvas.rng, outline, view.wobble)), Part.CAPE)


def _leg(canvas: Canvas, traits: Traits, angle: float, side: int) -> None:
    length, width = 1.5 * traits.legs, 0.28 * traits.stout
    hip = (side * _hips(traits) * 0.45, _HIP_Y - 0.1)
    knee = (hip[0] + side * math.sin(angle) * length, hip[1] + math.cos(angle) * length)
    lower = angle * 0.3
    foot = (knee[0] + side * math.sin(lower) * length, knee[1] + math.cos(lower) * length)
    canvas.shape(limb((hip, knee, foot), (width * 1.2, width, width * 0.7)), Part.SKIN)
    if traits.sock > 0.15:
        start = between(foot, hip, traits.sock)
        middle = knee if traits.sock > 0.55 else between(foot, start, 0.5)
        sock = limb((start, middle, foot), (width * 1.15, width * 1.05, width * 0.78))
        canvas.shape(sock, Part.SOCK)
    if traits.bottom == "trousers":
        end = between(knee, foot, 0.95)
        canvas.shape(limb((hip, knee, end), (width * 1.4, width * 1.25, width * 1.3)), Part.BOTTOM)
        canvas.detail(curve([between(hip, knee, 0.8), knee, between(knee, foot, 0.2)]), 0.5)
    elif traits.bottom == "shorts":
        joints = (hip, between(hip, knee, 0.3), between(hip, knee, 0.6))
        canvas.shape(limb(joints, (width * 1.4, width * 1.45, width * 1.5)), Part.BOTTOM)
    if traits.boots:
        joints = (between(foot, knee, 0.6), between(foot, knee, 0.3), foot)
        canvas.shape(limb(joints, (width * 1.1, width, width)), Part.SHOE)
    with canvas.frame(*foot, width):
        sole = mirrored([(-0.9, -0.5), (0.9, -0.5), (1.8, 0.9), (-1.0, 0.9)], side)
        canvas.shape(blob(sole), Part.SHOE)


def _upper_body(canvas: Canvas, traits: Traits, view: View) -> None:
    """Torso, clothes below it, collar and arms; sometimes the far arm is behind the torso."""
    hidden = canvas.rng.random() < 0.35
    far = 0 if view.yaw > 0 else 1
    if hidden:
        _arm(canvas, traits, view, far)
    neck = [(-0.26, 0.6), (0.26, 0.6), (0.34, _SHOULDER_Y + 0.2), (-0.34, _SHOULDER_Y + 0.2)]
    canvas.shape(polygon(neck), Part.SKIN)
    _torso(canvas, traits, view)
    if view.framing in ("half", "full"):
        _below_the_belt(canvas, traits, view)
    with canvas.frame(view.yaw * 0.15, _SHOULDER_Y):
        if traits.collar != "none":
            _COLLARS[traits.collar](canvas, view)
        _tie(canvas, traits)
    for i in (0, 1):
        if not (hidden and i == far):
            _arm(canvas, traits, view, i)


def _torso(canvas: Canvas, traits: Traits, view: View) -> None:
    rng, width, hips = canvas.rng, _shoulders(traits), _hips(traits)
    top, half = _SHOULDER_Y, _SHOULDER_Y + _TORSO / 2
    outline = [(-0.4, top - 0.12), (0.4, top - 0.12), (width, top + 0.12), (width * 0.92, half)]
    outline += [(hips, _HIP_Y), (0.0, _HIP_Y + 0.12), (-hips, _HIP_Y), (-width * 0.92, half)]
    outline += [(-width, top + 0.12)]
    body = blob(shaky(rng, outline, view.wobble * 0.5))
    canvas.shape(body, Part.TOP)
    with canvas.inside(body):
        if traits.pattern != "none":
            _PATTERNS[traits.pattern](canvas, view.yaw * width * 0.3)
        for _ in range(3):
            x, y = rng.uniform(-0.8, 0.8) * width, top + rng.random() * _TORSO
            canvas.detail(curve([(x, y), (x + rng.gauss(0, 0.2), y + 0.4)]), 0.5)


def _below_the_belt(canvas: Canvas, traits: Traits, view: View) -> None:
    hips, top = _hips(traits), _HIP_Y - 0.5
    if traits.bottom in ("skirt", "dress"):
        _skirt(canvas, traits, view)
    elif traits.bottom != "none":
        outline = [(-hips, top), (hips, top), (hips, _HIP_Y + 0.1), (0, _HIP_Y + 0.45)]
        canvas.shape(polygon([*outline, (-hips, _HIP_Y + 0.1)]), Part.BOTTOM)
    belt = box(-hips * 1.03, top - 0.12, hips * 1.03, top + 0.1)
    canvas.shape(belt, Part.BELT, 0.8)


def _skirt(canvas: Canvas, traits: Traits, view: View) -> None:
    hips, count = _hips(traits), 7
    length, flare = (1.3 if traits.bottom == "skirt" else 2.6) * traits.legs, hips * 1.7
    hem: list[Point] = []
    for i in range(count):
        x = flare * (1 - 2 * i / (count - 1)) + view.wind * 0.3
        hem.append((x, _HIP_Y + length + (0.1 if i % 2 else -0.05)))
    skirt = blob([(-hips, _HIP_Y - 0.55), (hips, _HIP_Y - 0.55), *hem])
    canvas.shape(skirt, Part.BOTTOM if traits.bottom == "skirt" else Part.TOP)
    for point in hem[1:-1]:
        canvas.detail(curve([point, between(point, (0, _HIP_Y - 0.3), 0.6)]))
    if traits.pattern in ("stripes", "open"):
        with canvas.inside(skirt):
            border = polygon([*hem, *[(x, y - 0.25) for x, y in reversed(hem)]])
            canvas.shape(border, Part.COLLAR, 0.7, shade=False)


def _arm(canvas: Canvas, traits: Traits, view: View, index: int) -> None:
    side, angle = SIDES[index], view.arms[index]
    length, width = 1.25 * (0.9 + 0.2 * traits.stout), 0.2 * traits.stout
    shoulder = (side * _shoulders(traits) * 0.95, _SHOULDER_Y + 0.2)
    elbow = _reach(shoulder, angle, side, length)
    hand = _reach(elbow, angle + view.elbows[index], side, length * 0.95)
    if index == 0 and traits.prop != "none":
        with canvas.frame(*hand, degrees=canvas.rng.uniform(-40, 40)):
            _PROPS[traits.prop](canvas)
    skin = limb((shoulder, elbow, hand), (width * 1.05, width * 0.9, width * 0.7))
    canvas.shape(skin, Part.SKIN)
    fist = oval(*hand, width, width * 1.05)
    canvas.shape(fist, Part.GLOVE if traits.gloves else Part.SKIN)
    _sleeve(canvas, traits, (shoulder, elbow, hand), width)
    if traits.shoulder_pads:
        canvas.shape(oval(*shoulder, width * 1.9, width * 1.6), Part.TRIM)


def _reach(start: Point, angle: float, side: int, length: float) -> Point:
    return start[0] + side * math.sin(angle) * length, start[1] + math.cos(angle) * length


def _sleeve(canvas: Canvas, traits: Traits, joints: tuple[Point, Point, Point], width: float) -> None:
    shoulder, elbow, hand = joints
    if traits.sleeve < 0.2:
        return
    if traits.sleeve < 0.55:
        end = between(shoulder, elbow, min(traits.sleeve * 2, 1))
        bend, before = between(shoulder, end, 0.5), shoulder
    else:
        end = between(elbow, hand, min((traits.sleeve - 0.5) * 2, 0.95))
        bend, before = elbow, elbow
    canvas.shape(limb((shoulder, bend, end), (width * 1.3, width * 1.3, width * 1.4)), Part.TOP)
    canvas.detail(curve([between(shoulder, bend, 0.7), bend, between(bend, end, 0.3)]), 0.5)
    if traits.pattern in ("stripes", "open", "yoke"):
        start = between(end, before, 0.15)
        cuff = limb((start, between(start, end, 0.5), end), (width * 1.33, width * 1.36, width * 1.4))
        canvas.shape(cuff, Part.COLLAR)


def _tie(canvas: Canvas, traits: Traits) -> None:
    if traits.tie == "tie":
        outline = [(-0.1, 0.3), (0.1, 0.3), (0.18, 1.3), (0, 1.5), (-0.18, 1.3)]
        canvas.shape(polygon(outline), Part.TIE)
    elif traits.tie == "bow":
        for side in SIDES:
            loop = mirrored([(0, 0.5), (0.45, 0.25), (0.45, 0.75)], side)
            canvas.shape(polygon(loop), Part.TIE)
        canvas.shape(oval(0, 0.5, 0.1, 0.1), Part.TIE)


def _v_neck(canvas: Canvas, _view: View) -> None:
    canvas.shape(polygon([(-0.38, -0.15), (0.38, -0.15), (0, 0.6)]), Part.SKIN)


def _round_collar(canvas: Canvas, _view: View) -> None:
    canvas.shape(oval(0, -0.1, 0.5, 0.28), Part.COLLAR)
    canvas.shape(oval(0, -0.2, 0.36, 0.2), Part.SKIN)


def _shirt_collar(canvas: Canvas, _view: View) -> None:
    for side in SIDES:
        wing = mirrored([(0, 0.35), (0.42, -0.25), (0.6, 0.2)], side)
        canvas.shape(polygon(wing), Part.COLLAR)


def draw_scarf(canvas: Canvas, view: View) -> None:
    """A scarf around a neck at the origin, one end blowing in the wind."""
    wrap = [(-0.6, -0.3), (0, -0.4), (0.6, -0.3), (0.5, 0.15), (0, 0.3), (-0.5, 0.15)]
    canvas.shape(blob(shaky(canvas.rng, wrap, view.wobble)), Part.COLLAR)
    end = [(0.2, 0.1), (0.6, 0.05), (0.7 + view.wind, 1.3), (0.3 + view.wind, 1.3)]
    canvas.shape(polygon(end), Part.COLLAR)


def _sailor_collar(canvas: Canvas, _view: View) -> None:
    cloth = [(-0.45, -0.2), (0.45, -0.2), (0.8, 0.5), (0, 0.75), (-0.8, 0.5)]
    canvas.shape(polygon(cloth), Part.COLLAR)
    canvas.shape(polygon([(-0.25, -0.2), (0.25, -0.2), (0, 0.4)]), Part.SKIN)


def _striped(canvas: Canvas, _middle: float) -> None:
    for i in range(1, 5):
        y = _SHOULDER_Y + _TORSO * i / 5
        canvas.shape(box(-2, y, 2, y + _TORSO * 0.08), Part.COLLAR, 0.7, shade=False)


def _badge(canvas: Canvas, middle: float) -> None:
    y = _SHOULDER_Y + _TORSO * 0.45
    canvas.shape(oval(middle, y, 0.35, 0.33), Part.TRIM, 0.8, shade=False)


def _buttons(canvas: Canvas, middle: float) -> None:
    for i in range(4):
        y = _SHOULDER_Y + _TORSO * (0.25 + 0.17 * i)
        canvas.shape(oval(middle, y, 0.08, 0.08), Part.TRIM, 0.6, shade=False)


def _open_jacket(canvas: Canvas, middle: float) -> None:
    shirt = box(middle - 0.28, _SHOULDER_Y - 0.2, middle + 0.28, _HIP_Y + 1)
    canvas.shape(shirt, Part.COLLAR, 0.8, shade=False)


def _apron(canvas: Canvas, _middle: float) -> None:
    y = _SHOULDER_Y + _TORSO * 0.25
    apron = [(-0.5, y), (0.5, y), (0.7, _HIP_Y + 1), (-0.7, _HIP_Y + 1)]
    canvas.shape(polygon(apron), Part.TRIM, 0.9, shade=False)


def _yoke(canvas: Canvas, _middle: float) -> None:
    canvas.shape(box(-2, _SHOULDER_Y - 1, 2, _SHOULDER_Y + 0.8), Part.COLLAR, 0.8, shade=False)


def _sword(canvas: Canvas) -> None:
    blade = [(-0.1, 0), (-0.1, -2), (0, -2.3), (0.1, -2), (0.1, 0)]
    canvas.shape(polygon(blade), Part.PROP)
    canvas.shape(box(-0.3, -0.08, 0.3, 0.08), Part.TRIM)


def _staff(canvas: Canvas) -> None:
    canvas.shape(box(-0.07, -1.8, 0.07, 1.6), Part.PROP)
    canvas.shape(oval(0, -1.9, 0.28, 0.28), Part.TRIM)


def _book(canvas: Canvas) -> None:
    canvas.shape(box(-0.5, -0.6, 0.3, 0.3), Part.PROP)
    canvas.shape(box(-0.4, -0.45, 0.2, -0.2), Part.TRIM)


def _ball(canvas: Canvas) -> None:
    canvas.shape(oval(0, -0.3, 0.5, 0.5), Part.PROP)
    canvas.shape(oval(0, -0.3, 0.5, 0.15), Part.TRIM)


def _bag(canvas: Canvas) -> None:
    canvas.shape(polygon([(-0.5, 0.2), (0.5, 0.2), (0.6, 1), (-0.6, 1)]), Part.PROP)
    canvas.shape(box(-0.2, 0.4, 0.2, 0.6), Part.TRIM)


def _flag(canvas: Canvas) -> None:
    canvas.shape(box(-0.05, -2, 0.05, 1), Part.TRIM)
    cloth = [(0, -2), (0.7, -2.1), (1.3, -1.8), (1.2, -1.2), (0.6, -1.3), (0, -1.2)]
    canvas.shape(blob(cloth), Part.PROP)


def _shield(canvas: Canvas) -> None:
    canvas.shape(polygon([(-0.7, -0.7), (0.7, -0.7), (0.65, 0.3), (0, 1), (-0.65, 0.3)]), Part.PROP)
    canvas.shape(oval(0, -0.05, 0.3, 0.3), Part.TRIM)


_COLLARS: dict[str, Callable[[Canvas, View], None]] = {
    "v": _v_neck,
    "round": _round_collar,
    "shirt": _shirt_collar,
    "scarf": draw_scarf,
    "sailor": _sailor_collar,
}
_PATTERNS: dict[str, Callable[[Canvas, float], None]] = {
    "stripes": _striped,
    "badge": _badge,
    "buttons": _buttons,
    "open": _open_jacket,
    "apron": _apron,
    "yoke": _yoke,
}
_PROPS: dict[str, Callable[[Canvas], None]] = {
    "sword": _sword,
    "staff": _staff,
    "book": _book,
    "ball": _ball,
    "bag": _bag,
    "flag": _flag,
    "shield": _shield,
}

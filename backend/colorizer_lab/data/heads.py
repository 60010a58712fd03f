"""The head of a human: hair behind and in front, face, ears, head pieces.

Every function draws in the head's frame: the origin is the middle of the skull, 1 is its radius, y points down. The
rest of the body is in `humans`.
"""

from __future__ import annotations

from collections.abc import Callable

from colorizer_lab.data.canvas import Canvas
from colorizer_lab.data.hats import draw_hat
from colorizer_lab.data.identity import Traits, View
from colorizer_lab.data.palette import Part
from colorizer_lab.data.shapes import (
    Path,
    Point,
    between,
    blob,
    box,
    curve,
    mirrored,
    oval,
    polygon,
    shaky,
)

SIDES = (-1, 1)

_EYE_HEIGHT = {"round": 0.22, "tall": 0.3, "narrow": 0.13, "dot": 0.1, "closed": 0.0}


def draw_back_hair(canvas: Canvas, traits: Traits, view: View) -> None:
    """Draws the hair behind the body."""
    style = traits.back_hair
    volume = traits.hair_volume
    if style in ("short", "bob", "long"):
        _hanging_hair(canvas, traits, view)
    elif style != "bald":
        canvas.shape(oval(0, -0.05, volume, volume * 1.02), Part.HAIR, inked=canvas.style.inked_hair)
    if style == "tails":
        for side in SIDES:
            _tail(canvas, traits, view, side)
    elif style == "pony":
        _pony(canvas, traits, view)
    elif style == "bun":
        for x, y in [(0.0, -1.0)] if traits.count % 2 else [(-0.7, -0.75), (0.7, -0.75)]:
            bun = oval(x * volume, y * volume, 0.42, 0.4)
            canvas.shape(bun, Part.HAIR, inked=canvas.style.inked_hair)


def draw_head(canvas: Canvas, traits: Traits, view: View) -> None:
    """Draws ears, face, fringe and head piece."""
    _ears(canvas, traits, view)
    _face(canvas, traits, view)
    for side in SIDES:
        _eye(canvas, traits, view, side)
    _mouth(canvas, view)
    if traits.glasses:
        for side in SIDES:
            canvas.stroke(oval(side * 0.42 + view.yaw * 0.3, 0.2, 0.3, 0.28), 1.1)
    if traits.back_hair != "bald" and traits.fringe != "none":
        _fringe(canvas, traits, view)
    if traits.ahoge:
        top = traits.hair_volume
        strand = [(-0.08, -top), (0.2, -top - 0.4), (0.6, -top - 0.25), (0.25, -top - 0.25)]
        canvas.shape(blob([*strand, (0.08, -top)]), Part.HAIR, 0.8, inked=canvas.style.inked_hair)
    draw_hat(canvas, traits, view)


def _hanging_hair(canvas: Canvas, traits: Traits, view: View) -> None:
    rng, volume = canvas.rng, traits.hair_volume
    lengths = {"long": 1.2 + 3 * traits.hair_length, "bob": 0.95, "short": 0.45}
    length, drift = lengths[traits.back_hair], view.wind * 0.8
    teeth = rng.randint(3, 7)
    ends: list[Point] = []
    for i in range(teeth):
        x = volume * (1.05 - 2.1 * (i + 0.5) / teeth) + drift
        ends.append((x, length + (0.28 if i % 2 else 0) + rng.gauss(0, view.wobble * 2)))
    crown = [(-1.0, 0.0), (-0.8, -0.75), (0.0, -1.08), (0.8, -0.75), (1.0, 0.0)]
    outline = [(x * volume, y * volume) for x, y in crown]
    outline.append((volume * 1.08 + drift * 0.5, length * 0.6))
    outline += [*ends, (-volume * 1.08 + drift * 0.5, length * 0.6)]
    path = blob(shaky(rng, outline, view.wobble * 0.5))
    canvas.shape(path, Part.HAIR, inked=canvas.style.inked_hair)
    if traits.tips and length > 1:
        with canvas.inside(path):
            canvas.shape(box(-9, length - 0.35, 9, length + 2), Part.HAIR_ACCENT, shade=False)
    for _ in range(rng.randint(0, 4)):
        x = rng.uniform(-0.9, 0.9) * volume
        end = (x + drift * 0.5 + rng.gauss(0, view.wobble * 2), length * 0.85)
        canvas.detail(curve([(x, length * 0.3), end]))


def _tail(canvas: Canvas, traits: Traits, view: View, side: int) -> None:
    length = 1 + 2.2 * traits.hair_length
    with canvas.frame(side * traits.hair_volume * 0.85, -0.3):
        drift = view.wind * side
        points = [(0.0, -0.23), (0.57 + drift * 0.4, 0.2 * length)]
        points += [(1.03 + drift, 0.6 * length), (0.45 + drift, length)]
        points += [(0.17 + drift * 0.5, 0.6 * length), (-0.04, 0.25 * length)]
        path = blob(shaky(canvas.rng, mirrored(points, side), view.wobble))
        canvas.shape(path, Part.HAIR, inked=canvas.style.inked_hair)
        if traits.tips:
            with canvas.inside(path):
                canvas.shape(box(-9, length * 0.72, 9, 9), Part.HAIR_ACCENT, shade=False)
        canvas.shape(oval(0.04 * side, 0, 0.18, 0.18), Part.TRIM)


def _pony(canvas: Canvas, traits: Traits, view: View) -> None:
    side = -1 if view.yaw > 0 else 1
    length = 1 + 2 * traits.hair_length
    drift = view.wind * side
    with canvas.frame(side * traits.hair_volume * 0.7, -traits.hair_volume * 0.6):
        points = [(0.0, 0.0), (0.8, -0.2), (1.1 + drift, length * 0.5)]
        points += [(0.6 + drift, length), (0.4, length * 0.5)]
        path = blob(shaky(canvas.rng, mirrored(points, side), view.wobble))
        canvas.shape(path, Part.HAIR, inked=canvas.style.inked_hair)
        canvas.shape(oval(side * 0.1, 0, 0.18, 0.2), Part.TRIM)


def _ears(canvas: Canvas, traits: Traits, view: View) -> None:
    for side in SIDES:
        if traits.ears == "human" and side * view.yaw < 0.6:
            canvas.shape(oval(side * 0.93, 0.15, 0.15, 0.22), Part.SKIN)
        elif traits.ears == "elf" and side * view.yaw < 0.6:
            ear = mirrored([(0.83, -0.05), (1.53, -0.2), (0.88, 0.37)], side)
            canvas.shape(polygon(ear), Part.SKIN)
        elif traits.ears == "cat":
            with canvas.frame(side * 0.62 + view.yaw * 0.1, -traits.hair_volume * 0.72):
                outer = mirrored([(-0.36, 0.15), (0.22, -0.6), (0.36, 0.15)], side)
                ear = polygon(shaky(canvas.rng, outer, view.wobble))
                canvas.shape(ear, Part.HAIR, inked=canvas.style.inked_hair)
                inner = mirrored([(-0.18, 0.08), (0.13, -0.35), (0.18, 0.08)], side)
                canvas.shape(polygon(inner), Part.HAIR_ACCENT, 0.7)


def _face(canvas: Canvas, traits: Traits, view: View) -> None:
    turn, chin = view.yaw * 0.12, traits.chin
    outline = [(-0.95, -0.1), (-0.7, -0.75), (0.0, -0.98), (0.7, -0.75), (0.95, -0.1), (0.8, 0.45)]
    outline += [(0.3 + turn, 0.85 * chin), (turn * 1.6, 0.97 * chin), (turn - 0.3, 0.85 * chin)]
    outline += [(-0.8, 0.45)]
    canvas.shape(blob(shaky(canvas.rng, outline, view.wobble * 0.3)), Part.SKIN)


def _eye(canvas: Canvas, traits: Traits, view: View, side: int) -> None:
    x = side * 0.42 + view.yaw * 0.3
    width = 0.2 * (1 - 0.35 * max(0.0, side * view.yaw)) * traits.eye_size
    height = _EYE_HEIGHT[traits.eyes] * traits.eye_size
    if abs(x) > 0.95:
        return
    with canvas.frame(x, 0.2):
        if view.blink or traits.eyes == "closed":
            canvas.stroke(curve([(-width, 0), (0, 0.08), (width, 0)]), 1.2)
        elif traits.eyes == "dot":
            inked = canvas.style.inked_eyes
            canvas.shape(oval(0, 0, width * 0.5, height), Part.IRIS, 0.8, shade=False, inked=inked)
        else:
            _open_eye(canvas, view, width, height)


def _open_eye(canvas: Canvas, view: View, width: float, height: float) -> None:
    inked, near = canvas.style.inked_eyes, view.framing in ("head", "bust")
    white = oval(0, 0, width, height)
    canvas.shape(white, Part.EYE_WHITE, 0.8, shade=False)
    with canvas.inside(white):
        x = view.yaw * width * 0.2
        iris = oval(x, height * 0.1, width * 0.72, height * 0.85)
        canvas.shape(iris, Part.IRIS, 0.7, shade=False)
        if near:
            pupil = oval(x, height * 0.05, width * 0.3, height * 0.4)
            canvas.shape(pupil, Part.PUPIL, 0.5, shade=False, inked=inked)
        if near and canvas.rng.random() < 0.7:
            glint = oval(x - width * 0.25, -height * 0.35, width * 0.2, height * 0.2)
            canvas.shape(glint, Part.EYE_WHITE, 0.3, shade=False)
    lid = [(-width * 1.1, -height * 0.5), (0, -height * 1.05), (width * 1.1, -height * 0.5)]
    canvas.stroke(curve(lid), 1.6)
    if canvas.rng.random() < 0.8:
        brow = [(-width, -height - 0.18), (0, -height - 0.25), (width, -height - 0.18)]
        canvas.stroke(curve(brow), 0.7)


def _mouth(canvas: Canvas, view: View) -> None:
    x = view.yaw * 0.3
    if view.mouth == "open":
        canvas.shape(oval(x, 0.62, 0.15, 0.1), Part.MOUTH, 0.7, shade=False)
    elif view.mouth != "none":
        smile = 0.06 if view.mouth == "smile" else 0.0
        canvas.stroke(curve([(x - 0.15, 0.62), (x, 0.62 + smile), (x + 0.15, 0.62)]), 0.8)
    canvas.detail(curve([(x, 0.38), (x + 0.03, 0.45)]))


def _fringe(canvas: Canvas, traits: Traits, view: View) -> None:
    rng, volume = canvas.rng, traits.hair_volume
    lower = shaky(rng, _FRINGES[traits.fringe](canvas, traits, view), view.wobble * 0.6)
    upper = [(0.98 * volume, 0.15), (0.85 * volume, -0.65 * volume), (0.0, -1.08 * volume)]
    upper += [(-0.85 * volume, -0.65 * volume), (-0.98 * volume, 0.15)]
    sharp = traits.fringe == "spiky" and rng.random() < 0.6
    path = _sharp_fringe(lower, volume) if sharp else blob([*lower, *upper])
    canvas.shape(path, Part.HAIR, inked=canvas.style.inked_hair)
    if traits.streak:
        with canvas.inside(path):
            streak = polygon([(0.3, -1.4), (0.6, -1.4), (0.65, 1), (0.35, 1)])
            canvas.shape(streak, Part.HAIR_ACCENT, 0.8, shade=False)
    for _ in range(rng.randint(0, 5)):
        root = rng.choice(lower)
        canvas.detail(curve([root, between(root, (0, -volume), rng.uniform(0.35, 0.65))]))
    if traits.side_locks:
        for side in SIDES:
            _side_lock(canvas, traits, view, side)


def _sharp_fringe(lower: list[Point], volume: float) -> Path:
    path = polygon([*lower, (volume, -0.1)])
    path.moveTo(*lower[0])
    path.lineTo(*lower[-1])
    path.quadTo(volume * 1.02, -volume * 0.7, 0, -volume * 1.08)
    path.quadTo(-volume * 1.02, -volume * 0.7, *lower[0])
    path.close()
    return path


def _side_lock(canvas: Canvas, traits: Traits, view: View, side: int) -> None:
    volume, length = traits.hair_volume, traits.hair_length
    points = [(0.8 * volume, -0.3), (1.02 * volume, 0.0), (0.98 * volume, 0.5 + 0.6 * length)]
    points += [(0.85 * volume, 0.6 + 0.7 * length), (0.8 * volume, 0.2)]
    path = blob(shaky(canvas.rng, mirrored(points, side), view.wobble))
    canvas.shape(path, Part.HAIR, inked=canvas.style.inked_hair)


def _spiky(canvas: Canvas, traits: Traits, view: View) -> list[Point]:
    count = traits.fringe_teeth
    points = []
    for i in range(count * 2 + 1):
        x = -0.92 + 1.84 * i / (count * 2) + view.yaw * 0.1
        y = (-0.35 if i % 2 else 0.02) - (0.25 if i == count else 0)
        points.append((x, y + canvas.rng.gauss(0, view.wobble * 2)))
    return points


def _straight(_canvas: Canvas, _traits: Traits, _view: View) -> list[Point]:
    return [(-0.92, 0.4), (-0.78, -0.15), (0, -0.2), (0.78, -0.15), (0.92, 0.4)]


def _parted(_canvas: Canvas, _traits: Traits, view: View) -> list[Point]:
    x = view.yaw * 0.2
    middle = [(x - 0.1, -0.7), (x, -0.75), (x + 0.1, -0.7)]
    return [(-0.92, 0.5), (-0.74, -0.1), *middle, (0.74, -0.1), (0.92, 0.5)]


def _swept(_canvas: Canvas, _traits: Traits, _view: View) -> list[Point]:
    return [(-0.92, 0.45), (-0.74, 0), (-0.18, -0.1), (0.5, -0.55), (0.92, 0.2)]


_FRINGES: dict[str, Callable[[Canvas, Traits, View], list[Point]]] = {
    "spiky": _spiky,
    "straight": _straight,
    "parted": _parted,
    "swept": _swept,
}

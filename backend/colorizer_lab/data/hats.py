"""Hats and other head pieces, the values of `Traits.hat`. They are drawn in the head's frame, like `heads`."""

from __future__ import annotations

from collections.abc import Callable

from colorizer_lab.data.canvas import Canvas
from colorizer_lab.data.identity import Traits, View
from colorizer_lab.data.palette import Part
from colorizer_lab.data.shapes import Point, blob, box, curve, mirrored, oval, polygon, shaky


def draw_hat(canvas: Canvas, traits: Traits, view: View) -> None:
    """Draws the identity's head piece, if it has one. Sizes depend on the volume of the hair."""
    if traits.hat != "none":
        _HATS[traits.hat](canvas, traits.hair_volume, view)


def _dome(volume: float, points: list[Point]) -> list[Point]:
    return [(x * volume, y * volume) for x, y in points]


def _cap(canvas: Canvas, volume: float, view: View) -> None:
    dome = [(-1.02, -0.3), (-0.7, -1.05), (0.0, -1.25), (0.7, -1.05), (1.02, -0.3), (0.0, -0.4)]
    canvas.shape(blob(_dome(volume, dome)), Part.HAT)
    side = 1 if view.yaw > 0 else -1
    brim = [(0.0, -0.5), (1.0 * volume, -0.5), (1.6 * volume, -0.2), (0.6 * volume, -0.25)]
    canvas.shape(blob(mirrored(brim, side)), Part.TRIM)


def _witch(canvas: Canvas, volume: float, view: View) -> None:
    cone = [(-0.8 * volume, -0.6), (view.wind, -2.3 * volume), (0.8 * volume, -0.6)]
    canvas.shape(polygon(shaky(canvas.rng, cone, view.wobble)), Part.HAT)
    canvas.shape(oval(0, -0.55, volume * 1.5, 0.22), Part.HAT)
    band = [(-0.66, -0.95), (0.66, -0.95), (0.75, -0.7), (-0.75, -0.7)]
    canvas.shape(polygon([(x * volume, y) for x, y in band]), Part.TRIM, 0.8)


def _beret(canvas: Canvas, volume: float, view: View) -> None:
    dome = [(-1.1, -0.7), (-0.4, -1.25), (0.6, -1.2), (1.0, -0.75), (0.0, -0.6)]
    canvas.shape(blob(shaky(canvas.rng, _dome(volume, dome), view.wobble)), Part.HAT)


def _helmet(canvas: Canvas, volume: float, _view: View) -> None:
    dome = [(-1.1, 0.1), (-0.85, -0.85), (0.0, -1.2), (0.85, -0.85), (1.1, 0.1)]
    canvas.shape(blob(_dome(volume, [*dome, (0.8, -0.3), (0.0, -0.4), (-0.8, -0.3)])), Part.HAT)
    canvas.shape(box(-0.12, -1.3 * volume, 0.12, -0.4), Part.TRIM)


def _horns(canvas: Canvas, volume: float, _view: View) -> None:
    for side in (-1, 1):
        horn = [(0.5, -0.75), (0.95, -1.1), (1.0, -1.6), (0.75, -1.2), (0.3, -0.9)]
        canvas.shape(blob(mirrored(_dome(volume, horn), side)), Part.HAT)


def _ribbon(canvas: Canvas, volume: float, view: View) -> None:
    with canvas.frame(0.7 if view.yaw > 0 else -0.7, -0.8 * volume):
        for side in (-1, 1):
            loop = mirrored([(0, 0), (0.5, -0.35), (0.5, 0.25)], side)
            canvas.shape(polygon(shaky(canvas.rng, loop, view.wobble)), Part.HAT)
        canvas.shape(oval(0, 0, 0.12, 0.12), Part.TRIM)


def _phones(canvas: Canvas, volume: float, _view: View) -> None:
    bow = [(-1.05, 0.0), (-0.75, -0.9), (0.0, -1.2), (0.75, -0.9), (1.05, 0.0)]
    canvas.stroke(curve(_dome(volume, bow)), 2)
    for side in (-1, 1):
        canvas.shape(oval(side * volume * 1.02, 0.05, 0.22, 0.32), Part.HAT)
        canvas.shape(oval(side * volume * 1.04, 0.05, 0.1, 0.18), Part.TRIM, 0.7)


def _pin(canvas: Canvas, _volume: float, _view: View) -> None:
    canvas.shape(box(0.35, -0.55, 0.75, -0.42), Part.HAT, 0.8)


def _halo(canvas: Canvas, volume: float, _view: View) -> None:
    canvas.shape(oval(0, -1.4 * volume, 0.7, 0.18), Part.HAT)


def _crown(canvas: Canvas, volume: float, _view: View) -> None:
    with canvas.frame(0, -0.9 * volume):
        teeth = [(-0.55, -0.5), (-0.25, -0.25), (0, -0.6), (0.25, -0.25), (0.55, -0.5)]
        canvas.shape(polygon([(-0.5, 0), *teeth, (0.5, 0)]), Part.HAT)


def _hood(canvas: Canvas, volume: float, _view: View) -> None:
    outer = [(-1.15, 0.5), (-1.1, -0.5), (0.0, -1.35), (1.1, -0.5), (1.15, 0.5)]
    inner = [(0.85, 0.5), (0.75, -0.5), (0.0, -0.85), (-0.75, -0.5), (-0.85, 0.5)]
    canvas.shape(blob(_dome(volume, [*outer, *inner])), Part.HAT)


def _band(canvas: Canvas, volume: float, _view: View) -> None:
    band = [(-1.0, -0.35), (0.0, -0.55), (1.0, -0.35), (1.0, -0.55), (0.0, -0.78), (-1.0, -0.55)]
    canvas.shape(blob([(x * volume, y) for x, y in band]), Part.HAT)


_HATS: dict[str, Callable[[Canvas, float, View], None]] = {
    "cap": _cap,
    "witch": _witch,
    "beret": _beret,
    "helmet": _helmet,
    "horns": _horns,
    "ribbon": _ribbon,
    "phones": _phones,
    "pin": _pin,
    "halo": _halo,
    "crown": _crown,
    "hood": _hood,
    "band": _band,
}

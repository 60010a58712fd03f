"""The semantic parts of a drawing, and the colours of an identity.

Parts are drawn by `humans`, `creatures`, `objects` and `backgrounds`.
"""

from __future__ import annotations

import colorsys
import random
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]
"""sRGB, 0..1."""

Palette = NDArray[np.float32]
"""(len(Part), 3), sRGB, 0..1."""


class Part(IntEnum):
    """The semantic part of a pixel. Parts below `BACKGROUND_PARTS` are background."""

    BACKDROP = 0
    GROUND = 1
    SHAPE = 2
    ORNAMENT = 3
    SKIN = 4
    HAIR = 5
    HAIR_ACCENT = 6
    EYE_WHITE = 7
    IRIS = 8
    PUPIL = 9
    MOUTH = 10
    TOP = 11
    COLLAR = 12
    TIE = 13
    BOTTOM = 14
    BELT = 15
    SOCK = 16
    SHOE = 17
    HAT = 18
    TRIM = 19
    PROP = 20
    GLOVE = 21
    CAPE = 22
    BODY = 23
    BELLY = 24
    MARKING = 25
    HORN = 26
    CREATURE_EYE = 27
    OBJECT_A = 28
    OBJECT_B = 29
    OBJECT_C = 30
    OBJECT_D = 31


BACKGROUND_PARTS = 4

_CLOTHES = (
    Part.TOP,
    Part.COLLAR,
    Part.TIE,
    Part.BOTTOM,
    Part.BELT,
    Part.SOCK,
    Part.SHOE,
    Part.HAT,
    Part.TRIM,
    Part.PROP,
    Part.GLOVE,
    Part.CAPE,
    Part.OBJECT_A,
    Part.OBJECT_B,
    Part.OBJECT_C,
    Part.OBJECT_D,
)

_BLEACHED = (*_CLOTHES, Part.HAIR, Part.BODY, Part.BELLY, Part.SKIN)


def draw_palette(rng: random.Random) -> Palette:
    """Random colours of an identity. One in twenty-five is nearly white, on a nearly white background, and one in
    twenty is dark."""
    colours: dict[Part, Colour] = {}
    _colour_person(colours, rng)
    _colour_clothes(colours, rng)
    _colour_creature(colours, rng)
    _colour_background(colours, rng)
    if rng.random() < 0.12:
        _bleach(colours, rng)
    palette = np.array([colours[part] for part in Part], np.float32)
    kind = rng.random()
    if kind < 0.04:
        palette = 1 - (1 - palette) * np.float32(rng.uniform(0.04, 0.2))
    elif kind < 0.09:
        palette = palette * np.array([rng.uniform(0.2, 0.6) for _ in range(3)], np.float32)
    elif kind < 0.14:  # one light colours everything
        light = np.array([rng.random() for _ in range(3)], np.float32)
        palette = palette + np.float32(rng.uniform(0.2, 0.5)) * (light - palette)
    return palette


def draw_colours(rng: random.Random, count: int) -> list[Colour]:
    """Random colours of abstract shapes, some of them similar."""
    colours = [_cloth(rng) for _ in range(count)]
    return [rng.choice(colours) if rng.random() < 0.15 else colour for colour in colours]


def _colour_person(colours: dict[Part, Colour], rng: random.Random) -> None:
    colours[Part.SKIN] = _skin(rng)
    hair = colours[Part.HAIR] = _hair(rng)
    darker = rng.uniform(0.55, 0.9)
    own = rng.random() < 0.5
    colours[Part.HAIR_ACCENT] = _scaled(hair, darker) if own else _any(rng, 0.2, 0.2)
    white = rng.uniform(0.92, 1)
    colours[Part.EYE_WHITE] = (white, white, white)
    iris = colours[Part.IRIS] = _any(rng, 0.4, 0.35)
    colours[Part.PUPIL] = _scaled(iris, rng.uniform(0.1, 0.4))
    colours[Part.MOUTH] = _hsv(rng.uniform(-0.03, 0.03), rng.uniform(0.4, 0.8), rng.uniform(0.5, 0.9))


def _colour_clothes(colours: dict[Part, Colour], rng: random.Random) -> None:
    theme = [_cloth(rng) for _ in range(4)]
    akin = rng.choice([0.0, 0.15, 0.6])
    for part in _CLOTHES:
        colours[part] = rng.choice(theme) if rng.random() < 0.4 else _cloth(rng)
        if rng.random() < akin:
            colours[part] = _akin(rng.choice(list(colours.values())), rng)


def _bleach(colours: dict[Part, Colour], rng: random.Random) -> None:
    """Makes some parts nearly white, on white paper."""
    for part in rng.sample(_BLEACHED, rng.randint(1, 6)):
        white = rng.uniform(0.88, 1)
        colours[part] = (white, white * rng.uniform(0.96, 1), white * rng.uniform(0.93, 1))
    colours[Part.BACKDROP] = (1.0, 1.0, 1.0)


def _colour_creature(colours: dict[Part, Colour], rng: random.Random) -> None:
    body = colours[Part.BODY] = _cloth(rng) if rng.random() < 0.6 else _hair(rng)
    pale = (body[0] * 0.4 + 0.6, body[1] * 0.4 + 0.6, body[2] * 0.4 + 0.6)
    colours[Part.BELLY] = pale if rng.random() < 0.5 else _cloth(rng)
    colours[Part.MARKING] = _cloth(rng)
    colours[Part.HORN] = _cloth(rng)
    colours[Part.CREATURE_EYE] = _any(rng, 0.3, 0.1)


def _colour_background(colours: dict[Part, Colour], rng: random.Random) -> None:
    kind = rng.random()
    if kind < 0.4:
        white = rng.uniform(0.85, 1)
        colours[Part.BACKDROP] = (white, white, white)
    elif kind < 0.7:
        colours[Part.BACKDROP] = _hsv(rng.uniform(0.5, 0.65), rng.uniform(0.1, 0.6), rng.uniform(0.7, 1))
    else:
        colours[Part.BACKDROP] = _cloth(rng)
    green = _hsv(rng.uniform(0.2, 0.42), rng.uniform(0.2, 0.8), rng.uniform(0.3, 0.9))
    colours[Part.GROUND] = green if rng.random() < 0.5 else _cloth(rng)
    colours[Part.SHAPE] = _cloth(rng)
    colours[Part.ORNAMENT] = _cloth(rng)


def _skin(rng: random.Random) -> Colour:
    kind = rng.random()
    if kind < 0.75:
        value = rng.choice([rng.uniform(0.85, 1), rng.uniform(0.5, 0.85)])
        return _hsv(rng.uniform(0.02, 0.1), rng.uniform(0.06, 0.5), value)
    if kind < 0.9:
        return _hsv(rng.uniform(0.02, 0.09), rng.uniform(0.35, 0.65), rng.uniform(0.25, 0.55))
    return _any(rng, 0.1, 0.4)


def _hair(rng: random.Random) -> Colour:
    kind = rng.random()
    if kind < 0.4:
        return _hsv(rng.uniform(0.02, 0.14), rng.uniform(0.2, 0.9), rng.uniform(0.12, 0.95))
    return _neutral(rng) if kind < 0.55 else _any(rng, 0.25, 0.2)


def _cloth(rng: random.Random) -> Colour:
    kind = rng.random()
    if kind < 0.3:
        return _neutral(rng)
    if kind < 0.5:
        return _hsv(rng.random(), rng.uniform(0.1, 0.4), rng.uniform(0.75, 1))
    if kind < 0.8:
        return _hsv(rng.random(), rng.uniform(0.5, 1), rng.uniform(0.5, 1))
    return _hsv(rng.random(), rng.uniform(0.3, 0.8), rng.uniform(0.15, 0.5))


def _neutral(rng: random.Random) -> Colour:
    value = rng.choice([rng.uniform(0.05, 0.3), rng.uniform(0.75, 1), rng.uniform(0.3, 0.75)])
    return _hsv(rng.random(), rng.uniform(0, 0.15), value)


def _any(rng: random.Random, least_saturation: float, least_value: float) -> Colour:
    value = rng.uniform(least_value, 1) ** 0.7
    return _hsv(rng.random(), rng.uniform(least_saturation, 1), value)


def _akin(colour: Colour, rng: random.Random) -> Colour:
    """A colour of a similar hue that can still be told from `colour`."""
    hue, saturation, value = colorsys.rgb_to_hsv(*colour)
    value = value * rng.uniform(0.5, 0.8) if value > 0.5 else min(value * rng.uniform(1.4, 2) + 0.1, 1)
    saturation = min(max(saturation * rng.uniform(0.6, 1.3), 0), 1)
    return _hsv(hue + rng.gauss(0, 0.03), saturation, value)


def _scaled(colour: Colour, factor: float) -> Colour:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def _hsv(hue: float, saturation: float, value: float) -> Colour:
    return colorsys.hsv_to_rgb(hue % 1.0, saturation, value)

"""Draws a training triplet from a seed: the entry point of this package.

A triplet is a sketch, a reference with the same identity drawn differently, and exact labels of both.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from colorizer_lab.data.backgrounds import draw_background, pick_background
from colorizer_lab.data.canvas import ByteGrid, Canvas, Drawing
from colorizer_lab.data.creatures import draw_creature
from colorizer_lab.data.humans import draw_human
from colorizer_lab.data.identity import Identity, View, draw_identity, draw_traits, draw_view
from colorizer_lab.data.lines import draw_line_style, lines_from_edges, put_on_paper
from colorizer_lab.data.objects import draw_object
from colorizer_lab.data.palette import BACKGROUND_PARTS, Palette
from colorizer_lab.data.reference import paint, soften, warp
from colorizer_lab.data.shading import smooth_noise
from colorizer_lab.data.shapes import Point, curve

ReferenceKind = Literal["view", "redressed", "bent", "sheet", "frame"]
"""Another view; the same colours on other hair and clothes; the sketch's pose, bent; two views side by side; the next
frame of an animation, in which most parts are at the same position and some have moved."""

_REFERENCE_SHARES = [0.46, 0.16, 0.15, 0.07, 0.16]
FIGURES = {"human": draw_human, "creature": draw_creature, "object": draw_object}


@dataclass(frozen=True)
class Triplet:
    """A sketch, its reference and the labels of both. Every grid is (S, S)."""

    sketch: ByteGrid
    """255 = paper, 0 = ink."""
    reference: NDArray[np.uint8]
    """(S, S, 3), sRGB."""
    parts: ByteGrid
    """The `palette.Part` of every pixel of the sketch."""
    instances: ByteGrid
    """The shape of every pixel of the sketch, 1..255."""
    reference_parts: ByteGrid
    palette: Palette
    reference_kind: ReferenceKind

    @property
    def flats(self) -> NDArray[np.float32]:
        """The true flat colours (S, S, 3), sRGB 0..1, one colour per part."""
        return self.palette[self.parts]

    @property
    def foreground(self) -> NDArray[np.bool_]:
        """The foreground of the sketch."""
        return self.parts >= BACKGROUND_PARTS

    @property
    def reference_foreground(self) -> NDArray[np.bool_]:
        """The foreground of the reference."""
        return self.reference_parts >= BACKGROUND_PARTS


@dataclass(frozen=True)
class _Company:
    """An object beside, in front of or behind the character. The frame's origin and unit are shares of the edge."""

    view: View
    x: float
    y: float
    unit: float
    in_front: bool


@dataclass(frozen=True)
class _Scene:
    """All choices that determine the shapes of a drawing, without line style and light."""

    identity: Identity
    views: tuple[View, ...]
    background: str
    seed: int
    company: _Company | None = None


def triplet(seed: int, size: int = 128, kind: ReferenceKind | None = None) -> Triplet:
    """Draws one triplet; a seed gives the same drawing at every size.

    Args:
        seed: of all random choices.
        size: edge in px.
        kind: how the reference differs from the sketch; None: chosen by the seed.
    """
    rng = random.Random(seed)
    identity = draw_identity(rng)
    sketch_scene = _sketch_scene(identity, rng)
    sketch = _render(sketch_scene, size, rng, lit=False)
    if rng.random() < 0.12:
        sketch = _with_shadow_lines(sketch, rng)
    chosen = kind or rng.choices(get_args(ReferenceKind), _REFERENCE_SHARES)[0]
    reference = _render(_reference_scene(sketch_scene, chosen, rng), size, rng, lit=True)
    picture, parts = paint(reference, identity.palette, rng), reference.parts
    if chosen == "bent":
        picture, parts = warp(picture, parts, rng.choice([0.02, 0.06]), rng)
    elif chosen != "frame" and rng.random() < 0.4:
        picture, parts = warp(picture, parts, 0.03, rng)
    return Triplet(
        sketch=put_on_paper(sketch.lines, rng),
        reference=np.asarray(soften(picture, rng) * 255 + 0.5, np.uint8),
        parts=sketch.parts,
        instances=sketch.instances,
        reference_parts=parts,
        palette=identity.palette,
        reference_kind=chosen,
    )


def _with_shadow_lines(sketch: Drawing, rng: random.Random) -> Drawing:
    """Adds the outlines of shadows, which some artists draw for the painter, and which extracted lines contain."""
    folds = smooth_noise(len(sketch.lines), rng.choice([6, 10]), rng) > rng.uniform(0.5, 0.65)
    shadows = (folds & (sketch.parts >= BACKGROUND_PARTS)).astype(np.uint8)
    lines = lines_from_edges(shadows, rng.uniform(0.004, 0.008))
    return replace(sketch, lines=np.minimum(sketch.lines, lines))


def _sketch_scene(identity: Identity, rng: random.Random) -> _Scene:
    views = (draw_view(rng), draw_view(rng))[: 2 if rng.random() < 0.03 else 1]
    background = "plain" if rng.random() < 0.45 else identity.background
    company = _draw_company(rng) if rng.random() < 0.16 else None
    return _Scene(identity, views, background, rng.getrandbits(40), company)


def _draw_company(rng: random.Random) -> _Company:
    """An additional object. Real pictures contain objects that the other picture lacks, and that have no match."""
    unit = rng.uniform(0.25, 0.6)
    x, y = rng.uniform(-0.15, 1.15 - unit), rng.uniform(0.05, 1.05 - unit)
    return _Company(draw_view(rng), x, y, unit, in_front=rng.random() < 0.6)


def _reference_scene(sketch: _Scene, kind: ReferenceKind, rng: random.Random) -> _Scene:
    identity = sketch.identity
    if kind == "redressed":
        # An object's colours do not carry over to another object, while hair is hair on every head.
        traits = replace(draw_traits(rng), thing=identity.traits.thing)
        identity = replace(identity, traits=traits)
    background = identity.background if rng.random() < 0.6 else pick_background(rng)
    if kind == "bent":
        return replace(sketch, background=background if rng.random() < 0.5 else sketch.background)
    if kind == "frame":
        views = tuple(_moved(view, rng) for view in sketch.views)
        return replace(
            sketch, views=views, background=background if rng.random() < 0.5 else sketch.background
        )
    views = (draw_view(rng), draw_view(rng))[: 2 if kind == "sheet" else 1]
    shown = rng.random() < (0.6 if sketch.company else 0.12)
    return _Scene(identity, views, background, rng.getrandbits(40), _draw_company(rng) if shown else None)


def _moved(view: View, rng: random.Random) -> View:
    """The same camera and position, with some changes of face and limbs."""
    other = draw_view(rng)
    moving = ["mouth", "blink", "arms", "elbows", "legs", "wind", "yaw", "tilt_degrees", "lean_degrees"]
    chance = rng.choice([0.15, 0.4, 0.8])
    changed = {name: getattr(other, name) for name in moving if rng.random() < chance}
    return replace(view, **changed)


def _render(scene: _Scene, size: int, rng: random.Random, *, lit: bool) -> Drawing:
    style = draw_line_style(rng)
    if lit:  # In a reference, areas filled with ink would hide their colour.
        style = replace(style, inked_hair=False, inked_eyes=False)
    canvas = Canvas(size, style, scene.seed, draw_light(rng) if lit else (0.0, 0.0))
    draw_background(canvas, scene.background)
    if scene.company is not None and not scene.company.in_front:
        _draw_thing(canvas, scene.identity, scene.company)
    if len(scene.views) == 1:
        _draw_figure(canvas, scene.identity, scene.views[0])
    else:
        for i, view in enumerate(scene.views):
            with canvas.frame(-0.02 + 0.45 * i, 0.2, 0.58):
                _draw_figure(canvas, scene.identity, view)
    if scene.company is not None and scene.company.in_front:
        _draw_thing(canvas, scene.identity, scene.company)
    if style.hatched:
        _hatch(canvas)
    return canvas.finish()


def _draw_thing(canvas: Canvas, identity: Identity, company: _Company) -> None:
    if (
        identity.kind == "object"
    ):  # An object beside an object would have the same colours at other positions.
        return
    with canvas.frame(company.x, company.y, company.unit):
        draw_object(canvas, identity.traits, company.view)


def _draw_figure(canvas: Canvas, identity: Identity, view: View) -> None:
    FIGURES[identity.kind](canvas, identity.traits, view)


def draw_light(rng: random.Random) -> Point:
    """A random offset of the lit side of shapes, in shares of the edge."""
    angle, distance = rng.uniform(0, math.tau), rng.uniform(0.008, 0.035)
    return distance * math.cos(angle), distance * math.sin(angle)


def _hatch(canvas: Canvas) -> None:
    rng = canvas.rng
    for _ in range(rng.randint(3, 25)):
        x, y, angle, length = rng.random(), rng.random(), rng.gauss(0.8, 0.2), rng.uniform(0.02, 0.08)
        end = (x + length * math.cos(angle), y + length * math.sin(angle))
        canvas.stroke(curve([(x, y), end]), 0.5)

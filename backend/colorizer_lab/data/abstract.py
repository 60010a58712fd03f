"""Abstract scenes of closed shapes, in which correspondence follows from shape, neighbours and position only.

The procedural characters have an anatomy, and a network that has learned it classifies by position: it takes for hair
whatever is where hair usually is. Here there are no usual positions. Shapes are attached to other shapes, and the
reference shows the same shapes moved, rotated and bent, with a few of them missing.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

import numpy as np

from colorizer_lab.data.canvas import Canvas, Drawing
from colorizer_lab.data.drawing import Triplet, draw_light
from colorizer_lab.data.lines import draw_line_style, put_on_paper
from colorizer_lab.data.palette import BACKGROUND_PARTS, draw_colours
from colorizer_lab.data.reference import paint, soften, warp
from colorizer_lab.data.shapes import Path, Point, blob, box, curve, polygon, ring, shaky

LABELS = 40
"""Rows of the palette: 0 is the backdrop, the following rows up to `BACKGROUND_PARTS` are other background."""

_DEEPEST = 3
"""Largest depth of nested shapes."""


@dataclass(frozen=True)
class _Shape:
    """A closed shape with the shapes attached to it, in the frame of its parent. In the shape's own frame its middle is
    (0, 0) and its edge is about 1 away."""

    outline: tuple[Point, ...]
    is_smooth: bool
    label: int
    x: float
    y: float
    size: float
    degrees: float
    behind: tuple[_Shape, ...] = ()
    before: tuple[_Shape, ...] = ()
    inside: tuple[_Shape, ...] = ()
    """Shapes that are clipped at this shape's edge, e.g. stripes."""

    @property
    def path(self) -> Path:
        """The outline in its own frame."""
        return blob(self.outline) if self.is_smooth else polygon(self.outline)


@dataclass(frozen=True)
class _Scene:
    """All shapes, from back to front."""

    ground: tuple[Point, ...]
    """The upper edge of a ground that fills the lower part of the picture; may be empty."""
    background: tuple[_Shape, ...]
    foreground: tuple[_Shape, ...]


@dataclass(frozen=True)
class _Restless:
    """How much shapes change between two pictures: standard deviations, and probabilities per shape."""

    place: float
    degrees: float
    size: float
    outline: float
    far: float = 0.0
    """Probability that a shape moves to another position."""
    missing: float = 0.0


_RESTLESS = (
    _Restless(0.0, 0.0, 0.0, 0.0),
    _Restless(0.02, 3, 0.03, 0.02, far=0.12),
    _Restless(0.08, 10, 0.1, 0.04, far=0.05, missing=0.05),
    _Restless(0.2, 25, 0.2, 0.06, far=0.2, missing=0.1),
)
_RESTLESS_SHARES = (0.2, 0.25, 0.35, 0.2)


def abstract_triplet(seed: int, size: int = 128) -> Triplet:
    """Draws one triplet; a seed gives the same drawing at every size.

    Args:
        seed: of all random choices.
        size: edge in px.
    """
    rng = random.Random(seed)
    scene = _draw_scene(rng)
    palette = np.array(draw_colours(rng, LABELS), np.float32)
    if rng.random() < 0.5:
        palette[0] = rng.uniform(0.85, 1)  # paper
    sketch = _render(scene, size, rng, lit=False)
    restless = rng.choices(_RESTLESS, _RESTLESS_SHARES)[0]
    reference = _render(_moved_scene(scene, restless, rng), size, rng, lit=True)
    picture, parts = paint(reference, palette, rng), reference.parts
    if restless is _RESTLESS[0] or rng.random() < 0.3:
        picture, parts = warp(picture, parts, rng.choice([0.02, 0.05]), rng)
    return Triplet(
        sketch=put_on_paper(sketch.lines, rng),
        reference=np.asarray(soften(picture, rng) * 255 + 0.5, np.uint8),
        parts=sketch.parts,
        instances=sketch.instances,
        reference_parts=parts,
        palette=palette,
        reference_kind="bent" if restless is _RESTLESS[0] else "view",
    )


def _draw_scene(rng: random.Random) -> _Scene:
    labels = rng.sample(range(BACKGROUND_PARTS, LABELS), LABELS - BACKGROUND_PARTS)
    bodies: list[_Shape] = []
    for _ in range(rng.choice([1, 1, 2, 3, 4])):
        if not labels:
            break
        body = _draw_shape(rng, labels.pop(), rng.uniform(0.15, 0.36))
        body = replace(body, x=rng.uniform(0.25, 0.75), y=rng.uniform(0.25, 0.8))
        bodies.append(_with_parts(body, rng, labels, _DEEPEST))
    ground: tuple[Point, ...] = ()
    if rng.random() < 0.4:
        horizon = rng.uniform(0.4, 0.85)
        ground = tuple((-0.1 + 0.2 * i, horizon + rng.gauss(0, 0.05)) for i in range(7))
    behind: list[_Shape] = []
    if rng.random() < 0.6:
        for label in range(2, BACKGROUND_PARTS):
            model = _draw_shape(rng, label, rng.uniform(0.03, 0.12))
            behind += [
                replace(model, x=rng.random(), y=rng.uniform(0, 0.7)) for _ in range(rng.randint(0, 3))
            ]
    return _Scene(ground, tuple(behind), tuple(bodies))


def _with_parts(shape: _Shape, rng: random.Random, labels: list[int], depth: int) -> _Shape:
    """Attaches other shapes to a shape: single ones, mirrored pairs, rows."""
    behind: list[_Shape] = []
    before: list[_Shape] = []
    inside: list[_Shape] = []
    for _ in range(rng.choice([0, 1, 2, 3, 4] if depth == _DEEPEST else [0, 0, 1, 2])):
        if not labels:
            break
        part = _draw_shape(rng, labels.pop(), rng.uniform(0.12, 0.65))
        if depth > 1:
            part = _with_parts(part, rng, labels, depth - 1)
        place = rng.choice([behind, before, before, inside])
        place += _placed(part, rng, outside=place is behind)
    return replace(shape, behind=tuple(behind), before=tuple(before), inside=tuple(inside))


def _placed(part: _Shape, rng: random.Random, *, outside: bool) -> list[_Shape]:
    """Places a part once, twice or several times in the frame of its parent."""
    angle, distance = rng.uniform(0, math.tau), rng.uniform(0.6, 1.3) if outside else rng.uniform(0, 0.8)
    x, y = distance * math.cos(angle), distance * math.sin(angle)
    part = replace(part, x=x, y=y)
    kind = rng.random()
    if kind < 0.55:
        return [part]
    if kind < 0.8:
        return [part, _mirrored(part)]
    part = replace(part, size=min(part.size, 0.2))
    step_x, step_y = rng.choice([(0.0, 0.4), (0.4, 0.0), (0.3, 0.3)])
    return [replace(part, x=x + step_x * i, y=y + step_y * i) for i in range(rng.randint(2, 4))]


def _mirrored(shape: _Shape) -> _Shape:
    """The mirrored shape."""
    behind, before, inside = (
        tuple(_mirrored(part) for part in parts) for parts in (shape.behind, shape.before, shape.inside)
    )
    outline = tuple((-x, y) for x, y in shape.outline)
    return replace(
        shape,
        outline=outline,
        x=-shape.x,
        degrees=-shape.degrees,
        behind=behind,
        before=before,
        inside=inside,
    )


def _draw_shape(rng: random.Random, label: int, size: float) -> _Shape:
    outline, is_smooth = rng.choice(_OUTLINES)(rng)
    stretch = math.exp(rng.gauss(0, 0.25))
    outline = [(x * stretch, y / stretch) for x, y in outline]
    degrees = rng.choice([0.0, rng.gauss(0, 20), rng.uniform(0, 360)])
    return _Shape(tuple(outline), is_smooth, label, 0.5, 0.5, size, degrees)


def _round(_rng: random.Random) -> tuple[list[Point], bool]:
    return ring(0, 0, 1, 1, 12), True


def _star(rng: random.Random) -> tuple[list[Point], bool]:
    count, inner = rng.randint(4, 7), rng.uniform(0.35, 0.65)
    radii = [1.0, inner] * count
    points = [(x * r, y * r) for (x, y), r in zip(ring(0, 0, 1, 1, 2 * count), radii, strict=True)]
    return points, rng.random() < 0.2


def _lump(rng: random.Random) -> tuple[list[Point], bool]:
    points = ring(0, 0, 1, 1, rng.randint(5, 10))
    return [(x * r, y * r) for x, y in points for r in [rng.uniform(0.55, 1.15)]], True


def _corners(rng: random.Random) -> tuple[list[Point], bool]:
    points = ring(0, 0, 1, 1, rng.randint(3, 6))
    return [(x * r, y * r) for x, y in points for r in [rng.uniform(0.8, 1.1)]], False


def _band(rng: random.Random) -> tuple[list[Point], bool]:
    width, bow = rng.uniform(0.12, 0.4), rng.uniform(-0.5, 0.5)
    upper = [(x, bow * (1 - x * x) - width) for x in (-1.2, -0.4, 0.4, 1.2)]
    return upper + [(x, y + 2 * width) for x, y in reversed(upper)], rng.random() < 0.5


def _drop(rng: random.Random) -> tuple[list[Point], bool]:
    width = rng.uniform(0.4, 0.8)
    return [(0, -1.3), (width * 0.6, -0.2), (width, 0.5), (0, 1), (-width, 0.5), (-width * 0.6, -0.2)], True


def _fringe(rng: random.Random) -> tuple[list[Point], bool]:
    """Round above, teeth below, like hair, grass and torn cloth."""
    count = rng.randint(3, 6)
    teeth = [(1 - (i + 0.5) / count, 0.2 + rng.uniform(0.3, 0.8) * (i % 2)) for i in range(2 * count)]
    return [(-1.0, 0.2), (-0.8, -0.6), (0, -0.9), (0.8, -0.6), (1.0, 0.2), *teeth], False


_OUTLINES = (_round, _star, _lump, _lump, _corners, _band, _drop, _fringe)


def _moved_scene(scene: _Scene, restless: _Restless, rng: random.Random) -> _Scene:
    ground = tuple(shaky(rng, scene.ground, restless.place / 2))
    background, foreground = (
        tuple(_moved(shape, restless, rng) for shape in shapes if rng.random() >= restless.missing)
        for shapes in (scene.background, scene.foreground)
    )
    return _Scene(ground, background, foreground or scene.foreground)


def _moved(shape: _Shape, restless: _Restless, rng: random.Random) -> _Shape:
    """Another pose of a shape. Attached shapes move with it and also on their own."""
    behind, before, inside = (
        tuple(_moved(part, restless, rng) for part in parts if rng.random() >= restless.missing)
        for parts in (shape.behind, shape.before, shape.inside)
    )
    far = rng.random() < restless.far
    reach = 0.25 if far else restless.place
    return replace(
        shape,
        outline=tuple(shaky(rng, shape.outline, restless.outline)),
        x=shape.x + rng.gauss(0, reach),
        y=shape.y + rng.gauss(0, reach),
        size=shape.size * math.exp(rng.gauss(0, restless.size)),
        degrees=shape.degrees + rng.gauss(0, 40 if far else restless.degrees),
        behind=behind,
        before=before,
        inside=inside,
    )


def _render(scene: _Scene, size: int, rng: random.Random, *, lit: bool) -> Drawing:
    canvas = Canvas(size, draw_line_style(rng), rng.getrandbits(40), draw_light(rng) if lit else (0.0, 0.0))
    canvas.shape(box(-0.1, -0.1, 1.1, 1.1), 0, 0, shade=False)
    if scene.ground:
        path = curve(scene.ground)
        path.lineTo(1.2, 1.2)
        path.lineTo(-0.2, 1.2)
        path.close()
        canvas.shape(path, 1, 0.8, shade=False)
    for shape in scene.background:
        _draw(canvas, shape, shade=False)
    for shape in scene.foreground:
        _draw(canvas, shape)
    return canvas.finish()


def _draw(canvas: Canvas, shape: _Shape, *, shade: bool = True) -> None:
    with canvas.frame(shape.x, shape.y, shape.size, shape.degrees):
        for part in shape.behind:
            _draw(canvas, part)
        canvas.shape(shape.path, shape.label, shade=shade)
        with canvas.inside(shape.path):
            for part in shape.inside:
                _draw(canvas, part)
        for part in shape.before:
            _draw(canvas, part)

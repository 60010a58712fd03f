"""Procedural animations: an identity moving from one pose to another and back, for choosing parameters of sequences.

Truth and masks are exact, as in `drawing.triplet`. They are not used for training.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, fields, replace

import numpy as np

from colorizer_lab.data.canvas import ByteGrid, Canvas, Drawing
from colorizer_lab.data.drawing import FIGURES
from colorizer_lab.data.identity import Identity, View, draw_identity, draw_view
from colorizer_lab.data.lines import LineStyle, draw_line_style
from colorizer_lab.data.palette import BACKGROUND_PARTS
from colorizer_lab.data.reference import paint, soften


@dataclass(frozen=True)
class Sequence:
    """Frames with their truth, and references. All pictures have the same size (S, S)."""

    sketches: tuple[ByteGrid, ...]
    """255 = paper, 0 = ink."""
    truths: tuple[ByteGrid, ...]
    """(S, S, 3), sRGB: one colour per part."""
    masks: tuple[ByteGrid, ...]
    """255 = foreground."""
    references: tuple[ByteGrid, ...]
    """(S, S, 3), sRGB: the same identity in other poses, shaded."""


def sequence(seed: int, frames: int = 6, size: int = 512, references: int = 2) -> Sequence:
    """Draws a sequence; the same arguments give the same pictures."""
    rng = random.Random(seed)
    identity = draw_identity(rng)
    start = draw_view(rng)
    end = replace(draw_view(rng), framing=start.framing, zoom=start.zoom, x=start.x, wobble=start.wobble)
    style = replace(draw_line_style(rng), hatched=False, dropped=0.0, see_through=False)
    shapes = rng.getrandbits(40)
    drawn = [
        _draw(identity, between(start, end, _share(frame, frames)), style, shapes, size)
        for frame in range(frames)
    ]
    return Sequence(
        sketches=tuple(drawing.lines for drawing in drawn),
        truths=tuple(np.asarray(identity.palette[drawing.parts] * 255 + 0.5, np.uint8) for drawing in drawn),
        masks=tuple(np.asarray((drawing.parts >= BACKGROUND_PARTS) * 255, np.uint8) for drawing in drawn),
        references=tuple(_reference(identity, rng, size) for _ in range(references)),
    )


def between(start: View, end: View, share: float) -> View:
    """Interpolates two views; values that cannot be interpolated are taken from `start`.

    Args:
        start: the view at share 0.
        end: the view at share 1.
        share: 0..1.
    """
    moved = {}
    for field in fields(View):
        low, high = getattr(start, field.name), getattr(end, field.name)
        if isinstance(low, float):
            moved[field.name] = low + share * (high - low)
        elif isinstance(low, tuple):
            moved[field.name] = tuple(a + share * (b - a) for a, b in zip(low, high, strict=True))
    return replace(start, **moved)


def _share(frame: int, frames: int) -> float:
    """Share of a frame: to the end pose and most of the way back, with the steps of a run of six to ten frames."""
    return 0.7 * (1 - math.cos(math.tau * frame / frames)) / 2 + 0.3 * frame / frames


def _draw(
    identity: Identity, view: View, style: LineStyle, shapes: int, size: int, *, light: float = 0.0
) -> Drawing:
    canvas = Canvas(size, style, shapes, (light, light))
    FIGURES[identity.kind](canvas, identity.traits, view)
    return canvas.finish()


def _reference(identity: Identity, rng: random.Random, size: int) -> ByteGrid:
    drawing = _draw(identity, draw_view(rng), draw_line_style(rng), rng.getrandbits(40), size, light=0.02)
    return np.asarray(soften(paint(drawing, identity.palette, rng), rng) * 255 + 0.5, np.uint8)

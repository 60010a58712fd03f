"""Triplets of real art: a sketch of one picture, and a reference with the same character or the same picture.

*Cross* pairs: the reference is another picture of the same character or with the same palette; a match is right if
its colour is right. *Self* pairs: the reference is the picture itself, warped, cropped, relit, often with another
object beside it; a match is right if it is the corresponding position. Sketches are the artist's own lines where
there are any. Otherwise lines are drawn along the borders of fills or extracted from painted pictures, in all line
styles of the procedural drawings (`data.lines`).
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer_lab.data.art.fills import MOST_FILLS, ByteGrid, Fills, without_thick_outlines
from colorizer_lab.data.art.library import Library
from colorizer_lab.data.drawing import Triplet
from colorizer_lab.data.lines import LineStyle, draw_line_style, lines_along_borders, put_on_paper
from colorizer_lab.data.palette import BACKGROUND_PARTS
from colorizer_lab.data.shading import shade, smooth_noise

LABELS = 256
"""Rows of a triplet's palette. Label 0 is the background; fills start at `BACKGROUND_PARTS`."""

_CROSS, _TRIES = 0.7, 4
"""Probability that a picture with partners is looked for, to be paired with one of them, and number of tries."""
_ALIKE = 0.06
"""RGB distance (0..1) below which two colours count as equal, as in the training loss."""
_COVERED = 0.6
"""Smallest share of a sketch's area whose colours a cross reference must contain."""


@dataclass(frozen=True)
class Placing:
    """Position and deformation of a picture on the square; lengths are shares of the edge."""

    angle: float = 0.0
    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0
    bend: float = 0.0
    mirrored: bool = False


@dataclass(frozen=True)
class Placed:
    """A picture on its square."""

    colours: NDArray[np.float32]
    """(S, S, 4), sRGB and alpha, 0..1."""
    labels: ByteGrid
    lines: NDArray[np.float32]
    """(S, S), 0..1: the artist's lines."""


@dataclass(frozen=True)
class Habits:
    """Probabilities of a triplet's random changes. The validation pairs use lower ones."""

    relit: float = 0.35
    beside: float = 0.25
    beside_sketch: float = 0.1
    backdrop: float = 0.4
    cut: float = 0.15
    joined: float = 0.6
    """Probability that fills that differ only in light are one region."""
    mirrored: float = 0.0
    """Probability that the reference is mirrored; training does its own mirroring."""
    habit: bool = True
    """Whether lines may be missing or have gaps."""


@dataclass(frozen=True)
class Pair:
    """Two pictures on their squares, and the sketch of the first."""

    here: Placed
    there: Placed
    palette: NDArray[np.float32]
    """(LABELS, 3)."""
    lines: ByteGrid
    reference: NDArray[np.uint8]
    """(S, S, 3)."""
    cross: bool

    def triplet(self) -> Triplet:
        """Converts the pair to a training triplet."""
        return Triplet(
            sketch=self.lines,
            reference=self.reference,
            parts=self.here.labels,
            instances=self.here.labels + np.uint8(1),
            reference_parts=self.there.labels,
            palette=self.palette,
            reference_kind="view" if self.cross else "bent",
        )


def art_triplet(library: Library, numbers: list[int], seed: int, size: int) -> Triplet:
    """Draws a triplet from the pictures `numbers`; the same arguments give the same triplet."""
    rng = random.Random(seed)
    by_family: dict[str, list[int]] = {}
    for one in numbers:
        by_family.setdefault(library.entries[one].family, []).append(one)
    weights = [math.sqrt(len(members)) for members in by_family.values()]
    members = rng.choices(list(by_family.values()), weights)[0]
    number, mates = (
        _with_partners(library, members, rng) if rng.random() < _CROSS else (rng.choice(members), [])
    )
    mate = rng.choice(mates) if mates else None
    other = rng.choice(numbers)
    first, beside = (without_thick_outlines(library.read(one)) for one in (number, other))
    second = None if mate is None else without_thick_outlines(library.read(mate))
    return pair_of(first, second, beside, rng, size, painted=library.family(number).painted).triplet()


def _with_partners(library: Library, members: list[int], rng: random.Random) -> tuple[int, list[int]]:
    """A picture and its partners; in families in which few pictures have partners, often one without any."""
    for _ in range(_TRIES):
        number = rng.choice(members)
        mates = library.likely_partners(number)
        if mates:
            break
    return number, mates


def pair_of(
    first: Fills,
    second: Fills | None,
    other: Fills,
    rng: random.Random,
    size: int,
    habits: Habits = Habits(),
    *,
    painted: bool,
) -> Pair:
    """Makes a pair of given pictures.

    Args:
        first: the picture of the sketch.
        second: the picture of the reference; None: `first`.
        other: a picture that may be placed beside either.
        rng: the random generator.
        size: edge, px.
        habits: probabilities of random changes.
        painted: whether lines must be extracted from the colours.
    """
    joined = rng.random() < habits.joined
    own = BACKGROUND_PARTS + _grouped(first, joined=joined)
    own[0] = 0
    palette = np.full((LABELS, 3), 1.0, np.float32)
    _enter(palette, own, first)
    reference, theirs = first, own
    if second is not None:
        labels = BACKGROUND_PARTS + MOST_FILLS + _grouped(second, joined=joined)
        labels[0] = 0
        if coverage(first, second) >= _COVERED:
            reference, theirs = second, labels
            _enter(palette, theirs, second)
    cross = reference is not first
    others = BACKGROUND_PARTS + 2 * MOST_FILLS + _grouped(other, joined=False)
    others[0] = 0
    _enter(palette, others, other)

    steady = rng.random() < (0.5 if cross else 0.25)
    here = _lay(first, own, _placing(rng, habits, steady=steady), size, rng)
    placing = replace(
        _placing(rng, habits, steady=steady, bent=not cross), mirrored=rng.random() < habits.mirrored
    )
    there = _lay(reference, theirs, placing, size, rng)
    if rng.random() < habits.beside_sketch:
        here = _beside(here, _lay(other, others, _aside(rng), size, rng), rng)
    elif rng.random() < habits.beside:
        there = _beside(there, _lay(other, others, _aside(rng), size, rng), rng)
    style = draw_line_style(rng)
    if not habits.habit:
        style = replace(style, dropped=0.0, dashed=False)
    has_lines = first.outlined and rng.random() < 0.8
    lines = sketch_lines(here, palette, style, rng, has_lines=has_lines, painted=painted)
    return Pair(here, there, palette, put_on_paper(lines, rng), _painted(there, rng, habits), cross)


def sketch_lines(
    laid: Placed,
    palette: NDArray[np.float32],
    style: LineStyle,
    rng: random.Random,
    *,
    has_lines: bool,
    painted: bool,
) -> ByteGrid:
    """Draws the sketch of a picture, (S, S), 255 = paper.

    Args:
        laid: the picture.
        palette: (LABELS, 3).
        style: style of drawn lines; its gray is also used for the artist's own lines.
        rng: the random generator.
        has_lines: whether to use the artist's lines only.
        painted: as in `pair_of`.
    """
    strength = 1 - style.gray / 255
    if has_lines:
        ink = laid.lines
        if rng.random() < 0.3:
            ink = cv2.dilate(ink, np.ones((3, 3), np.uint8))
        if rng.random() < 0.5:  # large black areas are often inked
            dark = palette.max(1) < 0.16
            ink = np.maximum(ink, (dark[laid.labels] & (laid.labels > 0)).astype(np.float32))
    elif painted and rng.random() < 0.7:
        ink = _extracted(laid, rng)
    else:
        ink = np.maximum(
            1 - lines_along_borders(laid.labels, replace(style, gray=0), rng) / np.float32(255), laid.lines
        )
    return np.asarray(255 * (1 - strength * ink), np.uint8)


def coverage(first: Fills, second: Fills) -> float:
    """Share of the first picture's area whose colour occurs in the second picture."""
    area = np.bincount(first.fills.ravel(), minlength=len(first.palette))[1:]
    here, there = (fills.palette[1:].astype(np.float32) / 255 for fills in (first, second))
    near = np.sqrt(((here[:, None] - there[None]) ** 2).sum(-1)).min(1) < _ALIKE
    return float((area * near).sum() / max(area.sum(), 1))


def _grouped(fills: Fills, *, joined: bool) -> ByteGrid:
    """For each fill, the number of the fill that represents its region, (n + 1,)."""
    return fills.parts.copy() if joined else np.arange(len(fills.palette), dtype=np.uint8)


def _enter(palette: NDArray[np.float32], labels: ByteGrid, fills: Fills) -> None:
    """Sets the palette's colour of each label to that of its largest fill."""
    for fill in range(len(labels) - 1, 0, -1):
        palette[labels[fill]] = fills.palette[fill] / np.float32(255)


def _placing(rng: random.Random, habits: Habits, *, steady: bool, bent: bool = False) -> Placing:
    """Draws a random placing. A `steady` picture hardly moves, so corresponding parts stay at the same position."""
    bend = rng.choice([0.01, 0.025, 0.045]) if bent else 0.0
    if steady:
        return Placing(
            rng.gauss(0, 0.01), rng.uniform(0.97, 1.03), rng.gauss(0, 0.01), rng.gauss(0, 0.01), bend / 3
        )
    if rng.random() < habits.cut:  # an enlarged part, as if the frame cropped the character
        return Placing(
            rng.gauss(0, 0.1), rng.uniform(1.3, 2.0), rng.uniform(-0.25, 0.25), rng.uniform(-0.25, 0.25), bend
        )
    return Placing(rng.gauss(0, 0.15), rng.uniform(0.6, 1.05), rng.gauss(0, 0.06), rng.gauss(0, 0.06), bend)


def _aside(rng: random.Random) -> Placing:
    side = rng.choice([-1, 1])
    return Placing(
        rng.gauss(0, 0.2), rng.uniform(0.25, 0.5), side * rng.uniform(0.25, 0.42), rng.uniform(-0.3, 0.35)
    )


def _lay(fills: Fills, labels: ByteGrid, placing: Placing, size: int, rng: random.Random) -> Placed:
    """Rotates, scales, moves and bends a picture together with its labels."""
    source = len(fills.fills)
    columns, rows = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    x, y = (columns + 0.5) / size - 0.5 - placing.x, (rows + 0.5) / size - 0.5 - placing.y
    cos, sin = math.cos(placing.angle) / placing.scale, math.sin(placing.angle) / placing.scale
    x, y = x * cos - y * sin, x * sin + y * cos
    if placing.bend:
        x, y = x + _bend(size, placing.bend, rng), y + _bend(size, placing.bend, rng)
    if placing.mirrored:
        x = -x
    x, y = ((grid + 0.5) * source - 0.5 for grid in (x, y))
    x, y = x.astype(np.float32), y.astype(np.float32)
    alpha = fills.colours[..., 3:].astype(np.float32) / 255
    picture = np.dstack([fills.colours[..., :3] / np.float32(255) * alpha, alpha]).astype(np.float32)
    colours = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderValue=(0, 0, 0, 0))
    lines = cv2.remap(fills.lines, x, y, cv2.INTER_LINEAR, borderValue=0)
    places = cv2.remap(fills.fills, x, y, cv2.INTER_NEAREST, borderValue=0)
    return Placed(colours, labels[places], lines / np.float32(255))


def _beside(laid: Placed, thing: Placed, rng: random.Random) -> Placed:
    """Composites two pictures, either one in front. Colours are premultiplied."""
    front, back = (thing, laid) if rng.random() < 0.5 else (laid, thing)
    through = 1 - front.colours[..., 3:]
    return Placed(
        front.colours + back.colours * through,
        np.where(front.labels > 0, front.labels, back.labels),
        np.maximum(front.lines, back.lines * through[..., 0]),
    )


def _painted(laid: Placed, rng: random.Random, habits: Habits) -> NDArray[np.uint8]:
    """Paints the reference (S, S, 3) on paper or a backdrop, sometimes relit."""
    size = len(laid.labels)
    colours = laid.colours[..., :3]
    if rng.random() < habits.relit:
        colours = np.minimum(shade(colours, laid.labels, rng), laid.colours[..., 3:])
    behind = np.ones((1, 1, 3), np.float32)
    if rng.random() < habits.backdrop:
        behind = np.array([rng.random() for _ in range(3)], np.float32)[None, None]
        if rng.random() < 0.5:
            behind = behind * (1 + (smooth_noise(size, 4, rng) - 0.5) * rng.uniform(0.1, 0.8))[..., None]
    return np.asarray(np.clip(colours + behind * (1 - laid.colours[..., 3:]), 0, 1) * 255 + 0.5, np.uint8)


def _extracted(laid: Placed, rng: random.Random) -> NDArray[np.float32]:
    """Extracts the lines of a painted picture by a difference of Gaussians, (S, S), 0..1."""
    size = len(laid.labels)
    darkest = (laid.colours[..., :3] + 1 - laid.colours[..., 3:]).min(-1)
    narrow = rng.uniform(0.6, 1.2) * size / 256
    edge = cv2.GaussianBlur(darkest, (0, 0), 2.5 * narrow) - cv2.GaussianBlur(darkest, (0, 0), narrow)
    return np.asarray(np.clip((edge - 0.02) * rng.uniform(8, 20), 0, 1), np.float32)


def _bend(size: int, amount: float, rng: random.Random) -> NDArray[np.float32]:
    noise = np.random.default_rng(rng.getrandbits(31)).standard_normal((5, 5), np.float32)
    return np.asarray(
        cv2.resize(noise * np.float32(amount), (size, size), interpolation=cv2.INTER_CUBIC), np.float32
    )

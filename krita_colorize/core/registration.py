"""Detects how a canvas was changed by registering the sketch's pixels before and after the change.

It detects Krita's changes of whole canvases: shift, crop, mirror, quarter turns and scale. Candidates are computed from
the outlines of both pictures, from the sizes of both canvases, and from short pieces of rows of one picture that are
found in the other. The candidate with the largest overlap of ink wins, if the overlap is large enough. Slow: for worker
threads.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from krita_colorize.core.placement import Placement
from krita_colorize.core.port import Pixels

ENOUGH = 0.8
"""Minimum overlap of ink: the mean of the fractions of both pictures. It is below 1, because the artist may have
continued drawing."""
FEWEST = 0.5
"""Minimum fraction of each single picture."""

_POINTS, _TRIES, _FEWEST = 500, 60_000, 24
_CONTRAST = 64
_PIECE = 48  # length of a piece of a row, in pixels
_PIECES, _FINDS, _SHIFTS = 12, 16, 3
_GLANCE = 40
"""Number of points for a first quick test, because most candidates are wrong."""
_CHUNK = 1 << 20

_ORIENTATIONS = (
    (1, 0, 0, 1),
    (0, -1, 1, 0),
    (0, 1, -1, 0),
    (-1, 0, 0, -1),
    (-1, 0, 0, 1),
    (1, 0, 0, -1),
    (0, 1, 1, 0),
    (0, -1, -1, 0),
)
"""xx, xy, yx, yy: unchanged, rotated right, left, by 180 degrees, mirrored in x, in y, and mirrored and rotated."""


@dataclass(frozen=True)
class Sheet:
    """A picture (4 bytes per pixel) on a canvas of `width` x `height` pixels."""

    pixels: Pixels
    width: int
    height: int


def register(before: Sheet, after: Sheet) -> Placement | None:
    """Registers two pictures of a sketch; returns how the canvas has changed, or None if that can't be found.

    If both canvases have the same size, the picture is taken as unmoved unless another placement fits better.
    """
    stayed = Placement(after.width, after.height)
    same_size = (before.width, before.height) == (after.width, after.height)
    if same_size and before.pixels == after.pixels:
        return stayed
    first, second = _Ink(before), _Ink(after)
    unmoved = _agreement(first, second, stayed) if same_size else 0.0
    # Scaled candidates last, because they are compared with a tolerance.
    for scaled in (False, True):
        # `unmoved` has to be exceeded, because a mirrored symmetric drawing overlaps itself, too.
        found = _best(first, second, _candidates(before, after, second, scaled=scaled), unmoved)
        if found is not None:
            return found
        if unmoved:
            break
    return stayed if same_size else None


def _best(first: _Ink, second: _Ink, candidates: Iterator[Placement], unmoved: float) -> Placement | None:
    """The first candidate with the largest overlap of ink, if it is large enough and larger than `unmoved`."""
    best, most = None, unmoved
    for candidate in candidates:
        if most == 1.0:
            break
        share = _agreement(first, second, candidate)
        if share > most + 0.003:
            best, most = candidate, share
    return best if most >= ENOUGH else None


class _Ink:
    """A random sample of a picture's ink: points that differ from its most frequent colour, the paper."""

    def __init__(self, sheet: Sheet) -> None:
        pixels = self.pixels = sheet.pixels
        self.sheet = sheet
        self._data = pixels.data
        self._paper = bytes(4)
        chance = random.Random(0)
        self.points: list[tuple[int, int]] = []
        if not pixels.data:
            return
        tried = [self._drawn(chance) for _ in range(2000)]
        self._paper = Counter(self._at(*place) for place in tried).most_common(1)[0][0]
        for place in itertools.chain(tried, (self._drawn(chance) for _ in range(_TRIES))):
            if self.marked(*place):
                self.points.append(place)
                if len(self.points) == _POINTS:
                    break

    def _drawn(self, chance: random.Random) -> tuple[int, int]:
        pixels = self.pixels
        return pixels.x + int(chance.random() * pixels.width), pixels.y + int(chance.random() * pixels.height)

    def inside(self, x: int, y: int, by: int) -> bool:
        """Whether a point is on the canvas and at least `by` pixels from its edges."""
        return by <= x < self.sheet.width - by and by <= y < self.sheet.height - by

    def marked(self, x: int, y: int) -> bool:
        """Whether there is ink at a point."""
        found, paper = self._at(x, y), self._paper
        return found != paper and any(
            abs(one - other) > _CONTRAST for one, other in zip(found, paper, strict=True)
        )

    def near(self, x: int, y: int, by: int) -> bool:
        """Whether there is ink within `by` pixels of a point in x and y."""
        steps = range(-by, by + 1)
        return any(self.marked(x + across, y + down) for down in steps for across in steps)

    def _at(self, x: int, y: int) -> bytes:
        pixels = self.pixels
        across, down = x - pixels.x, y - pixels.y
        if not (0 <= across < pixels.width and 0 <= down < pixels.height):
            return bytes(4)
        start = (down * pixels.width + across) * 4
        found = bytes(self._data[start : start + 4])
        return found if found[3] >= 128 else bytes(4)


def _agreement(before: _Ink, after: _Ink, placement: Placement) -> float:
    """The mean fraction of each picture's ink that overlaps the other's, without cropped parts."""
    back = placement.back(before.sheet.width, before.sheet.height)
    shares = []
    for one, other, way in ((before, after, placement), (after, before, back)):
        by = 0 if abs(way.xx + way.xy) == 1 else 1 + round(abs(way.xx + way.xy))
        places = [place for place in (way.pixel(*point) for point in one.points) if other.inside(*place, by)]
        if len(places) < min(_FEWEST, max(1, len(one.points))):
            return 0.0
        for chosen in (places[:_GLANCE], places):
            share = sum(other.near(*place, by) for place in chosen) / len(chosen)
            if share < (FEWEST if chosen is places else FEWEST / 2):
                return 0.0
        shares.append(share)
    return sum(shares) / 2


def _candidates(before: Sheet, after: Sheet, ink: _Ink, *, scaled: bool) -> Iterator[Placement]:
    if not before.pixels.data or not after.pixels.data:
        return
    for orientation in _ORIENTATIONS:
        for one in (_by_outline(before.pixels, after, orientation), _by_canvas(before, after, orientation)):
            across, down = abs(one.xx + one.xy), abs(one.yx + one.yy)
            if ((across, down) != (1, 1)) == scaled:
                yield one
    if not scaled:
        for orientation in _ORIENTATIONS:
            yield from _by_pieces(before, after, ink, orientation)


def _by_canvas(before: Sheet, after: Sheet, orientation: tuple[int, ...]) -> Placement:
    """The candidate that maps one whole canvas to the other."""
    return _fitted((0, 0, before.width, before.height), (0, 0, after.width, after.height), after, orientation)


def _by_outline(before: Pixels, after: Sheet, orientation: tuple[int, ...]) -> Placement:
    """The candidate that maps one picture's outline to the other's."""
    old = before.x, before.y, before.width, before.height
    new = after.pixels.x, after.pixels.y, after.pixels.width, after.pixels.height
    return _fitted(old, new, after, orientation)


def _fitted(
    old: tuple[int, int, int, int],
    new: tuple[int, int, int, int],
    after: Sheet,
    orientation: tuple[int, ...],
) -> Placement:
    """The placement that maps one box onto the other."""
    xx, xy, yx, yy = orientation
    wide, high = (old[3], old[2]) if not xx else (old[2], old[3])
    across, down = new[2] / wide, new[3] / high
    turn = Placement(after.width, after.height, xx * across, xy * across, yx * down, yy * down)
    corners = turn.point(old[0], old[1]), turn.point(old[0] + old[2], old[1] + old[3])
    left, top = (min(values) for values in zip(*corners, strict=True))
    return Placement(
        after.width, after.height, turn.xx, turn.xy, turn.yx, turn.yy, new[0] - left, new[1] - top
    )


def _by_pieces(before: Sheet, after: Sheet, ink: _Ink, orientation: tuple[int, ...]) -> Iterator[Placement]:
    """Candidates without scaling: shifts by which pieces of the new picture are found in the former one, most frequent
    first."""
    turn = Placement(after.width, after.height, *map(float, orientation))
    back = turn.back(before.width, before.height)
    shifts: Counter[tuple[int, int]] = Counter()
    pieces = {place: _piece(after.pixels, *place, back) for place in ink.points}
    busiest = sorted(pieces, key=lambda place: -_changes(pieces[place]))[:_PIECES]
    for x, y in busiest:
        piece = pieces[x, y]
        for old_x, old_y in _finds(before.pixels, piece):
            # The piece's first pixel in the former picture is the one at x, y.
            was = turn.point(old_x + 0.5, old_y + 0.5)
            shifts[(round(x + 0.5 - was[0]), round(y + 0.5 - was[1]))] += 1
    for (dx, dy), _ in shifts.most_common(_SHIFTS):
        yield Placement(after.width, after.height, turn.xx, turn.xy, turn.yx, turn.yy, dx, dy)


def _piece(pixels: Pixels, x: int, y: int, back: Placement) -> bytes:
    """The pixels from x, y on that were a piece of a row in the former picture; empty if they leave the picture."""
    step = round(back.xx), round(back.xy)  # on the new canvas, for one pixel to the right on the former one
    across, down = x - pixels.x, y - pixels.y
    last = across + step[0] * (_PIECE - 1), down + step[1] * (_PIECE - 1)
    if not (0 <= last[0] < pixels.width and 0 <= last[1] < pixels.height):
        return b""
    start, stride = (down * pixels.width + across) * 4, (step[1] * pixels.width + step[0]) * 4
    places = (start + number * stride for number in range(_PIECE))
    return b"".join(bytes(pixels.data[place : place + 4]) for place in places)


def _changes(piece: bytes) -> int:
    """The number of colour changes along a piece; pieces with more of them are rarer."""
    return sum(
        piece[start : start + 4] != piece[start + 4 : start + 8] for start in range(0, len(piece) - 4, 4)
    )


def _finds(pixels: Pixels, piece: bytes) -> Iterator[tuple[int, int]]:
    """The positions of a piece of a row in a picture, at most `_FINDS`; none for a piece of a single colour."""
    if not piece or piece == piece[:4] * _PIECE:
        return
    found, row = 0, pixels.width * 4
    for chunk in range(0, len(pixels.data), _CHUNK):
        part = bytes(pixels.data[chunk : chunk + _CHUNK + len(piece) - 1])
        place = part.find(piece)
        while place >= 0:
            start = chunk + place
            if start % 4 == 0 and start % row + len(piece) <= row:
                yield pixels.x + start % row // 4, pixels.y + start // row
                found += 1
                if found == _FINDS:
                    return
            place = part.find(piece, place + 1)

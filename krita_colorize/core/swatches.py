"""A result's palette for the artist: similar colours share a swatch; swatches are grouped by side and ordered by area.

It also computes a small map of the colours, to highlight their regions on the canvas and to find the colour under a
click. Colours are "#rrggbb"; those of the layers aren't changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from krita_colorize.core.palette import distance
from krita_colorize.core.port import FOREGROUND, ROLES, NewLayer, Pixels

MAP_SIDE = 512
"""Longer side of the map, in pixels."""

NONE = 255
"""The index for pixels without a colour of the palette."""

_OPAQUE = 128


class Side(Enum):
    """The part of the picture in which most of a colour is."""

    FOREGROUND = "foreground"
    BACKGROUND = "background"


@dataclass(frozen=True)
class Swatch:
    """Similar colours. `colour` is the one with the largest area, `area` their fraction of the picture, 0..1."""

    colour: str
    members: tuple[str, ...]
    side: Side
    area: float


@dataclass(frozen=True)
class ColourMap:
    """The map of a palette's colours. `indices` has `height` rows of `width` bytes, each an index of `colours` or
    `NONE`; it covers the whole canvas of `canvas_width` x `canvas_height` pixels."""

    colours: tuple[str, ...]
    width: int
    height: int
    canvas_width: int
    canvas_height: int
    indices: bytes
    counts: Mapping[tuple[str, Side], int]

    def at(self, x: int, y: int) -> str:
        """The colour at a pixel of the canvas, "" if there is none."""
        if not (0 <= x < self.canvas_width and 0 <= y < self.canvas_height):
            return ""
        column, row = x * self.width // self.canvas_width, y * self.height // self.canvas_height
        index = self.indices[row * self.width + column]
        return self.colours[index] if index < len(self.colours) else ""

    def swatches(self, threshold: float) -> tuple[Swatch, ...]:
        """Swatches of the foreground, then of the background, largest first.

        A colour joins the first larger one of its side within `threshold` (CIE 1976 colour difference).
        """
        found: list[Swatch] = []
        total = max(1, self.width * self.height)
        for side in Side:
            alike: dict[str, list[str]] = {}
            mine = [colour for colour in self.colours if self.side(colour) is side]
            for colour in sorted(mine, key=self.area, reverse=True):
                near = (first for first in alike if distance(first, colour) <= threshold)
                alike.setdefault(next(near, colour), []).append(colour)
            swatches = [
                Swatch(first, tuple(members), side, sum(map(self.area, members)) / total)
                for first, members in alike.items()
            ]
            found += sorted(swatches, key=lambda swatch: swatch.area, reverse=True)
        return tuple(found)

    def area(self, colour: str) -> int:
        """The area of a colour in pixels of the map."""
        return sum(self.counts.get((colour, side), 0) for side in Side)

    def side(self, colour: str) -> Side:
        """The side on which most of a colour is."""
        return max(Side, key=lambda side: self.counts.get((colour, side), 0))


def colour_map(layers: Sequence[NewLayer], colours: Sequence[str], width: int, height: int) -> ColourMap:
    """Samples the layers of a result (bottom to top) on a canvas of `width` x `height` pixels. Slow: for worker
    threads.

    Layers of shading and light are left out.
    """
    colours = tuple(colours[:NONE])
    step = max(1, -(-max(width, height) // MAP_SIDE))
    columns, rows = range(step // 2, width, step), range(step // 2, height, step)
    index_of = {_pixel(colour): index for index, colour in enumerate(colours)}
    indices = bytearray([NONE]) * (len(columns) * len(rows))
    sides = bytearray(len(indices))  # 1 where the foreground is on top
    for layer in layers:
        if layer.role in ROLES and layer.blend == "normal":
            _sample(layer, (columns, rows), index_of, indices, sides)
    pairs = Counter(zip(indices, sides, strict=True))
    counts = {
        (colours[index], Side.FOREGROUND if side else Side.BACKGROUND): count
        for (index, side), count in pairs.items()
        if index < len(colours)
    }
    return ColourMap(colours, len(columns), len(rows), width, height, bytes(indices), counts)


def _sample(
    layer: NewLayer,
    places: tuple[range, range],
    index_of: Mapping[int, int],
    indices: bytearray,
    sides: bytearray,
) -> None:
    pixels, mask = layer.pixels, layer.mask
    if not pixels.data:
        return
    columns, rows = places
    words = memoryview(pixels.data).cast("I")
    inside = [
        (number, x - pixels.x) for number, x in enumerate(columns) if pixels.x <= x < pixels.x + pixels.width
    ]
    is_foreground = layer.role == FOREGROUND
    for number, y in enumerate(rows):
        if not pixels.y <= y < pixels.y + pixels.height:
            continue
        start, row = (y - pixels.y) * pixels.width, number * len(columns)
        for column, x in inside:
            word = words[start + x]
            if word >> 24 >= _OPAQUE and _shows(mask, columns[column], y):
                indices[row + column] = index_of.get(word & 0xFFFFFF, NONE)
                sides[row + column] = is_foreground


def _shows(mask: Pixels | None, x: int, y: int) -> bool:
    """Whether a pixel is visible with a mask, which is 0 outside its rectangle."""
    if mask is None or not mask.data:
        return mask is None
    x, y = x - mask.x, y - mask.y
    inside = 0 <= x < mask.width and 0 <= y < mask.height
    return inside and mask.data[y * mask.width + x] >= _OPAQUE


def _pixel(colour: str) -> int:
    """A colour as 0xRRGGBB."""
    return int(colour[1:3], 16) << 16 | int(colour[3:5], 16) << 8 | int(colour[5:7], 16)

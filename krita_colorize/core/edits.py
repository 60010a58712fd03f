"""The artist's edits that are sent with every request.

Bindings give a region the colour of a reference's spot; corrections give it a colour, or none; swaps replace a colour
of the palette by another one. Bindings and swaps are stored in the sketch's settings, corrections in their result.
Hints are a layer and aren't here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from krita_colorize.core.placement import Placement

MAX_BINDINGS = 256
MAX_SWAPS = 256
MAX_CORRECTIONS = 4096

_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True)
class Binding:
    """The region at `x`, `y` (image pixels of the canvas) gets the colour of a spot in a reference.

    `reference` is the key of the reference's source. The spot is in pixels of the reference's picture; if that is a
    layer, in pixels of the canvas, because a layer's picture is cropped to its present content.
    """

    x: int
    y: int
    reference: str
    reference_x: int
    reference_y: int

    def on(self, placement: Placement) -> Binding | None:
        """The binding on a changed canvas; None if its region's position is outside that."""
        x, y = placement.pixel(self.x, self.y)
        inside = 0 <= x < placement.width and 0 <= y < placement.height
        return replace(self, x=x, y=y) if inside else None


@dataclass(frozen=True)
class Correction:
    """The region at `x`, `y` (image pixels of the canvas) has this colour ("#rrggbb"), or none (""), before swaps."""

    x: int
    y: int
    colour: str

    def on(self, placement: Placement) -> Correction | None:
        """The correction on a changed canvas; None if its region's position is outside that."""
        x, y = placement.pixel(self.x, self.y)
        inside = 0 <= x < placement.width and 0 <= y < placement.height
        return replace(self, x=x, y=y) if inside else None


@dataclass(frozen=True)
class Swap:
    """Replaces the colour `before` by `after` in the result; both "#rrggbb" in lower case."""

    before: str
    after: str


def compose(swaps: Sequence[Swap], edits: Mapping[str, str]) -> tuple[Swap, ...]:
    """Composes `swaps` with later `edits` (shown colour: new colour) to swaps that are all made at once."""
    after = {swap.before: edits.get(swap.after, swap.after) for swap in swaps}
    for before, colour in edits.items():
        after.setdefault(before, colour)
    return tuple(Swap(before, colour) for before, colour in after.items() if before != colour)


def to_json(bindings: Sequence[Binding], swaps: Sequence[Swap]) -> dict[str, Any]:
    """JSON values; `read_bindings` and `read_swaps` read them."""
    return {
        "bindings": [vars(binding) for binding in bindings],
        "swaps": [{"from": swap.before, "to": swap.after} for swap in swaps],
    }


def read_bindings(data: object) -> tuple[Binding, ...]:
    """Reads bindings from JSON values; invalid ones are left out."""
    found = [_binding(item) for item in data] if isinstance(data, list) else []
    return tuple(item for item in found if item is not None)[:MAX_BINDINGS]


def read_corrections(data: object) -> tuple[Correction, ...]:
    """Reads corrections from JSON values; invalid ones are left out."""
    found = []
    for item in data if isinstance(data, list) else []:
        if isinstance(item, dict) and all(type(item.get(name)) is int and item[name] >= 0 for name in "xy"):
            colour = item.get("colour")
            if isinstance(colour, str) and (not colour or is_colour(colour)):
                found.append(Correction(item["x"], item["y"], colour))
    return tuple(found)[:MAX_CORRECTIONS]


def read_swaps(data: object) -> tuple[Swap, ...]:
    """Reads swaps from JSON values; invalid ones, and the second one of a colour, are left out."""
    pairs: dict[str, str] = {}
    for item in data if isinstance(data, list) else []:
        if isinstance(item, dict) and is_colour(item.get("from")) and is_colour(item.get("to")):
            pairs.setdefault(item["from"], item["to"])
    return tuple(Swap(before, after) for before, after in pairs.items())[:MAX_SWAPS]


def read_colours(data: object) -> tuple[str, ...]:
    """Reads colours ("#rrggbb") from JSON values, each once; invalid ones are left out."""
    return tuple(dict.fromkeys(filter(is_colour, data))) if isinstance(data, list) else ()


def is_colour(value: object) -> bool:
    """Whether it is "#rrggbb" in lower case."""
    return isinstance(value, str) and _COLOUR.fullmatch(value) is not None


def _binding(data: object) -> Binding | None:
    if not isinstance(data, dict):
        return None
    places = [data.get(name) for name in ("x", "y", "reference_x", "reference_y")]
    reference = data.get("reference")
    if not isinstance(reference, str) or not all(type(place) is int and place >= 0 for place in places):
        return None
    x, y, reference_x, reference_y = places
    return Binding(x, y, reference, reference_x, reference_y)  # type: ignore[arg-type]

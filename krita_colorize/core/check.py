"""Reads a result's check: the places that the artist should check (doubtful, unpainted or leaking), and their mask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import Enum

from krita_colorize.core.bundle import Bundle, BundleError
from krita_colorize.core.port import Pixels
from krita_colorize.core.region_map import RegionMap
from krita_colorize.core.result import Result, ResultError

MAX_PLACES = 20

_LOOKS = 48
"""Number of sampled pixels along each side of a place."""


class PlaceKind(str, Enum):
    """The reason to check a place."""

    DOUBTFUL = "doubtful"  # the engine was unsure of its colour
    UNPAINTED = "unpainted"  # it has no colour
    LEAK = "leak"  # its lines may be open


@dataclass(frozen=True)
class Place:
    """A rectangle of the canvas to check, in image pixels."""

    kind: PlaceKind
    x: int
    y: int
    width: int
    height: int


def places(result: Result) -> tuple[Place, ...]:
    """The places of a result in the backend's order, the most important first; unreadable ones are left out."""
    found = [_place(entry) for entry in result.check_places]
    return tuple(place for place in found if place is not None)[:MAX_PLACES]


def mask(result: Result) -> Pixels | None:
    """The pixels to check: one byte per pixel of the canvas, 255 = check; None if the engine gives none. Slow: for
    worker threads."""
    try:
        return result.check_mask()
    except (BundleError, ResultError):
        return None


def doubted(result: Result, where: RegionMap, place: Place) -> tuple[int, int] | None:
    """A pixel of the region to check in a place: of the regions with marked pixels, the one with the most in the place.
    Slow: for worker threads."""
    marked, hits = mask(result), Counter[int]()
    pixels: dict[int, tuple[int, int]] = {}
    for y in _steps(place.y, place.height, where.height):
        for x in _steps(place.x, place.width, where.width):
            region = where.at(x, y)
            if region >= 0 and (marked is None or marked.data[y * marked.width + x]):
                hits[region] += 1
                pixels.setdefault(region, (x, y))
    if not hits:
        return None
    region = hits.most_common(1)[0][0]
    return where.places([region]).get(region, pixels[region])


def without(result: Result, where: RegionMap, regions: Collection[int]) -> Result:
    """The result with some regions removed from its check, and the places that have no other pixels to check. Slow: for
    worker threads."""
    marked, entry = mask(result), result.bundle.header.get("check")
    if marked is None or not isinstance(entry, dict) or len(marked.data) != where.width * where.height:
        return result
    data = bytearray(marked.data)
    for y, left, right in where.rows(regions):
        data[y * where.width + left : y * where.width + right] = bytes(right - left)
    left_over = Pixels(where.width, where.height, data)

    def holds(told: object) -> bool:
        place = _place(told)
        return place is None or not _marked(marked, place) or _marked(left_over, place)

    places = [told for told in result.check_places if holds(told)]
    bundle = result.bundle.with_picture(entry["mask"]["blob"], left_over)
    header = {**bundle.header, "check": {**entry, "places": places}}
    return replace(result, bundle=Bundle(header, bundle.packed))


def _marked(marked: Pixels, place: Place) -> bool:
    """Whether a mask of the canvas marks any of the sampled pixels of a place."""
    columns = _steps(place.x, place.width, marked.width)
    return any(
        any(marked.data[y * marked.width + x] for x in columns)
        for y in _steps(place.y, place.height, marked.height)
    )


def _steps(start: int, length: int, most: int) -> range:
    """About `_LOOKS` evenly spaced coordinates along a side, on the canvas."""
    return range(max(0, start), min(most, start + max(1, length)), max(1, length // _LOOKS))


def _place(entry: object) -> Place | None:
    if not isinstance(entry, dict):
        return None
    try:
        numbers = [int(entry[name]) for name in ("x", "y", "width", "height")]
        return Place(PlaceKind(entry["kind"]), *numbers)
    except (KeyError, TypeError, ValueError):
        return None

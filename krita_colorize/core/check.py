"""Reads a result's check: the places that the engine says should be looked at (doubtful, unpainted, leaking)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from krita_colorize.core.bundle import BundleError
from krita_colorize.core.port import Pixels
from krita_colorize.core.result import Result, ResultError

MAX_PLACES = 20


class PlaceKind(str, Enum):
    """Why a place should be looked at."""

    DOUBTFUL = "doubtful"  # the engine was unsure of its colour
    UNPAINTED = "unpainted"  # it has no colour
    LEAK = "leak"  # lines may be open there


@dataclass(frozen=True)
class Place:
    """A rectangle of the canvas, px."""

    kind: PlaceKind
    x: int
    y: int
    width: int
    height: int


def places(result: Result) -> tuple[Place, ...]:
    """The places of a result, the largest first; what can't be read is left out."""
    found = [_place(entry) for entry in result.check_places]
    return tuple(place for place in found if place is not None)[:MAX_PLACES]


def mask(result: Result) -> Pixels | None:
    """Where to look, one byte a pixel of the canvas; None where the engine doesn't say. Slow: for worker threads."""
    try:
        return result.check_mask()
    except (BundleError, ResultError):
        return None


def _place(entry: object) -> Place | None:
    if not isinstance(entry, dict):
        return None
    try:
        numbers = [int(entry[name]) for name in ("x", "y", "width", "height")]
        return Place(PlaceKind(entry["kind"]), *numbers)
    except (KeyError, TypeError, ValueError):
        return None

"""Checks of a request that need only counts and sizes; the server calls them, and every engine again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from colorizer.errors import InvalidInput

Size = tuple[int, int]
"""Width and height, px."""


class Spot(Protocol):
    """A binding: a place on the canvas, and a spot of the reference with this index, in pixels."""

    @property
    def x(self) -> int: ...
    @property
    def y(self) -> int: ...
    @property
    def reference(self) -> int: ...
    @property
    def reference_x(self) -> int: ...
    @property
    def reference_y(self) -> int: ...


def check_references(count: int, most: int, engine: str, *, background: bool = False) -> None:
    """Raises `InvalidInput` for no reference or more than `most`. A `background` picture is enough as a reference."""
    if count == 0 and not background:
        raise InvalidInput(
            "There is no reference to take colours from. Add a picture or a layer as reference."
        )
    if count > most:
        some = "one reference" if most == 1 else f"up to {most} references"
        raise InvalidInput(f"{engine} takes {some}, not {count}. Remove some.")


def check_bindings(bindings: Sequence[Spot], canvas: Size, references: Sequence[Size]) -> None:
    """Raises `InvalidInput` for a binding outside of the canvas or of its reference."""
    for number, spot in enumerate(bindings, 1):
        if not _inside(spot.x, spot.y, canvas):
            raise InvalidInput(f"Binding {number} lies outside of the canvas. Choose a place on the sketch.")
        if not 0 <= spot.reference < len(references):
            raise InvalidInput(
                f"Binding {number} names a reference that doesn't exist. Choose one from the list."
            )
        if not _inside(spot.reference_x, spot.reference_y, references[spot.reference]):
            raise InvalidInput(
                f"Binding {number} lies outside of its reference. Choose a spot in the picture."
            )


class Pointed(Protocol):
    """A place on the canvas, in pixels."""

    @property
    def x(self) -> int: ...
    @property
    def y(self) -> int: ...


def check_corrections(corrections: Sequence[Pointed], canvas: Size) -> None:
    """Raises `InvalidInput` for a correction outside of the canvas."""
    for number, one in enumerate(corrections, 1):
        if not _inside(one.x, one.y, canvas):
            raise InvalidInput(
                f"Correction {number} lies outside of the canvas. Choose a place on the sketch."
            )


def _inside(x: int, y: int, size: Size) -> bool:
    return 0 <= x < size[0] and 0 <= y < size[1]

"""A cache of what an engine's stages computed last, so that a repair (Redo) starts at the first stage that it changes.

A repair repeats the whole request, mostly with the same sketch and references. Pictures are compared by their content;
they and the cached values must never be changed. The oldest entries are dropped when their pictures take too much
memory.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from colorizer.imaging.values import Mask, Picture

MAX_PIXELS = 2**25
"""Of the sketches of all entries of a stage: three pages of A4 at 300 dpi, and none of 8192 px on a side."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class _Entry(Generic[Value]):
    pictures: tuple[Picture | Mask | None, ...]
    key: Hashable
    value: Value


class StageCache(Generic[Value]):
    """The values of one stage, by the pictures and the key that they are computed from; the newest first."""

    def __init__(self, max_pixels: int = MAX_PIXELS) -> None:
        self._max_pixels = max_pixels
        self._entries: list[_Entry[Value]] = []

    def get(
        self, pictures: Sequence[Picture | Mask | None], key: Hashable, make: Callable[[], Value]
    ) -> Value:
        """Returns the value for these pictures (the sketch first) and this key; computes it where there is none."""
        for entry in self._entries:
            if entry.key == key and _same(entry.pictures, pictures):
                self._put(entry)
                return entry.value
        made = _Entry(tuple(map(_own, pictures)), key, make())
        self._put(made)
        return made.value

    def _put(self, newest: _Entry[Value]) -> None:
        entries = [newest, *(entry for entry in self._entries if entry is not newest)]
        kept, pixels = [], 0
        for entry in entries:
            pixels += _size(entry.pictures[0])
            if pixels > self._max_pixels:
                break
            kept.append(entry)
        self._entries = kept


def _own(picture: Picture | Mask | None) -> Picture | Mask | None:
    """A copy of the picture: a view would keep the job's whole bundle in memory."""
    return picture if picture is None or picture.base is None else picture.copy()


def _size(picture: Picture | Mask | None) -> int:
    return 0 if picture is None else picture.shape[0] * picture.shape[1]


def _same(first: Sequence[Any], second: Sequence[Any]) -> bool:
    return len(first) == len(second) and all(map(_equal, first, second))


def _equal(first: Picture | Mask | None, second: Picture | Mask | None) -> bool:
    if first is None or second is None:
        return first is second
    return first is second or (first.shape == second.shape and bool(np.array_equal(first, second)))

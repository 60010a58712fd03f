"""A cache of the latest results of an engine's stages, so that a repair (Redo) starts at the first stage that changes.

A repair repeats the whole request, mostly with the same sketch and references. Pictures are compared by content. They
and the cached values must not be modified. The oldest entries are removed when their pictures take too much memory.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from colorizer.imaging.values import Mask, Picture

MAX_PIXELS = 2**25
"""Limit of the total size of the sketches in a stage's entries, px: three A4 pages at 300 dpi."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class _Entry(Generic[Value]):
    pictures: tuple[Picture | Mask | None, ...]
    key: Hashable
    value: Value


class StageCache(Generic[Value]):
    """The values of one stage by their pictures and key, the newest first."""

    def __init__(self, max_pixels: int = MAX_PIXELS) -> None:
        self._max_pixels = max_pixels
        self._entries: list[_Entry[Value]] = []

    def get(
        self, pictures: Sequence[Picture | Mask | None], key: Hashable, make: Callable[[], Value]
    ) -> Value:
        """Returns the value for the pictures (the sketch first) and the key; computes it if it is not cached."""
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
    """Copies the picture, because a view would keep the job's whole bundle in memory."""
    return picture if picture is None or picture.base is None else picture.copy()


def _size(picture: Picture | Mask | None) -> int:
    return 0 if picture is None else picture.shape[0] * picture.shape[1]


def _same(first: Sequence[Any], second: Sequence[Any]) -> bool:
    return len(first) == len(second) and all(map(_equal, first, second))


def _equal(first: Picture | Mask | None, second: Picture | Mask | None) -> bool:
    if first is None or second is None:
        return first is second
    return first is second or (first.shape == second.shape and bool(np.array_equal(first, second)))

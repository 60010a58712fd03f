"""A cache of values computed from pictures, with the lifetime of the pictures.

It is used in batches, where all pages have the same pool of references. Pictures must not be modified.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

Value = TypeVar("Value")


class PictureCache(Generic[Value]):
    """Values by picture (by identity of the array, not by content) and key."""

    def __init__(self) -> None:
        self._values: dict[int, dict[Hashable, Value]] = {}

    def get(self, picture: NDArray[Any], key: Hashable, make: Callable[[], Value]) -> Value:
        """Returns the cached value; computes it if there is none."""
        name = id(picture)
        if name not in self._values:
            self._values[name] = {}
            # Python may reuse the id for another array afterwards.
            weakref.finalize(picture, self._values.pop, name, None)
        values = self._values[name]
        if key not in values:
            values[key] = make()
        return values[key]

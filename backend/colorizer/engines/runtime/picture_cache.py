"""A cache of values computed from a picture, kept as long as the picture exists.

For batches, in which every page has the same pool of references. Pictures must never be changed.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

Value = TypeVar("Value")


class PictureCache(Generic[Value]):
    """Values by picture (the very array, not one that is equal) and a key."""

    def __init__(self) -> None:
        self._values: dict[int, dict[Hashable, Value]] = {}

    def get(self, picture: NDArray[Any], key: Hashable, make: Callable[[], Value]) -> Value:
        """Returns the cached value; computes it first where there is none."""
        name = id(picture)
        if name not in self._values:
            self._values[name] = {}
            # The number may be given to another array afterwards.
            weakref.finalize(picture, self._values.pop, name, None)
        values = self._values[name]
        if key not in values:
            values[key] = make()
        return values[key]

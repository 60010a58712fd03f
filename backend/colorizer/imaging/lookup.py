"""Looks up a value for every pixel of a large grid of numbers."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_ROWS = 64
"""Number of rows that are looked up at once: NumPy converts the numbers to 64 bits, which fit into the cache then."""

T = TypeVar("T", bound=np.generic)


def look_up(table: NDArray[T], numbers: NDArray[np.integer[Any]]) -> NDArray[T]:
    """(H, W): `table[numbers]` for a table (N,) and numbers (H, W), 0..N-1; faster for large grids."""
    found = np.empty(numbers.shape, table.dtype)
    for row in range(0, len(numbers), _ROWS):
        rows = slice(row, row + _ROWS)
        np.take(table, numbers[rows], out=found[rows], mode="clip")
    return found

"""What a stage found is handed out again for equal pictures, and only as much is kept as may be."""

from __future__ import annotations

import numpy as np
from colorizer.engines.runtime.stage_cache import StageCache


def picture(value: int, side: int = 4) -> np.ndarray:
    return np.full((side, side, 4), value, np.uint8)


class Counting:
    """Counts how often a value is made."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> int:
        self.made += 1
        return self.made


def test_equal_pictures_find_the_value_of_before() -> None:
    cache, make = StageCache[int](), Counting()
    assert [cache.get([picture(1), None], "key", make) for _ in range(3)] == [1, 1, 1]


def test_anything_else_is_made_anew() -> None:
    cache, make = StageCache[int](), Counting()
    cache.get([picture(1), None], "key", make)
    for pictures, key in (
        ([picture(2), None], "key"),
        ([picture(1), picture(1)], "key"),
        ([picture(1)], "key"),
        ([picture(1, side=5), None], "key"),
        ([picture(1), None], "other"),
    ):
        before = make.made
        assert cache.get(pictures, key, make) == before + 1


def test_the_oldest_goes_where_the_pictures_become_too_large() -> None:
    cache, make = StageCache[int](max_pixels=32), Counting()
    for value in (1, 2, 1, 3, 1, 2):  # two of 16 pixels fit; 1 is always used in time
        cache.get([picture(value)], "key", make)
    assert make.made == 4


def test_what_is_too_large_by_itself_is_not_kept() -> None:
    cache, make = StageCache[int](max_pixels=15), Counting()
    assert [cache.get([picture(1)], "key", make) for _ in range(2)] == [1, 2]

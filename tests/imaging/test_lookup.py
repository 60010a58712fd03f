"""A value is looked up for every pixel."""

from __future__ import annotations

import numpy as np
import pytest
from colorizer.imaging.lookup import look_up
from hypothesis import given
from hypothesis import strategies as st


@given(
    height=st.integers(0, 200),
    width=st.integers(0, 9),
    kind=st.sampled_from([bool, np.uint8, np.int32, np.uint32]),
    seed=st.integers(0, 9),
)
def test_it_is_the_table_at_the_numbers(height: int, width: int, kind: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 2, 50).astype(kind)
    numbers = rng.integers(0, 50, (height, width)).astype(np.int32)
    found = look_up(table, numbers)
    assert found.dtype == table.dtype
    assert (found == table[numbers]).all()


@pytest.mark.parametrize("numbers", [np.zeros((70, 3), np.int64), np.zeros((3, 70), np.uint8)])
def test_other_numbers_and_other_orders_in_memory(numbers: np.ndarray) -> None:
    assert (look_up(np.array([7], np.uint8), numbers.T) == 7).all()

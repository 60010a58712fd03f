"""Bindings and swaps: composing, reading back, refusing garbage."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krita_colorize.core import edits
from krita_colorize.core.edits import Binding, Swap

colours = st.integers(0, 5).map(lambda value: f"#00000{value}")
pixels = st.integers(0, 9)
bindings = st.builds(Binding, pixels, pixels, st.text(max_size=3), pixels, pixels)


def shown(colour: str, swaps: tuple[Swap, ...]) -> str:
    return {swap.before: swap.after for swap in swaps}.get(colour, colour)


@given(st.lists(st.dictionaries(colours, colours, max_size=3), max_size=4), colours)
def test_composed_swaps_do_what_each_edit_in_turn_did(turns: list[dict[str, str]], colour: str) -> None:
    swaps: tuple[Swap, ...] = ()
    expected = colour
    for turn in turns:
        swaps = edits.compose(swaps, turn)
        expected = turn.get(expected, expected)
    assert shown(colour, swaps) == expected


def test_two_colours_change_places() -> None:
    swaps = edits.compose((), {"#000001": "#000002", "#000002": "#000001"})
    assert [shown(colour, swaps) for colour in ("#000001", "#000002")] == ["#000002", "#000001"]


@given(st.lists(bindings, max_size=4), st.dictionaries(colours, colours, max_size=4))
def test_round_trip(bound: list[Binding], pairs: dict[str, str]) -> None:
    swaps = tuple(Swap(before, after) for before, after in pairs.items())
    data = json.loads(json.dumps(edits.to_json(bound, swaps)))
    assert edits.read_bindings(data["bindings"]) == tuple(bound)
    assert edits.read_swaps(data["swaps"]) == swaps


@pytest.mark.parametrize(
    "garbage",
    [None, 3, [3], [{}], [{"x": True, "y": 0, "reference": "a", "reference_x": 0, "reference_y": 0}]],
)
def test_garbage_is_left_out(garbage: object) -> None:
    assert edits.read_bindings(garbage) == ()
    assert edits.read_swaps(garbage) == ()
    assert edits.read_colours(garbage) == ()


def test_colours_are_lower_case_hex() -> None:
    assert edits.read_colours(["#00ff00", "#00FF00", "red", "#00ff00"]) == ("#00ff00",)

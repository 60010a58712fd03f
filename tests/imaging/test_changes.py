"""Where a result's inputs changed, and which mask of the sketch counts then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from colorizer.errors import NothingChanged
from colorizer.imaging.changes import differing, find_changes, nearest
from colorizer.imaging.values import DocumentLayer, Earlier, Layer, MadeFrom, Role
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

MASKS = arrays(np.uint8, (3, 5))
PICTURES = arrays(np.uint8, (3, 5, 4))
CLEAR = np.zeros((1, 3, 4), np.uint8)


def mask(*values: int) -> np.ndarray:
    return np.array([values], np.uint8)


def layer(role: Role = Role.FOREGROUND, own: np.ndarray | None = None) -> Layer:
    return Layer("", role, CLEAR, mask=own)


def now(own: np.ndarray | None = None, role: Role = Role.FOREGROUND) -> DocumentLayer:
    return DocumentLayer(role, CLEAR, own)


MADE = MadeFrom(sketch=CLEAR)


@given(MASKS, MASKS)
def test_masks_differ_where_a_byte_does(before: np.ndarray, after: np.ndarray) -> None:
    assert np.array_equal(differing(before, after), before != after)


@given(PICTURES, PICTURES)
def test_pictures_differ_where_a_channel_does(before: np.ndarray, after: np.ndarray) -> None:
    assert np.array_equal(differing(before, after), (before != after).any(axis=2))


@given(MASKS | PICTURES)
def test_nothing_is_as_good_as_empty(some: np.ndarray) -> None:
    expected = some != 0 if some.ndim == 2 else some.any(axis=2)
    for pair in ((None, some), (some, None)):
        assert np.array_equal(differing(*pair), expected)


def test_what_is_as_it_was_is_told() -> None:
    earlier = Earlier((layer(own=mask(0, 9, 255)),), MADE)
    with pytest.raises(NothingChanged, match="Paint its mask or a hint"):
        find_changes(earlier, (now(mask(0, 9, 255)),), MADE)


@pytest.mark.parametrize(
    ("earlier", "made", "expected"),
    [
        ({"spots": ((1, 0), (99, 0))}, {}, [0, 1, 0]),
        ({"everywhere": True}, {}, [1, 1, 1]),
        ({}, {"hints": np.eye(1, 12, 9, np.uint8).reshape(1, 3, 4)}, [0, 0, 1]),
        ({}, {"chosen_mask": mask(0, 9, 255)}, [0, 0, 0]),
        ({}, {"chosen_mask": mask(255, 9, 255)}, [1, 0, 0]),
        ({"made_from": replace(MADE, chosen_mask=mask(5, 9, 255))}, {}, [1, 0, 0]),
    ],
)
def test_changes_are_found_where_they_are(
    earlier: dict[str, Any], made: dict[str, Any], expected: list[int]
) -> None:
    before = Earlier(**{"layers": (layer(own=mask(0, 9, 255)),), "made_from": MADE, **earlier})
    document = (now(mask(0, 9, 255)),)
    if not any(expected):
        with pytest.raises(NothingChanged):
            find_changes(before, document, replace(MADE, **made))
        return
    found = find_changes(before, document, replace(MADE, **made))
    assert found.where.tolist() == [[bool(value) for value in expected]]


@pytest.mark.parametrize(
    ("chosen", "foreground", "background", "expected"),
    [
        (None, (mask(0, 0, 0), mask(0, 0, 255)), None, (0, 0, 255)),
        (mask(255, 0, 0), (mask(0, 0, 0), mask(0, 0, 255)), None, (255, 0, 255)),
        (None, (mask(0, 0, 0), mask(0, 0, 0)), (mask(255, 255, 255), mask(255, 0, 255)), (0, 255, 0)),
        (None, None, (mask(255, 255, 255), mask(255, 0, 255)), (0, 255, 0)),
    ],
)
def test_painting_on_a_results_masks_decides(
    chosen: np.ndarray | None, foreground: Any, background: Any, expected: tuple[int, ...]
) -> None:
    pairs = {Role.FOREGROUND: foreground, Role.BACKGROUND: background}
    there = {role: pair for role, pair in pairs.items() if pair is not None}
    earlier = Earlier(tuple(layer(role, pair[0]) for role, pair in there.items()), MADE)
    document = tuple(now(pair[1], role) for role, pair in there.items())
    found = find_changes(earlier, document, replace(MADE, chosen_mask=chosen))
    assert found.sketch_mask is not None
    assert tuple(found.sketch_mask[0].tolist()) == expected


def test_a_chosen_mask_that_the_results_own_hides_is_unseen() -> None:
    earlier = Earlier((layer(own=mask(255, 255, 255)),), replace(MADE, chosen_mask=mask(255, 255, 255)))
    chosen = replace(MADE, chosen_mask=mask(0, 255, 255))
    assert find_changes(earlier, (now(mask(255, 255, 255)),), chosen).unseen
    assert not find_changes(earlier, (now(mask(0, 255, 255)),), chosen).unseen


@given(st.integers(0, 2))
def test_the_nearest_state_is_the_one_that_is_shown(shown: int) -> None:
    states = [
        (replace(layer(), pixels=np.full((4, 4, 4), value, np.uint8)), layer(Role.SHADING))
        for value in (1, 2, 3)
    ]
    picture = states[shown][0].pixels.copy()
    picture[0] = 9
    assert nearest(states, (DocumentLayer(Role.FOREGROUND, picture, None),)) == (shown, states[shown])


def test_states_after_one_that_is_shown_exactly_are_not_read() -> None:
    def states():
        yield (layer(),)
        raise AssertionError("read")

    assert nearest(states(), (DocumentLayer(Role.FOREGROUND, layer().pixels, None),))[0] == 0

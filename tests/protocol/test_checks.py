"""References and bindings that don't fit are told in one sentence, wherever they are asked about."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from colorizer.errors import InvalidInput
from colorizer.protocol.checks import check_bindings, check_references


@pytest.mark.parametrize(
    ("count", "most", "background", "words"),
    [
        (0, 4, False, "There is no reference to take colours from"),
        (0, 4, True, None),
        (4, 4, False, None),
        (5, 4, True, "X takes up to 4 references, not 5"),
        (2, 1, False, "X takes one reference, not 2"),
    ],
)
def test_numbers_of_references(count: int, most: int, *, background: bool, words: str | None) -> None:
    if words is None:
        check_references(count, most, "X", background=background)
        return
    with pytest.raises(InvalidInput, match=words):
        check_references(count, most, "X", background=background)


@pytest.mark.parametrize(
    ("spot", "words"),
    [
        ((7, 5, 0, 3, 2), None),
        ((8, 5, 0, 3, 2), "outside of the canvas"),
        ((7, -1, 0, 3, 2), "outside of the canvas"),
        ((7, 5, 1, 0, 0), "a reference that doesn't exist"),
        ((7, 5, 0, 4, 2), "outside of its reference"),
        ((7, 5, 0, 3, 3), "outside of its reference"),
    ],
)
def test_places_of_bindings(spot: tuple[int, ...], words: str | None) -> None:
    names = ("x", "y", "reference", "reference_x", "reference_y")
    bindings = [SimpleNamespace(**dict(zip(names, spot, strict=True)))]
    if words is None:
        check_bindings(bindings, (8, 6), [(4, 3)])
        return
    with pytest.raises(InvalidInput, match=f"Binding 1 .*{words}"):
        check_bindings(bindings, (8, 6), [(4, 3)])

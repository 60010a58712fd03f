"""Where pictures and masks differ, and what a repair leaves as delivered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from krita_colorize.core.changes import Masks

from krita_colorize.core import changes
from krita_colorize.core.edits import Binding
from krita_colorize.core.port import Pixels

W, H = 5, 3
masks = st.binary(min_size=W * H, max_size=W * H).map(lambda data: Pixels(W, H, data))
pictures = st.binary(min_size=W * H * 4, max_size=W * H * 4).map(lambda data: Pixels(W, H, data))


@pytest.fixture(autouse=True)
def small_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "BAND_BYTES", 7)


def mask(*values: int) -> Pixels:
    return Pixels(len(values), 1, bytes(values))


@given(masks, masks)
def test_masks_differ_where_a_byte_does(before: Pixels, after: Pixels) -> None:
    expected = bytes(255 * (a != b) for a, b in zip(before.data, after.data, strict=True))
    assert changes.differing(before, after, W, H).data == expected


@given(pictures, pictures)
def test_pictures_differ_where_a_channel_does(before: Pixels, after: Pixels) -> None:
    found = changes.differing(before, after, W, H).data
    for pixel in range(W * H):
        here = slice(pixel * 4, pixel * 4 + 4)
        assert (found[pixel] == 255) == (before.data[here] != after.data[here])


@given(masks)
def test_nothing_is_as_good_as_empty(some: Pixels) -> None:
    for missing in (None, Pixels(0, 0, b"")):
        assert changes.differing(missing, some, W, H).data == bytes(255 * bool(v) for v in some.data)
    assert not any(changes.differing(None, None, W, H).data)


@given(st.lists(masks, min_size=1, max_size=3))
def test_either_is_any_of_them(some: list[Pixels]) -> None:
    found = changes.either(some).data
    assert [bool(v) for v in found] == [any(m.data[i] for m in some) for i in range(W * H)]


def test_bindings_that_came_or_went_leave_a_dot() -> None:
    kept, gone, new, outside = (Binding(x, 0, "r", 0, 0) for x in (0, 1, 2, 99))
    assert changes.dots([kept, gone], [kept, new, outside], 4, 1).data == bytes([0, 255, 255, 0])


@given(pictures, pictures, masks.map(lambda m: Pixels(W, H, bytes(255 * (v > 127) for v in m.data))))
def test_merged_takes_from_above_where_the_mask_says(low: Pixels, high: Pixels, where: Pixels) -> None:
    found = changes.merged(low, high, where).data
    for pixel in range(W * H):
        here = slice(pixel * 4, pixel * 4 + 4)
        assert found[here] == (high if where.data[pixel] else low).data[here]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ({"now": Masks(mask(0, 255, 255))}, (0, 255, 255)),
        ({"chosen": mask(255, 0, 0)}, (255, 0, 0)),
        ({"chosen": mask(255, 0, 0), "base": Masks(mask(0, 0, 0)), "now": Masks(mask(0, 0, 255))}, (255, 0, 255)),
        ({"base": Masks(mask(0, 0, 0), mask(255, 255, 255)), "now": Masks(mask(0, 0, 0), mask(255, 0, 255))},
         (0, 255, 0)),
        ({"now": Masks(None, mask(255, 0, 0))}, (0, 255, 255)),
        ({}, None),
    ],
)  # fmt: skip
def test_painting_on_a_results_masks_decides(case: dict[str, Any], expected: tuple[int, ...] | None) -> None:
    arguments = {"chosen": None, "base": Masks(), "now": Masks()} | case
    found = changes.sketch_mask(**arguments, width=3, height=1)
    assert (None if found is None else tuple(found.data)) == expected


@given(pictures, pictures, masks)
def test_strokes_stay_strokes_after_a_repair(delivered: Pixels, now: Pixels, reach: Pixels) -> None:
    """As the backend repairs: only where it reaches, and never where the artist painted."""
    fresh = bytes(v ^ 0x55 for v in delivered.data)
    answer, expected = bytearray(now.data), bytearray(delivered.data)
    for pixel in range(W * H):
        here = slice(pixel * 4, pixel * 4 + 4)
        if reach.data[pixel] > 127 and now.data[here] == delivered.data[here]:
            answer[here] = expected[here] = fresh[here]
    found = changes.delivered_after(delivered, now, Pixels(W, H, answer), W, H)
    assert found.data == expected


def test_a_cropped_answer_is_put_in_its_place() -> None:
    delivered = now = Pixels(3, 1, b"aaaabbbbcccc")
    found = changes.delivered_after(delivered, now, Pixels(1, 1, b"XXXX", 1, 0), 3, 1)
    assert found.data == b"aaaaXXXXcccc"

"""Marks are split by colour into cells that hold nothing else, and come together again as they were."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krita_colorize.core.key_strokes import CELL, MAX_COLOURS, split
from krita_colorize.core.port import KeyStroke, NewLayer, Pixels

RED, BLUE, CLEAR = 0xFFC80000, 0xFF0000C8, 0x80000000
GREEN, WHITE = 0xFF00C800, 0xFFFFFFFF


def picture(width: int, height: int, pixels: list[int], x: int = 0, y: int = 0) -> Pixels:
    return Pixels(width, height, array("I", pixels).tobytes(), x, y)


def joined(strokes: tuple[KeyStroke, ...], marks: Pixels) -> list[int]:
    """The picture again, and that no two marks overlap and none is outside of it."""
    pixels = [0] * (marks.width * marks.height)
    for stroke in strokes:
        for mark in stroke.marks:
            for place in (i for i, value in enumerate(mark.data) if value):
                x, y = mark.x + place % mark.width - marks.x, mark.y + place // mark.width - marks.y
                assert 0 <= x < marks.width
                assert not pixels[y * marks.width + x]
                pixels[y * marks.width + x] = stroke.colour
    return pixels


@given(st.integers(1, 3 * CELL), st.integers(-9, 9), st.data())
def test_all_pixels_come_back(width: int, x: int, data: st.DataObject) -> None:
    height = data.draw(st.integers(1, 4))
    runs = data.draw(
        st.lists(st.tuples(st.sampled_from([0, RED, BLUE, CLEAR]), st.integers(1, 2 * CELL)), min_size=1)
    )
    pixels = [colour for colour, length in runs for _ in range(length)]
    pixels = (pixels * (width * height // len(pixels) + 1))[: width * height]
    marks = picture(width, height, pixels, x, -x)
    assert joined(split(marks), marks) == pixels


def test_only_cells_with_marks_are_kept() -> None:
    pixels = [0] * (9 * CELL * 2)
    pixels[5] = pixels[-5] = RED
    pixels[4 * CELL] = BLUE
    blue, red = split(picture(9 * CELL, 2, pixels))
    assert [(mark.x, mark.y) for mark in red.marks] == [(0, 0), (8 * CELL, 0)]
    assert [(mark.x, bytes(mark.data).count(255)) for mark in blue.marks] == [(4 * CELL, 1)]
    assert len(blue.marks[0].data) == CELL * CELL


def test_nothing_has_no_key_strokes() -> None:
    assert split(picture(3, 1, [0, 0, 0])) == ()


def test_masks_and_motley_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="no picture"):
        split(Pixels(2, 2, b"\xff" * 4))
    with pytest.raises(ValueError, match="more than 64 colours"):
        split(picture(MAX_COLOURS + 1, 1, list(range(1, MAX_COLOURS + 2))))


def flat(pixels: list[int], mask: bytes | None = None) -> NewLayer:
    count = len(pixels)
    return NewLayer("Flats", picture(count, 1, pixels), mask=Pixels(count, 1, mask) if mask else None)

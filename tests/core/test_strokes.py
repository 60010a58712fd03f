"""What is painted while an answer is on its way stays, and counts as the artist's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from krita_colorize.core import strokes
from krita_colorize.core.geometry import pasted, placed
from krita_colorize.core.port import Pixels

W, H = 5, 3
pictures = st.lists(st.sampled_from([b"aaaa", b"bbbb", b"cccc"]), min_size=W * H, max_size=W * H).map(
    lambda pixels: Pixels(W, H, b"".join(pixels))
)


def units(pixels: Pixels) -> list[bytes]:
    return [bytes(pixels.data[at : at + 4]) for at in range(0, len(pixels.data), 4)]


@given(pictures, pictures, pictures)
def test_an_answer_leaves_what_was_painted_meanwhile(before: Pixels, newest: Pixels, answer: Pixels) -> None:
    found = units(strokes.kept(before, newest, answer))
    for old, new, fresh, one in zip(units(before), units(newest), units(answer), found, strict=True):
        assert one == (fresh if old == new else new)


@given(pictures, pictures, pictures, pictures)
def test_delivered_is_what_the_answer_changed(
    before: Pixels, after: Pixels, newest: Pixels, put: Pixels
) -> None:
    found = units(strokes.delivered(before, after, newest, put))
    for old, now, new, one in zip(units(before), units(newest), units(put), found, strict=True):
        assert one == (old if now == new else new)


def test_only_the_answers_rectangle_is_looked_at() -> None:
    whole = Pixels(3, 1, b"aaaabbbbcccc")
    part = Pixels(1, 1, b"XXXX", 1, 0)
    assert strokes.kept(whole, whole, part) == part
    assert strokes.delivered(whole, pasted(whole, part), whole, part).data == b"aaaaXXXXcccc"
    assert pasted(whole, part).data == b"aaaaXXXXcccc"
    assert placed(pasted(whole, part), 1, 0, 1, 1).data == b"XXXX"

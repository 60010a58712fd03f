"""Swatches: near-equal colours together, the foreground's first, the largest first; and the colour at a pixel."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krita_colorize.core.palette import distance
from krita_colorize.core.port import NewLayer, Pixels
from krita_colorize.core.swatches import NONE, Side, colour_map

SKY, HILL, HAIR, HAIR_2, SKIN = "#a8d0e8", "#70a878", "#d06848", "#d26a49", "#f8d0b8"


def layer(
    role: str, rows: list[list[str]], *, x: int = 0, y: int = 0, mask: Pixels | None = None
) -> NewLayer:
    """A layer of these colours; "" is clear."""
    words = [
        bytes.fromhex(colour[1:])[::-1] + b"\xff" if colour else bytes(4) for row in rows for colour in row
    ]
    return NewLayer(role, Pixels(len(rows[0]), len(rows), b"".join(words), x, y), role=role, mask=mask)


BACK = layer("background", [[SKY] * 8] * 4 + [[HILL] * 8] * 4)
FIGURE = layer("figure", [[HAIR, HAIR, HAIR_2], [SKIN, SKIN, ""]], x=2, y=3)
COLOURS = (SKIN, HILL, HAIR_2, SKY, HAIR)


def test_near_equal_colours_share_a_swatch_of_the_larger_ones_colour() -> None:
    found = colour_map([BACK, FIGURE], COLOURS, 8, 8).swatches(5)
    assert [(one.colour, one.members, one.side) for one in found] == [
        (HAIR, (HAIR, HAIR_2), Side.FOREGROUND),
        (SKIN, (SKIN,), Side.FOREGROUND),
        (HILL, (HILL,), Side.BACKGROUND),
        (SKY, (SKY,), Side.BACKGROUND),
    ]


def test_areas_are_shares_of_the_canvas() -> None:
    areas = {one.colour: 64 * one.area for one in colour_map([BACK, FIGURE], COLOURS, 8, 8).swatches(0)}
    assert areas == {HAIR: 2, HAIR_2: 1, SKIN: 2, SKY: 29, HILL: 30}


def test_the_colour_under_a_click_is_found() -> None:
    where = colour_map([BACK, FIGURE], COLOURS, 8, 8)
    assert [where.at(*at) for at in ((0, 0), (2, 3), (4, 3), (4, 4), (7, 7))] == [
        SKY,
        HAIR,
        HAIR_2,
        HILL,
        HILL,
    ]
    assert [where.at(*at) for at in ((-1, 0), (8, 0), (0, 8))] == ["", "", ""]


def test_what_a_mask_hides_belongs_to_the_background() -> None:
    mask = Pixels(3, 2, bytes([255, 0, 0, 255, 255, 255]), 2, 3)
    figure = layer("figure", [[HAIR, HAIR, HAIR_2], [SKIN, SKIN, ""]], x=2, y=3, mask=mask)
    where = colour_map([BACK, figure], COLOURS, 8, 8)
    assert [where.at(2, 3), where.at(3, 3)] == [HAIR, SKY]


def test_shading_and_colours_of_no_palette_count_for_nothing() -> None:
    shade = layer("shading", [[SKIN] * 8] * 8)
    where = colour_map([BACK, shade], (SKY,), 8, 8)
    assert [where.at(0, 0), where.at(0, 7)] == [SKY, ""]
    assert where.indices[-1] == NONE


def test_a_large_canvas_is_sampled() -> None:
    wide = NewLayer("b", Pixels(3000, 20, b"\x01\x02\x03\xff" * 60_000), role="background")
    where = colour_map([wide], ("#030201",), 3000, 20)
    assert max(where.width, where.height) <= 512
    assert where.at(2999, 19) == "#030201"


@pytest.mark.parametrize("threshold", [0, 5, 30])
@given(
    colours=st.lists(
        st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}"), min_size=1, max_size=20, unique=True
    )
)
def test_every_colour_is_in_one_swatch_and_near_its_first(colours: list[str], threshold: int) -> None:
    where = colour_map([layer("background", [colours])], colours, len(colours), 1)
    found = where.swatches(threshold)
    assert sorted(colour for one in found for colour in one.members) == sorted(colours)
    for one in found:
        assert one.members[0] == one.colour
        assert all(distance(one.colour, other) <= threshold or other == one.colour for other in one.members)

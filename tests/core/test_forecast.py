"""What a repair will probably change is known from the result's regions, before the backend has answered."""

from __future__ import annotations

from array import array
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krita_colorize.core import bundle, forecast
from krita_colorize.core.bundle import Blob
from krita_colorize.core.edits import Binding, Swap
from krita_colorize.core.port import FOREGROUND, Pixels
from krita_colorize.core.region_map import RegionMap
from krita_colorize.core.repair import State
from krita_colorize.core.request import Pictures, Request
from krita_colorize.core.result import Result, read
from krita_colorize.core.saved_results import Base
from krita_colorize.core.settings import Options, Reference, Settings, Source, SourceKind

INK, SHEET = (Source(SourceKind.LAYER, key, key) for key in ("{1}", "{2}"))
WIDTH, HEIGHT, STRIPE = 40, 30, 10
"""Four upright stripes; the first and the third were recognised as the same part."""

RED, GREEN, MAGENTA = b"\x00\x00\xff\xff", b"\x00\xc8\x00\xff", b"\xff\x00\xff\xff"
STROKE = b"\x01\x02\x03\xff"
WHERE = RegionMap(
    WIDTH,
    HEIGHT,
    array("I", [STRIPE] * (4 * HEIGHT)),
    array("I", [0, 1, 2, 3] * HEIGHT),
    [["#ff0000"]] * 4,
    [[2], [], [0], []],
    frozenset(),
)
RED_LAYER = Pixels(WIDTH, HEIGHT, RED * (WIDTH * HEIGHT))


def request(**settings: object) -> Request:
    chosen = Settings(references=(Reference(SHEET),), **settings)  # type: ignore[arg-type]
    return Request(INK, WIDTH, HEIGHT, chosen)


def made(asked: Request) -> Result:
    """A result whose only layer is red."""
    layer = {"name": "Flats", "role": FOREGROUND, "blob": 1, "x": 0, "y": 0, "blend": "normal"}
    header = {
        "preview": 0,
        "layers": [layer | {"opacity": 1.0, "clip": False, "mask": None}],
        "record": {"report": {}},
    }
    blobs = [Blob(bundle.Format.PNG, 1, 1, b"png"), Blob.from_pixels(RED_LAYER)]
    return read(asked, b"".join(bytes(part) for part in bundle.encode(header, blobs)))


def dots(*painted: tuple[int, int, bytes], side: int = 6, before: Pixels | None = None) -> Pixels:
    """A hint layer with squares around positions."""
    data = bytearray(before.data if before else bytes(4 * WIDTH * HEIGHT))
    for x, y, pixel in painted:
        for row in range(y - side // 2, y + side // 2):
            start = (row * WIDTH + x - side // 2) * 4
            data[start : start + side * 4] = pixel * side
    return Pixels(WIDTH, HEIGHT, bytes(data))


def stripes(found: dict[str, Pixels], row: int = 15) -> list[bytes]:
    """The pixels in the middle of the stripes with the forecast in the layer."""
    part = found.get(FOREGROUND, RED_LAYER)
    middles = [STRIPE * index + STRIPE // 2 for index in range(4)]
    return [part.pixel(x, row) if part.x <= x < part.x + part.width else RED for x in middles]


def forecast_of(
    now: Request, hints: Pixels | None = None, before: Pixels | None = None, layer: Pixels = RED_LAYER
) -> dict[str, Pixels]:
    sheet = Pixels(20, 20, GREEN * 400, 3, 4)
    pictures = Pictures(Pixels(1, 1, RED), references=((sheet, None),), hints=hints)
    state = State(made(request()), Base.pack({"hints": before}))
    return forecast.repaired(WHERE, state, now, pictures, {FOREGROUND: layer})


def test_a_new_stroke_colours_its_region_and_the_same_part() -> None:
    assert stripes(forecast_of(request(), dots((5, 15, GREEN)))) == [GREEN, RED, GREEN, RED]


def test_only_the_middle_of_a_stroke_counts() -> None:
    assert stripes(forecast_of(request(), dots((8, 15, GREEN)))) == [GREEN, RED, GREEN, RED]


def test_strokes_that_were_there_before_count_no_more() -> None:
    before = dots((5, 15, GREEN))
    assert forecast_of(request(), before, before) == {}
    found = forecast_of(request(), dots((15, 15, GREEN), before=before), before)
    assert stripes(found) == [RED, GREEN, RED, RED]


def test_a_stroke_that_was_erased_forecasts_nothing() -> None:
    before = dots((5, 15, GREEN))
    assert forecast_of(request(), dots(), before) == {}
    assert forecast_of(request(), None, before) == {}


def test_the_artists_own_strokes_on_the_layer_stay() -> None:
    own = bytearray(RED_LAYER.data)
    own[(15 * WIDTH + 5) * 4 :][:4] = STROKE
    own[(15 * WIDTH + 5) * 4 : (15 * WIDTH + 6) * 4] = STROKE
    found = forecast_of(request(), dots((5, 20, GREEN)), layer=replace(RED_LAYER, data=bytes(own)))
    assert stripes(found)[0] == STROKE
    assert stripes(found, row=16)[0] == GREEN


@pytest.mark.parametrize(("clear", "shown"), [(True, bytes(4)), (False, MAGENTA)])
def test_magenta_may_mean_no_colour(*, clear: bool, shown: bytes) -> None:
    now = request(options=Options(advanced={"clear_hints": clear}))
    assert stripes(forecast_of(now, dots((15, 15, MAGENTA))))[1] == shown


def test_a_new_binding_takes_the_colour_of_its_spot() -> None:
    now = request(bindings=(Binding(15, 15, SHEET.key, 10, 10),))
    assert stripes(forecast_of(now)) == [RED, GREEN, RED, RED]


def test_swapped_colours_are_shown_swapped() -> None:
    now = request(swaps=(Swap("#00c800", "#ff00ff"),))
    assert stripes(forecast_of(now, dots((15, 15, GREEN)))) == [RED, MAGENTA, RED, RED]


def test_a_spot_has_the_most_common_colour_around_it() -> None:
    noisy = Pixels(500, 500, bytes(RED * 500 * 250 + GREEN * 500 * 250))
    assert [forecast.spot_colour(noisy, 250, y) for y in (240, 260)] == ["#ff0000", "#00c800"]
    assert forecast.spot_colour(Pixels(3, 3, bytes(36)), 1, 1) == ""


def test_an_edited_colour_changes_where_it_is() -> None:
    layer = bytearray(RED_LAYER.data)
    for row in range(HEIGHT):
        layer[(row * WIDTH + STRIPE) * 4 : (row * WIDTH + 2 * STRIPE) * 4] = GREEN * STRIPE
    now = replace(RED_LAYER, data=bytes(layer))
    found = forecast.recoloured(WHERE, made(request()), {"#ff0000": "#ff00ff"}, {FOREGROUND: now})
    assert [found[FOREGROUND].pixel(x, 3) for x in (5, 15, 25, 35)] == [MAGENTA, GREEN, MAGENTA, MAGENTA]


@given(
    st.lists(
        st.tuples(st.integers(3, WIDTH - 3), st.integers(3, HEIGHT - 3), st.sampled_from([GREEN, MAGENTA])),
        max_size=4,
    ),
    st.integers(-5, 5),
    st.integers(-5, 5),
)
def test_hints_are_found_wherever_their_layer_begins(
    painted: list[tuple[int, int, bytes]], x: int, y: int
) -> None:
    """Krita crops a layer to its content, and strokes may reach beyond the canvas."""
    layer = dots(*painted)
    moved = replace(layer, x=x, y=y)
    found = forecast.hinted(WHERE, None, moved)
    under = {
        WHERE.at(x + column, y + row)
        for row in range(HEIGHT)
        for column in range(WIDTH)
        if layer.pixel(column, row)[3]
    }
    assert set(found) <= under - {-1}
    assert set(found.values()) <= {0x00C800, 0xFF00FF}

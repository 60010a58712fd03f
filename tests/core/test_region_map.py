"""Regions in the docker: found at a pixel, repainted exactly, kept with their result wherever the canvas goes."""

from __future__ import annotations

from array import array
from typing import Any

import pytest

from krita_colorize.core import bundle, region_map, saved_results
from krita_colorize.core.bundle import Blob
from krita_colorize.core.placement import Placement
from krita_colorize.core.port import FOREGROUND, Pixels
from krita_colorize.core.request import Request
from krita_colorize.core.result import Result, read
from krita_colorize.core.settings import Source, SourceKind

SOURCE = Source(SourceKind.LAYER, "{1}", "Ink")
WIDTH, HEIGHT = 4, 3
LABELS = (0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 0, 3)
RED, BLUE = b"\x00\x00\xff\xff", b"\xff\x00\x00\xff"


def entry(blob: int) -> dict[str, Any]:
    return {
        "labels": {"blob": blob, "runs": 5},
        "colours": ["#ff0000", "#0000ff"],
        "background": [3],
        "likely": [[0, 1], [1], [0], []],
        "alike": [[2, 3], [], [0], [0]],
    }


def words(values: Any) -> bytes:
    return array("I", values).tobytes()


@pytest.fixture
def made() -> Result:
    blobs = [
        Blob(bundle.Format.PNG, 1, 1, b"png"),
        Blob.from_pixels(Pixels(WIDTH, HEIGHT, RED * (WIDTH * HEIGHT))),
        Blob.from_pixels(Pixels(4, 3, words((2, 3, 5, 1, 1, 0, 1, 2, 0, 3, 0, 0)))),
    ]
    layer = {
        "name": "Flats",
        "role": FOREGROUND,
        "blob": 1,
        "x": 0,
        "y": 0,
        "blend": "normal",
        "opacity": 1.0,
    }
    header = {
        "preview": 0,
        "layers": [layer | {"clip": False, "mask": None}],
        "regions": entry(2),
        "record": {"report": {}},
    }
    parts = bundle.encode(header, blobs)
    return read(Request(SOURCE, WIDTH, HEIGHT), b"".join(bytes(part) for part in parts))


@pytest.fixture
def found(made: Result) -> region_map.RegionMap:
    where = region_map.read(made)
    assert where is not None
    return where


def test_regions_are_found_at_their_pixels(found: region_map.RegionMap) -> None:
    assert [found.at(x, y) for y in range(HEIGHT) for x in range(WIDTH)] == list(LABELS)
    assert [found.at(*place) for place in ((-1, 0), (0, HEIGHT), (WIDTH, 0))] == [-1, -1, -1]


def test_likely_colours_and_alike_regions_of_the_same_layer(found: region_map.RegionMap) -> None:
    assert list(found.likely[0]) == ["#ff0000", "#0000ff"]
    assert found.same(0) == (0, 2)
    assert (found.role(3), found.role(0)) == ("background", FOREGROUND)


def test_rows_end_at_the_canvass_edge(found: region_map.RegionMap) -> None:
    assert list(found.rows([2])) == [(1, 1, 4), (2, 0, 2)]
    assert LABELS[found.places([2])[2][1] * WIDTH + found.places([2])[2][0]] == 2


def test_regions_are_repainted_but_not_the_artists_strokes(found: region_map.RegionMap) -> None:
    delivered = Pixels(WIDTH, HEIGHT, RED * (WIDTH * HEIGHT))
    stroke = b"\x01\x02\x03\xff"
    now = Pixels(WIDTH, HEIGHT, RED * 5 + stroke + RED * (WIDTH * HEIGHT - 6))
    part = region_map.repainted(found, {2: BLUE}, now, delivered)
    assert part is not None
    assert (part.x, part.y, part.width, part.height) == (0, 1, 4, 2)
    assert bytes(part.data) == RED + stroke + BLUE * 4 + RED * 2


def test_nothing_is_written_where_nothing_changes(found: region_map.RegionMap) -> None:
    delivered = Pixels(WIDTH, HEIGHT, RED * (WIDTH * HEIGHT))
    assert region_map.repainted(found, {2: RED}, delivered, delivered) is None
    assert region_map.repainted(found, {99: BLUE}, delivered, delivered) is None


def test_cropped_layers_are_repainted_in_their_place(found: region_map.RegionMap) -> None:
    delivered = Pixels(WIDTH, HEIGHT, bytes(4 * WIDTH) + RED * (WIDTH * (HEIGHT - 1)))
    now = Pixels(WIDTH, HEIGHT - 1, RED * (WIDTH * (HEIGHT - 1)), 0, 1)
    part = region_map.repainted(found, {0: BLUE}, now, delivered)
    assert part is not None
    assert bytes(part.data[:8]) == BLUE * 2


def test_regions_stay_with_other_pixels_and_in_files(made: Result, found: region_map.RegionMap) -> None:
    changed = saved_results.with_delivered(made, {})
    assert region_map.read(changed) == found
    compact = changed.compact()
    assert region_map.read(compact) == found
    saved = saved_results.SavedResult(compact, saved_results.Base.pack({}), "d", 1)
    again = saved_results.read(b"".join(bytes(part) for part in saved.parts()))
    assert region_map.read(again.result) == found


def test_regions_follow_the_canvas(made: Result) -> None:
    moved = made.on(Placement(5, 3, xx=-1.0, dx=4.0), b"")
    where = region_map.read(moved)
    assert where is not None
    assert [where.at(x, 1) for x in range(5)] == [2, 2, 2, 1, -1]
    settled = region_map.read(saved_results.with_delivered(moved, {}))
    assert settled is not None
    assert [settled.at(x, 1) for x in range(5)] == [2, 2, 2, 1, -1]


@pytest.mark.parametrize(
    "broken",
    [
        None,
        {},
        entry(9),
        entry(0),
        entry(2) | {"likely": [[7]]},
        entry(2) | {"alike": []},
        entry(2) | {"labels": {"blob": 2, "runs": 4}},
        entry(2) | {"colours": [1]},
    ],
)
def test_broken_regions_are_none(made: Result, broken: Any) -> None:
    header = {**made.bundle.header, "regions": broken}
    assert region_map.read(Result(made.request, bundle.Bundle(header, made.bundle.packed), b"", {})) is None

"""A result's regions travel small: labels in runs, likely colours as indices, never more than a header holds."""

from __future__ import annotations

import json

import numpy as np
import pytest
from colorizer.imaging.region_table import RegionTable
from colorizer.server import pixels, region_tables
from colorizer.server.bundle import Blob
from colorizer.server.packing import Blobs

NOTHING = np.zeros((0, 3), np.uint8)


def table(count: int, alike: int = 0) -> RegionTable:
    labels = np.arange(count, dtype=np.int32)[None].repeat(2, 0)
    others = tuple(np.arange(alike) for _ in range(count))
    return RegionTable(labels, np.ones(count, bool), (NOTHING,) * count, others)


def test_colours_are_told_once() -> None:
    likely = (np.array([(1, 2, 3), (4, 5, 6)], np.uint8), np.array([(4, 5, 6)], np.uint8))
    found = region_tables.entry(
        RegionTable(
            np.zeros((1, 1), np.int32), np.array([False, True]), likely, (np.array([1]), np.array([0]))
        ),
        Blobs(),
    )
    assert found is not None
    assert (found.colours, found.likely) == (["#010203", "#040506"], [[0, 1], [1]])
    assert (found.background, found.alike, found.labels.blob) == ([1], [[1], [0]], 0)


@pytest.mark.parametrize(("count", "alike"), [(region_tables.MOST_REGIONS, 0), (3000, 500)])
def test_the_largest_table_fits_into_a_header(count: int, alike: int) -> None:
    likely = tuple(np.array([(i % 256, i // 256 % 256, k) for k in range(6)], np.uint8) for i in range(count))
    full = RegionTable(table(count).labels, np.ones(count, bool), likely, table(count, alike).alike)
    if alike == 0:
        full = RegionTable(full.labels, full.on_background, tuple(one % 4 for one in likely), full.alike)
    entry = region_tables.entry(full, Blobs())
    assert entry is not None
    assert len(json.dumps(entry.model_dump())) < 2**20 * 3 // 4


def test_too_many_regions_are_left_out() -> None:
    assert region_tables.entry(table(region_tables.MOST_REGIONS + 1), Blobs()) is None


def test_labels_come_back_as_they_were() -> None:
    labels = np.random.default_rng(3).integers(0, 70_000, (5, 700)).repeat(3, 1).astype(np.int32)
    runs, picture = region_tables.runs_of(labels)
    info, data = pixels.encode(picture)
    found = pixels.decode(Blob(info, memoryview(data)))[..., [2, 1, 0, 3]]
    words = np.ascontiguousarray(found).view("<u4").reshape(-1)
    assert np.array_equal(np.repeat(words[runs : 2 * runs], words[:runs]), labels.reshape(-1))

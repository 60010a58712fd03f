"""Tables of regions: likely colours that differ visibly, corrections as exact pixels, tables of parts joined."""

from __future__ import annotations

import numpy as np
from colorizer.imaging.region_table import LIKELY, RegionTable, by_likeness, distinct, joined, repaint
from colorizer.imaging.regions import Regions
from colorizer.imaging.values import Correction, Layer, Role

RED, DARK_RED, GREEN, BLUE = (200, 10, 10), (196, 12, 10), (10, 200, 10), (10, 10, 200)
LABELS = np.repeat(np.arange(4, dtype=np.int32), 8)[None].repeat(8, 0)


def picture(*colours: tuple[int, ...]) -> np.ndarray:
    """The four regions in these colours, opaque."""
    return np.dstack([np.array(colours, np.uint8)[LABELS], np.full(LABELS.shape, 255, np.uint8)])


def table(background: list[bool], *alike: list[int]) -> RegionTable:
    nothing = np.zeros((0, 3), np.uint8)
    return RegionTable(
        LABELS, np.array(background), (nothing,) * 4, tuple(np.array(one, int) for one in alike)
    )


def test_likely_colours_differ_from_each_other_and_from_the_current_one() -> None:
    ranked = np.array([[RED, DARK_RED, GREEN, (12, 200, 10), BLUE]], np.uint8)
    (found,) = distinct(ranked, np.array([DARK_RED], np.uint8))
    assert found.tolist() == [list(DARK_RED), list(GREEN), list(BLUE)]


def test_likely_colours_are_few() -> None:
    ranked = np.array([[(value, 0, 255 - value) for value in range(0, 250, 10)]], np.uint8)
    assert len(distinct(ranked, np.array([GREEN], np.uint8))[0]) == 1 + LIKELY


def test_engines_that_say_nothing_get_the_likest_colours() -> None:
    layers = [Layer("Colours", Role.FOREGROUND, picture(RED, GREEN, BLUE, RED))]
    palette = np.array([BLUE, GREEN, RED, (230, 110, 60)], np.uint8)
    found = by_likeness(layers, Regions(LABELS, LABELS, 4), palette)
    assert found.likely[0][:2].tolist() == [list(RED), [230, 110, 60]]
    assert not found.on_background.any()
    assert [len(others) for others in found.alike] == [0] * 4


def test_the_background_layer_shows_what_the_foregrounds_mask_hides() -> None:
    mask = np.where(LABELS < 2, np.uint8(255), np.uint8(0))
    layers = [
        Layer("Background", Role.BACKGROUND, picture(BLUE, BLUE, BLUE, BLUE)),
        Layer("Colours", Role.FOREGROUND, picture(RED, RED, RED, RED), mask=mask),
    ]
    found = by_likeness(layers, Regions(LABELS, LABELS, 4), np.array([BLUE, RED], np.uint8))
    assert found.on_background.tolist() == [False, False, True, True]


def test_corrections_change_their_region_alone_and_the_last_one_counts() -> None:
    before = picture(RED, GREEN, BLUE, RED)
    corrections = [Correction(9, 3, "#ff01fe"), Correction(12, 0, "#0102fe"), Correction(31, 7, None)]
    (after,) = repaint(
        [Layer("Colours", Role.FOREGROUND, before)], table([False] * 4, [], [], [], []), corrections
    )
    assert (after.pixels[LABELS == 1] == (1, 2, 254, 255)).all()
    assert not after.pixels[LABELS == 3].any()
    assert (after.pixels[(LABELS == 0) | (LABELS == 2)] == before[(LABELS == 0) | (LABELS == 2)]).all()


def test_parts_become_one_table() -> None:
    labels = np.array([[0, 1, 2, 3]], np.int32)
    part = table([False] * 4, [1], [0], [], [2])
    numbers = np.array([1, 3, -1, 2], np.int32)
    found = joined(labels, [(part, numbers, np.array([False, True, False, False]))])
    assert found.alike[1].tolist() == [3]
    assert found.alike[2].tolist() == []
    assert found.on_background.tolist() == [True, False, False, True]


def test_a_palette_of_one_colour_leaves_nothing_else_likely() -> None:
    layer = Layer("Flats", Role.FOREGROUND, picture(RED, RED, RED, RED))
    found = by_likeness((layer,), Regions(LABELS, LABELS, 4), np.array([RED], np.uint8))
    assert [one.tolist() for one in found.likely] == [[list(RED)]] * 4

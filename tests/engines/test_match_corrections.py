"""The match engine's table of regions, and corrections: they count less than what was painted or bound later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from colorizer.engines.base import Binding, ColorizeRequest, Correction, Mode, Reference, Result
from colorizer.errors import InvalidInput
from colorizer.imaging.layers import flatten
from drawn import BLUE, GREEN, RED, box_mask, box_reference, box_sketch
from engines.match_stand_ins import SamePlace, engine
from engines.test_match_hints import PINK, dot
from listening import Silent

REQUEST = ColorizeRequest(box_sketch(), (Reference(box_reference(), box_mask()),), sketch_mask=box_mask())
LEFT, RIGHT, OUTSIDE = (48, 64), (80, 64), (8, 8)


def coloured(**changes) -> Result:
    return engine(SamePlace()).colorize(replace(REQUEST, **changes), Silent())


def shown(result: Result, place: tuple[int, int]) -> tuple[int, ...]:
    return tuple(flatten(result.layers, 128, 128)[place[1], place[0]].tolist())


def test_the_table_tells_sides_and_other_colours() -> None:
    table = coloured(mode=Mode.SPLIT).table
    assert table is not None
    left, outside = (int(table.labels[y, x]) for x, y in (LEFT, OUTSIDE))
    assert table.on_background[outside]
    assert not table.on_background[left]
    assert table.likely[left][:2].tolist() == [list(RED), list(GREEN)]


def test_a_correction_paints_its_region_and_leaves_no_doubt() -> None:
    plain, told = coloured(), coloured(corrections=(Correction(*LEFT, "#ff01fe"),))
    assert shown(told, LEFT) == (*PINK, 255)
    before, after = (flatten(one.layers, 128, 128) for one in (plain, told))
    changed = (before != after).any(axis=2)
    assert (before[changed][:, :3] == RED).all()
    assert told.report["palette"].count("#ff01fe") == 1


def test_no_colour_keeps_a_region_clear_and_out_of_the_check() -> None:
    told = coloured(corrections=(Correction(*LEFT, None),))
    assert told.layers[1].pixels[LEFT[1], LEFT[0], 3] == 0
    assert told.check is not None
    assert not told.check.mask[LEFT[1], LEFT[0]]


def test_corrections_reach_the_background() -> None:
    assert shown(coloured(corrections=(Correction(*OUTSIDE, "#ff01fe"),)), (120, 120)) == (*PINK, 255)


@pytest.mark.parametrize(
    ("later", "colour"),
    [({"hints": dot(LEFT)}, PINK), ({"bindings": (Binding(*LEFT, 0, 8, 8),)}, BLUE)],
)
def test_hints_and_bindings_count_more(later: dict, colour: tuple[int, ...]) -> None:
    told = coloured(corrections=(Correction(*LEFT, "#010203"),), **later)
    assert shown(told, LEFT)[:3] == colour


def test_alike_regions_do_not_follow_by_themselves() -> None:
    told = coloured(corrections=(Correction(*LEFT, "#010203"),))
    assert shown(told, RIGHT)[:3] == GREEN


def test_corrections_outside_of_the_canvas_are_told() -> None:
    with pytest.raises(InvalidInput, match="Correction 1 lies outside of the canvas"):
        coloured(corrections=(Correction(128, 3, None),))


def test_the_match_of_before_is_used_again() -> None:
    network = SamePlace()
    one = engine(network)
    one.colorize(REQUEST, Silent())
    asked: list[object] = []
    network.register_forward_pre_hook(lambda *_: asked.append(1))
    told = one.colorize(replace(REQUEST, corrections=(Correction(*LEFT, "#ff01fe"),)), Silent())
    assert shown(told, LEFT) == (*PINK, 255)
    assert not asked
    assert np.array_equal(told.table.labels, one.colorize(REQUEST, Silent()).table.labels)

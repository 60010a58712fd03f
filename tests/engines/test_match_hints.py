"""Regions that were told their colour get it exactly; regions taken for the same thing follow; nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from colorizer.engines.base import Binding, ColorizeRequest, Layer, Mode, Reference, Role
from colorizer.engines.match.hints import ALIKE, followed, read_wishes, spot_colour
from colorizer.engines.match.readout import Colouring
from colorizer.errors import InvalidInput
from colorizer.imaging.layers import flatten
from colorizer.imaging.lines import find_ink
from colorizer.imaging.regions import find_regions
from colorizer.protocol.options import Advanced
from drawn import BLUE, GREEN, RED, YELLOW, box_mask, box_reference, box_sketch
from engines.match_stand_ins import SamePlace, engine, random_network
from hypothesis import given, settings
from hypothesis import strategies as st
from listening import Silent

REQUEST = ColorizeRequest(box_sketch(), (Reference(box_reference(), box_mask()),), sketch_mask=box_mask())
PINK = (255, 1, 254)


def dot(*places: tuple[int, int], radius: int = 5, colour: tuple[int, ...] = PINK) -> np.ndarray:
    hints = np.zeros((128, 128, 4), np.uint8)
    for place in places:
        cv2.circle(hints, place, radius, (*colour, 255), -1)
    return hints


def regions_told(hints: np.ndarray) -> int:
    request = replace(REQUEST, hints=hints)
    return len(read_wishes(request, find_regions(find_ink(REQUEST.sketch))).regions)


def coloured(network=None, **changes) -> np.ndarray:
    result = engine(network or SamePlace()).colorize(replace(REQUEST, **changes), Silent())
    return flatten(result.layers, 128, 128)


def test_hint_decides_its_region_alone() -> None:
    plain, told = coloured(), coloured(hints=dot((48, 64)))
    assert tuple(told[64, 40, :3]) == PINK
    changed = (plain != told).any(axis=2)
    assert (plain[changed][:, :3] == RED).all()
    assert (told[changed][:, :3] == PINK).all()
    assert not (plain[..., :3][~changed] == RED).all(axis=1).any()


@pytest.mark.parametrize("lock", [True, False])
@pytest.mark.parametrize("mode", [Mode.WHOLE, Mode.SPLIT, Mode.FOREGROUND])
def test_hints_count_in_every_mode(mode: Mode, *, lock: bool) -> None:
    options = REQUEST.options.model_copy(update={"palette_lock": lock})
    told = coloured(hints=dot((48, 64)), mode=mode, options=options)
    assert tuple(told[64, 40]) == (*PINK, 255)


def test_hint_in_the_background() -> None:
    assert tuple(coloured(hints=dot((8, 8)))[120, 120, :3]) == PINK


def test_hints_paint_where_the_reference_has_nothing() -> None:
    everything = np.full((128, 128), 255, np.uint8)
    request = {"references": (Reference(box_reference(), everything),), "mode": Mode.SPLIT}
    assert coloured(**request)[8, 8, 3] == 0
    assert tuple(coloured(**request, hints=dot((8, 8)))[120, 120]) == (*PINK, 255)


def test_stroke_over_a_line_belongs_where_its_middle_is() -> None:
    assert regions_told(dot((58, 64), radius=9)) == 1  # the line is at 64
    assert regions_told(dot((64, 64), radius=9)) == 2
    assert regions_told(dot((48, 64), (80, 64))) == 2
    assert regions_told(np.zeros((128, 128, 4), np.uint8)) == 0


def test_faint_hints_do_not_count() -> None:
    hints = dot((48, 64))
    hints[..., 3] //= 2
    assert regions_told(hints) == 0


def test_most_frequent_colour_of_a_hint_counts() -> None:
    hints = dot((48, 64), radius=6)
    hints[64:66, 46:50, :3] = YELLOW
    assert tuple(coloured(hints=hints)[90, 40, :3]) == PINK


def test_palette_names_the_hints_colour() -> None:
    report = engine(SamePlace()).colorize(replace(REQUEST, hints=dot((48, 64))), Silent()).report
    assert report["palette"].count("#ff01fe") == 1
    assert report["doubtful_regions"] == 0


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10)
def test_other_colours_stay_whatever_was_found(seed: int) -> None:
    network = random_network(seed)
    plain, told = coloured(network), coloured(network, hints=dot((48, 64)))
    assert tuple(told[64, 40, :3]) == PINK
    assert (told[(plain != told).any(axis=2)][:, :3] == PINK).all()


MAGENTA = (255, 0, 255)
NO_COLOUR = REQUEST.options.model_copy(update={"advanced": Advanced(clear_hints=True)})


def test_a_hint_for_no_colour_keeps_its_region_transparent() -> None:
    hints = dot((48, 64), colour=MAGENTA) | dot((80, 64))
    result = engine(SamePlace()).colorize(replace(REQUEST, hints=hints, options=NO_COLOUR), Silent())
    assert [layer.pixels[64, 40].any() for layer in result.layers] == [False, False]
    assert tuple(flatten(result.layers, 128, 128)[64, 80, :3]) == PINK
    assert "#ff00ff" not in result.report["palette"]
    assert result.check is not None
    assert not result.check.mask[64, 40]


def test_magenta_is_a_colour_like_any_other_where_nothing_else_is_wished() -> None:
    assert tuple(coloured(hints=dot((48, 64), colour=MAGENTA))[64, 40]) == (*MAGENTA, 255)


def test_binding_takes_the_spots_colour() -> None:
    told = coloured(bindings=(Binding(48, 64, 0, 80, 64),))
    assert tuple(told[64, 40, :3]) == GREEN
    assert tuple(told[64, 80, :3]) == GREEN


def test_hint_beats_binding() -> None:
    told = coloured(bindings=(Binding(48, 64, 0, 80, 64),), hints=dot((48, 64)))
    assert tuple(told[64, 40, :3]) == PINK


def test_spot_beside_a_line_has_the_areas_colour() -> None:
    reference = Reference(box_reference(512))
    assert spot_colour([reference], Binding(0, 0, 0, 127, 200)) == BLUE
    assert spot_colour([reference], Binding(0, 0, 0, 130, 200)) == RED


def test_transparent_spot_is_told() -> None:
    reference = box_reference()
    reference[:40, :40, 3] = 0
    with pytest.raises(InvalidInput, match="Reference 1 is transparent at 3, 4"):
        spot_colour([Reference(reference)], Binding(0, 0, 0, 3, 4))


@pytest.mark.parametrize(
    ("binding", "words"),
    [
        (Binding(128, 0, 0, 0, 0), "Binding 1 lies outside of the canvas"),
        (Binding(0, -1, 0, 0, 0), "Binding 1 lies outside of the canvas"),
        (Binding(0, 0, 1, 0, 0), "a reference that doesn't exist"),
        (Binding(0, 0, 0, 0, 128), "outside of its reference"),
    ],
)
def test_bindings_are_checked(binding: Binding, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        coloured(bindings=(binding,))


def looking(*looks: list[float], colours: list[int]) -> Colouring:
    shade = np.array([[value] * 3 for value in colours], np.uint8)
    return Colouring(shade, np.ones(len(colours), np.float32), np.array(looks, np.float32), shade[:, None])


def follow(found: Colouring, hinted: list[int], shown: list[bool]) -> list[int]:
    from colorizer.engines.match.hints import Wishes

    wishes = Wishes(np.array(hinted), np.zeros((len(hinted), 3), np.uint8))
    return followed(wishes, found, np.array(shown)).tolist()


def test_regions_with_the_same_looks_follow() -> None:
    part = ALIKE + 0.05
    found = looking([1, 0], [part, 1 - part], [0, 1], [1, 0], [1, 0], colours=[5, 5, 5, 6, 5])
    assert follow(found, [0], [True, True, True, True, False]) == [0, 0, -1, -1, -1]


def test_nearest_wish_is_followed() -> None:
    found = looking([1, 0], [0.8, 0.2], [0.9, 0.1], [0.82, 0.18], colours=[5, 5, 5, 5])
    assert follow(found, [0, 1], [True] * 4)[3] == 1


def test_hidden_wishes_are_not_followed() -> None:
    found = looking([1, 0], [1, 0], colours=[5, 5])
    assert follow(found, [0], [False, True]) == [0, -1]


def test_every_layer_stays_whole() -> None:
    layers = engine(SamePlace()).colorize(replace(REQUEST, hints=dot((48, 64))), Silent()).layers
    assert [layer.role for layer in layers] == [Role.BACKGROUND, Role.FOREGROUND]
    assert all(isinstance(layer, Layer) and layer.pixels[..., 3].all() for layer in layers)

"""A redo changes the reached regions and nothing else, and keeps what the artist painted."""

from __future__ import annotations

import numpy as np
import pytest
from colorizer.imaging.repair import check_within, delivered_after, find_reach, merged_check, repair, within
from colorizer.imaging.values import Check, Layer, LayerState, Place, PlaceKind, Redo, Role
from drawn import BLUE, GREEN, RED, YELLOW, blank, box_sketch
from hypothesis import given, settings
from hypothesis import strategies as st

SIDE = 128
SKETCH = box_sketch(SIDE)


def mask_at(x: int, y: int, size: int = 6) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[y : y + size, x : x + size] = 255
    return mask


def state(role: Role = Role.FOREGROUND) -> LayerState:
    delivered = blank(SIDE, SIDE, RED)
    return LayerState(role, delivered, delivered.copy())


def applied(made, now: np.ndarray) -> np.ndarray:
    """What the document shows after the answer's layers were put in."""
    after = now.copy()
    for layer in made.layers:
        height, width = layer.pixels.shape[:2]
        after[layer.y : layer.y + height, layer.x : layer.x + width] = layer.pixels
    return after


def test_only_the_reached_region_changes() -> None:
    reach = find_reach(SKETCH, mask_at(44, 60), gap=0.02)
    made = repair(
        [Layer("Flats", Role.FOREGROUND, blank(SIDE, SIDE, GREEN))], Redo(mask_at(44, 60), (state(),)), reach
    )
    after = applied(made, state().now)
    assert reach.regions == 1
    assert (after[~reach.inside] == state().now[~reach.inside]).all()
    assert (after[reach.inside][:, :3] == GREEN).all()
    assert 0.08 < reach.inside.mean() < 0.16
    assert made.pixels == reach.inside.sum()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_nothing_else_changes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    delivered = rng.integers(0, 256, (SIDE, SIDE, 4)).astype(np.uint8)
    now = np.where(rng.random((SIDE, SIDE, 1)) < 0.1, rng.integers(0, 256, delivered.shape), delivered)
    now = now.astype(np.uint8)
    changed = mask_at(*rng.integers(0, SIDE - 8, 2).tolist(), size=int(rng.integers(0, 8)))
    fresh = Layer("Flats", Role.FOREGROUND, rng.integers(0, 256, delivered.shape).astype(np.uint8))
    reach = find_reach(SKETCH, changed, gap=0.02)
    made = repair([fresh], Redo(changed, (LayerState(Role.FOREGROUND, delivered, now),)), reach)
    after = applied(made, now)
    own = (now != delivered).any(axis=2) & ((now[..., 3] > 0) | (delivered[..., 3] > 0))
    assert (after[~reach.inside | own] == now[~reach.inside | own]).all()
    free = reach.inside & ~own
    assert (after[free] == fresh.pixels[free]).all()


def test_strokes_are_kept_and_counted() -> None:
    kept = state()
    kept.now[60:64, 40:50, :3] = YELLOW
    kept.now[80:84, 40:50, :3] = YELLOW
    kept.now[80:84, 70:80, :3] = YELLOW  # in another region
    changed = mask_at(44, 70)
    fresh = Layer("Flats", Role.FOREGROUND, blank(SIDE, SIDE, GREEN))
    made = repair([fresh], Redo(changed, (kept,)), find_reach(SKETCH, changed, gap=0.02))
    assert made.kept_strokes == 2
    assert (applied(made, kept.now)[60:64, 40:50, :3] == YELLOW).all()


def test_answer_is_cropped_and_has_no_mask() -> None:
    changed = mask_at(44, 60)
    mask = np.full((SIDE, SIDE), 255, np.uint8)
    fresh = Layer("Flats", Role.FOREGROUND, blank(SIDE, SIDE, GREEN), mask=mask, mask_name="Foreground mask")
    made = repair([fresh], Redo(changed, (state(),)), find_reach(SKETCH, changed, gap=0.02))
    (layer,) = made.layers
    assert layer.mask is None
    assert layer.pixels.shape[1] < SIDE / 2
    assert layer.x > 20
    assert made.shown[0].mask is mask or (made.shown[0].mask == mask).all()


def test_layers_placed_anywhere() -> None:
    changed = mask_at(44, 60)
    fresh = Layer("Flats", Role.FOREGROUND, blank(SIDE, SIDE, GREEN), x=-20, y=9)
    made = repair([fresh], Redo(changed, (state(),)), find_reach(SKETCH, changed, gap=0.02))
    assert tuple(applied(made, state().now)[60, 44]) == (*GREEN, 255)


@pytest.mark.parametrize("role", [Role.FOREGROUND, Role.BACKGROUND])
def test_roles_stay_apart(role: Role) -> None:
    changed = mask_at(44, 60)
    fresh = [Layer("", role, blank(SIDE, SIDE, BLUE))]
    both = (state(Role.BACKGROUND), state(Role.FOREGROUND))
    made = repair(fresh, Redo(changed, both), find_reach(SKETCH, changed, gap=0.02))
    assert [layer.role for layer in made.layers] == [role]


def test_same_result_changes_nothing() -> None:
    changed = mask_at(44, 60)
    fresh = [Layer("", Role.FOREGROUND, blank(SIDE, SIDE, RED))]
    made = repair(fresh, Redo(changed, (state(),)), find_reach(SKETCH, changed, gap=0.02))
    assert (made.layers, made.pixels) == ((), 0)


def test_without_lines_exactly_the_change_is_reached() -> None:
    reach = find_reach(blank(SIDE, SIDE), mask_at(3, 4), gap=0.02)
    assert reach.inside.sum() == 36


def test_check_concerns_the_reached_regions() -> None:
    reach = find_reach(SKETCH, mask_at(44, 60), gap=0.02)
    places = (Place(PlaceKind.DOUBTFUL, 40, 40, 9, 9, 0.1), Place(PlaceKind.DOUBTFUL, 2, 2, 9, 9, 0.1))
    found = check_within(Check(np.full((SIDE, SIDE), 255, np.uint8), places), reach)
    assert found.places == places[:1]
    assert ((found.mask == 255) == reach.inside).all()


def test_the_rest_of_a_check_stays() -> None:
    old = Check(
        np.full((SIDE, SIDE), 7, np.uint8),
        tuple(Place(PlaceKind.LEAK, x, 40, 9, 9, 0.1) for x in (40, 90)),
    )
    fresh = Check(np.zeros((SIDE, SIDE), np.uint8), (Place(PlaceKind.DOUBTFUL, 50, 50, 2, 2, 0.5),))
    box = Layer("", Role.FOREGROUND, np.zeros((20, 30, 4), np.uint8), 30, 40)
    found = merged_check(old, fresh, [box])
    assert [(place.kind.value, place.x) for place in found.places] == [("leak", 90), ("doubtful", 50)]
    assert not found.mask[40:60, 30:60].any()
    assert int(np.count_nonzero(found.mask == 7)) == SIDE * SIDE - 20 * 30


def test_nothing_is_reached_outside_of_a_selection() -> None:
    reach = find_reach(SKETCH, mask_at(44, 60), gap=0.02)
    selected = np.zeros((SIDE, SIDE), np.uint8)
    selected[:64] = 128
    selected[64:] = 127
    assert (within(reach, selected).inside == (reach.inside & (np.arange(SIDE) < 64)[:, None])).all()
    assert within(reach, None) is reach


@given(st.integers(0, 2**32 - 1))
def test_strokes_stay_strokes_after_a_repair(seed: int) -> None:
    chance = np.random.default_rng(seed)
    delivered, now, after = (chance.integers(0, 2, (4, 5, 4)).astype(np.uint8) for _ in range(3))
    found = delivered_after(delivered, now, after)
    changed = (now != after).any(axis=2)
    assert (found[changed] == after[changed]).all()
    assert (found[~changed] == delivered[~changed]).all()


def test_on_a_line_nothing_is_reached() -> None:
    assert find_reach(SKETCH, mask_at(64, 60, size=1), gap=0.02).regions == 0
    assert find_reach(SKETCH, mask_at(58, 60, size=6), gap=0.02).regions == 1

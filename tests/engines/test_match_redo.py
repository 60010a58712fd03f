"""Painting a mask or a hint and redoing changes what it reaches and nothing else, in every mode."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from colorizer.engines import last_stage
from colorizer.engines.base import ColorizeRequest, Mode, Reference, Swap
from colorizer.imaging.values import LayerState, Redo
from drawn import RED, box_mask, box_reference, box_sketch
from engines.match_stand_ins import SamePlace, engine, random_network
from listening import Silent

REQUEST = ColorizeRequest(box_sketch(), (Reference(box_reference(), box_mask()),), sketch_mask=box_mask())
STROKE = (slice(70, 76), slice(36, 46))
OWN = (9, 8, 7, 255)


def redone(request: ColorizeRequest, changed: np.ndarray, network=None):
    """What is in the document for each layer before and after a redo; the artist had painted a stroke on each."""
    made = engine(network or SamePlace())
    first = last_stage.colorize(made, replace(REQUEST, mode=request.mode), Silent())
    states = []
    for layer in first.layers:
        now = layer.pixels.copy()
        now[STROKE] = OWN
        states.append(LayerState(layer.role, layer.pixels, now))
    fresh = last_stage.colorize(made, request, Silent())
    repaired = last_stage.keep_the_rest(fresh, request, Redo(changed, tuple(states)))
    after = {state.role: state.now.copy() for state in states}
    for layer in repaired.result.layers:
        height, width = layer.pixels.shape[:2]
        after[layer.role][layer.y : layer.y + height, layer.x : layer.x + width] = layer.pixels
    return {state.role: (state.now, after[state.role]) for state in states}, repaired


def painted_mask() -> tuple[np.ndarray, np.ndarray]:
    """A mask whose upper left part was painted away, and where it differs."""
    mask = box_mask()
    mask[32:60, 32:62] = 0
    return mask, np.where(mask != box_mask(), np.uint8(255), np.uint8(0))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mode", Mode)
def test_repainted_mask_changes_only_its_region(mode: Mode, seed: int) -> None:
    mask, changed = painted_mask()
    request = replace(REQUEST, mode=mode, sketch_mask=mask)
    layers, repaired = redone(request, changed, random_network(seed))
    for now, after in layers.values():
        assert (after[:, 66:] == now[:, 66:]).all()  # the right half of the box and what is right of it
        assert (after[100:] == now[100:]).all()
        assert (after[STROKE] == OWN).all()
    assert repaired.result.report["redo"]["regions"] == 1
    assert all(layer.mask is None for layer in repaired.result.layers)


@pytest.mark.parametrize("mode", [Mode.WHOLE, Mode.SPLIT, Mode.FOREGROUND])
def test_new_hint_recolours_its_region(mode: Mode) -> None:
    hints = np.zeros((128, 128, 4), np.uint8)
    hints[50:56, 40:46] = (255, 0, 200, 255)
    layers, repaired = redone(replace(REQUEST, mode=mode, hints=hints), hints[..., 3])
    now, after = list(layers.values())[-1]
    reached = (now[..., :3] == RED).all(axis=2)
    assert (after[reached & ~stroke()][:, :3] == (255, 0, 200)).all()
    assert (after[~reached] == now[~reached]).all()
    assert repaired.result.report["redo"]["kept_strokes"] == len(layers)


def stroke() -> np.ndarray:
    where = np.zeros((128, 128), bool)
    where[STROKE] = True
    return where


def test_check_after_a_redo_concerns_what_it_reached() -> None:
    mask, changed = painted_mask()
    _, repaired = redone(replace(REQUEST, sketch_mask=mask), changed, SamePlace(null=20.0))
    assert repaired.result.check is not None
    assert not repaired.result.check.mask[:, 66:].any()
    assert repaired.result.check.mask[90, 45] == 255


def test_swaps_are_in_the_palette() -> None:
    swap = Swap("#" + bytes(RED).hex(), "#010203")
    result = last_stage.colorize(engine(SamePlace()), replace(REQUEST, swaps=(swap,)), Silent())
    assert "#010203" in result.report["palette"]
    assert swap.before not in result.report["palette"]
    assert tuple(result.layers[1].pixels[64, 48, :3]) == (1, 2, 3)

"""Painting a mask or a hint and redoing changes what it reaches and nothing else, in every mode."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from colorizer.engines import last_stage
from colorizer.engines.base import Binding, ColorizeRequest, Mode, Reference, Swap
from colorizer.imaging.values import LayerState, Redo
from drawn import RED, box_mask, box_reference, box_sketch
from engines.match_stand_ins import SamePlace, engine, random_network
from listening import Listener, Silent

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


def same(first, second) -> None:
    assert [layer.role for layer in first.layers] == [layer.role for layer in second.layers]
    for one, other in zip(first.layers, second.layers, strict=True):
        assert np.array_equal(one.pixels, other.pixels)
        assert (one.mask is None) == (other.mask is None)
        assert one.mask is None or np.array_equal(one.mask, other.mask)
    assert first.report == second.report
    assert np.array_equal(first.check.mask, second.check.mask)
    assert first.check.places == second.check.places


def repairs() -> dict[str, ColorizeRequest]:
    hints = np.zeros_like(REQUEST.sketch)
    hints[80:84, 80:84] = (*RED, 255)
    bound = (Binding(80, 80, 0, 2, 2),)
    return {
        "a hint": replace(REQUEST, hints=hints),
        "a binding": replace(REQUEST, bindings=bound),
        "a mask": replace(REQUEST, sketch_mask=painted_mask()[0]),
        "no mask": replace(REQUEST, sketch_mask=None),
        "the mode": replace(REQUEST, mode=Mode.SPLIT),
        "the gap": replace(REQUEST, options=REQUEST.options.model_copy(update={"line_gap": 0.05})),
        "the lock": replace(REQUEST, options=REQUEST.options.model_copy(update={"palette_lock": False})),
    }


def test_what_is_remembered_changes_no_pixel() -> None:
    """An engine that has coloured it before gives the very result that a new one gives."""
    warm = engine(random_network(3))
    warm.colorize(REQUEST, Silent())
    for asked in repairs().values():
        copied = replace(
            asked, sketch=asked.sketch.copy(), references=(Reference(box_reference(), box_mask()),)
        )
        same(warm.colorize(copied, Silent()), engine(random_network(3)).colorize(asked, Silent()))


def test_hints_and_bindings_ask_the_network_nothing() -> None:
    made = engine(random_network(3))
    made.colorize(REQUEST, Silent())
    for name in ("a hint", "a binding"):
        report = Listener()
        made.colorize(repairs()[name], report)
        assert "Painting layers" in report.names
        assert "Reading the reference" not in report.names

"""Finds what the artist has changed since a result was made, and the sketch's present foreground mask.

It compares the pixels on the canvas exactly. `repair` finds the regions that a change affects and replaces them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from colorizer.errors import NothingChanged
from colorizer.imaging.values import DocumentLayer, Earlier, Layer, MadeFrom, Mask, Picture, Role

_Masks = Mapping[Role, Mask | None]

NOTHING_CHANGED = "Nothing has changed since this result was made. Paint its mask or a hint, then press Redo."


@dataclass(frozen=True)
class Changes:
    """The changes since a result was made."""

    where: NDArray[np.bool_]
    """(H, W)."""
    sketch_mask: Mask | None
    """The sketch's foreground for the engine: the chosen mask with the changes painted on the result's masks."""
    unseen: bool
    """Whether the chosen mask was changed at places that the result's own masks hide. These masks aren't replaced, so
    the artist has to paint on them, too."""


def differing(before: Picture | Mask | None, after: Picture | Mask | None) -> NDArray[np.bool_]:
    """(H, W): where two pictures or two masks differ. None means all 0; at least one must be given."""
    first, second = (None if one is None else _numbers(one) for one in (before, after))
    if first is None or second is None:
        there = second if first is None else first
        assert there is not None
        is_there: NDArray[np.bool_] = there != 0
        return is_there
    differs: NDArray[np.bool_] = first != second
    return differs


def nearest(states: Iterable[Sequence[Layer]], now: Sequence[DocumentLayer]) -> tuple[int, Sequence[Layer]]:
    """The index and the layers of the state that the document shows: the one with the fewest differing pixels.

    States after an exact match aren't compared.
    """
    shown = {layer.role: layer.pixels for layer in now}
    found: tuple[int, Sequence[Layer]] = 0, ()
    fewest: int | None = None
    for number, layers in enumerate(states):
        strokes = sum(
            int(np.count_nonzero(differing(layer.pixels, shown[layer.role])))
            for layer in layers
            if layer.role in shown
        )
        if fewest is None or strokes < fewest:
            fewest, found = strokes, (number, layers)
        if not strokes:
            break
    return found


def find_changes(earlier: Earlier, layers: Sequence[DocumentLayer], now: MadeFrom) -> Changes:
    """Finds the changes between a result and the present document.

    Args:
        earlier: the state of the result.
        layers: the result's layers as they are in the document.
        now: the pictures from which a result would be made now, without `sketch_mask`, which this function finds.

    Raises `NothingChanged`.
    """
    assert now.sketch is not None
    masks: _Masks = {layer.role: layer.mask for layer in layers}
    # For layers that were delivered without a mask, the present mask is used.
    before = {role: masks.get(role) for role in (Role.BACKGROUND, Role.FOREGROUND)}
    before |= {layer.role: layer.mask for layer in earlier.layers if layer.mask is not None}
    painted = {
        role: differing(before[role], mask) for role in before if (mask := masks.get(role)) is not None
    }
    where: NDArray[np.bool_] = np.full(now.sketch.shape[:2], earlier.everywhere)
    for found in itertools.chain(painted.values(), _differences(earlier, before[Role.FOREGROUND], now)):
        where |= found
    for x, y in earlier.spots:
        if x < where.shape[1] and y < where.shape[0]:
            where[y, x] = True
    if not where.any():
        raise NothingChanged(NOTHING_CHANGED)
    mask, start = None, _start(earlier.made_from, now.chosen_mask)
    if start is not None or any(found.any() for found in painted.values()):
        mask = _with_paint(start, masks, painted)
    return Changes(where, mask, _unseen(earlier, before, masks, now.chosen_mask))


def _differences(earlier: Earlier, own_mask: Mask | None, now: MadeFrom) -> Iterable[NDArray[np.bool_]]:
    """Where sketch, hints and chosen mask differ. If no mask was chosen, the mask that the engine found is compared."""
    made = earlier.made_from
    pairs: list[tuple[Picture | Mask | None, Picture | Mask | None]] = [
        (made.sketch, now.sketch),
        (made.hints, now.hints),
        (_either(made.chosen_mask, own_mask), _either(now.chosen_mask, own_mask)),
    ]
    for before, after in pairs:
        if before is not None or after is not None:
            yield differing(before, after)


def _start(made: MadeFrom, chosen: Mask | None) -> Mask | None:
    """The sketch's mask without the changes painted on the result's masks: the mask that the engine was given, with the
    changes of the chosen mask."""
    if chosen is None:
        return made.sketch_mask if made.chosen_mask is None else None
    if made.sketch_mask is None or made.chosen_mask is None:
        return chosen
    return np.where(differing(made.chosen_mask, chosen), chosen, made.sketch_mask)


def _with_paint(start: Mask | None, masks: _Masks, painted: Mapping[Role, NDArray[np.bool_]]) -> Mask | None:
    """The mask with the changes painted on the result's masks; the foreground mask has priority over the background
    mask."""
    foreground, background = masks.get(Role.FOREGROUND), masks.get(Role.BACKGROUND)
    result = _either(start, foreground)
    if result is None:
        return None if background is None else ~background
    if background is not None:
        result = np.where(painted[Role.BACKGROUND], ~background, result)
    if foreground is not None:
        result = np.where(painted[Role.FOREGROUND], foreground, result)
    return result


def _unseen(earlier: Earlier, before: _Masks, masks: _Masks, chosen: Mask | None) -> bool:
    own = masks.get(Role.FOREGROUND)
    if chosen is None or own is None:
        return False
    painted = differing(_either(earlier.made_from.chosen_mask, before[Role.FOREGROUND]), chosen)
    return bool((painted & differing(own, chosen)).any())


def _either(first: Mask | None, second: Mask | None) -> Mask | None:
    return second if first is None else first


def _numbers(pixels: Picture | Mask) -> NDArray[np.uint8] | NDArray[np.uint32]:
    """(H, W): each pixel as one number."""
    if pixels.ndim == 2:
        return pixels
    return np.ascontiguousarray(pixels).view(np.uint32)[..., 0]

"""Redo: copies only the regions that a change affects from a new result; everything else in the document stays the
same.

A change affects the regions of the sketch that it touches. Inside of them, the artist's own strokes stay, too; these
are the pixels that differ from the delivered ones. It works with the results of all engines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.errors import NothingToColour
from colorizer.imaging.lines import find_ink
from colorizer.imaging.regions import Regions, find_regions
from colorizer.imaging.values import Check, Layer, LayerState, Mask, Picture, Place, Redo, Role

Box = tuple[slice, slice]
"""Rows and columns of a picture."""

_BAND_ROWS = 64


@dataclass(frozen=True)
class Reach:
    """The regions that a change affects."""

    inside: NDArray[np.bool_]
    """(H, W)."""
    regions: int


@dataclass(frozen=True)
class Repair:
    """The changes of a redo."""

    layers: tuple[Layer, ...]
    """A layer for each role with changed pixels, cropped to these, without masks, because masks are never replaced."""
    shown: tuple[Layer, ...]
    """The complete new layers with the new masks, for a preview."""
    delivered: dict[Role, Picture]
    """The changed delivered pixels by role."""
    pixels: int
    """Number of changed pixels of all layers."""
    kept_strokes: int
    """Number of the artist's strokes that were kept in the affected regions."""


def find_reach(sketch: Picture, changed: Mask, *, gap: float, regions: Regions | None = None) -> Reach:
    """Finds the regions of the sketch that a change touches; changes on a line touch none.

    Args:
        sketch: (H, W, 4).
        changed: (H, W), not 0 = changed.
        gap: see `find_regions`.
        regions: the sketch's regions, if they are already known.
    """
    try:
        if regions is None:
            regions = find_regions(find_ink(sketch), gap=gap)
    except (
        NothingToColour
    ):  # if an engine colours a sketch without lines, only the changed pixels are replaced
        return Reach(changed > 0, 0)
    size = regions.coarse.shape[::-1]
    touched = cv2.resize((changed > 0) * np.uint8(255), size, interpolation=cv2.INTER_AREA) > 0
    is_reached = np.zeros(regions.count, bool)
    is_reached[regions.coarse[touched & regions.off_lines]] = True
    return Reach(is_reached[regions.labels], int(np.count_nonzero(is_reached)))


def repair(fresh: Sequence[Layer], redo: Redo, reach: Reach) -> Repair:
    """Replaces the affected regions by the new layers' pixels; roles without a new layer stay unchanged."""
    by_role = {layer.role: layer for layer in fresh}
    layers, shown, delivered = [], [], {}
    pixels = strokes = 0
    box = bounds(reach.inside)
    for state in redo.layers:
        layer = by_role.get(state.role)
        if layer is None:
            continue
        made = _put_fresh(state, _on_canvas(layer, reach.inside.shape), reach.inside, box)
        changed = int(np.count_nonzero(made.differs))
        pixels += changed
        if made.own.any():
            strokes += cv2.connectedComponents(made.own.view(np.uint8), connectivity=8)[0] - 1
        mask = _mask_on_canvas(layer, reach.inside.shape)
        shown.append(replace(layer, pixels=made.now, x=0, y=0, mask=mask))
        if changed:
            layers.append(_cropped(shown[-1], made.differs, box))
            delivered[state.role] = made.delivered
    return Repair(tuple(layers), tuple(shown), delivered, pixels, strokes)


@dataclass(frozen=True)
class _Put:
    """A layer after a redo."""

    now: Picture
    delivered: Picture
    """The delivered pixels after it; see `delivered_after`."""
    own: NDArray[np.bool_]
    """(h, w), of the box: the artist's own pixels."""
    differs: NDArray[np.bool_]
    """(h, w), of the box: what has changed."""


def _put_fresh(state: LayerState, fresh: Picture, inside: NDArray[np.bool_], box: Box) -> _Put:
    """Puts fresh pixels where `inside` is set and the artist didn't paint. All of `inside` lies in `box`.

    Works in bands of rows, which stay in the processor's cache.
    """
    now, delivered = state.now.copy(), state.delivered.copy()
    before, was, new = (_whole_pixels(one) for one in (state.now, state.delivered, fresh))
    shown, counted = _whole_pixels(now), _whole_pixels(delivered)
    rows, columns = box
    size = rows.stop - rows.start, columns.stop - columns.start
    own, differs = np.zeros(size, bool), np.zeros(size, bool)
    for top in range(rows.start, rows.stop, _BAND_ROWS):
        band = slice(top, min(top + _BAND_ROWS, rows.stop)), columns
        here = slice(top - rows.start, band[0].stop - rows.start)
        own[here] = _differ(before[band], was[band]) & inside[band]
        after = np.where(inside[band] & ~own[here], new[band], before[band])
        differs[here] = after != before[band]
        shown[band] = after
        counted[band] = np.where(differs[here], after, was[band])
    return _Put(now, delivered, own, differs)


def delivered_after(delivered: Picture, before: Picture, after: Picture) -> Picture:
    """The delivered pixels after a layer has changed from `before` to `after`: the new pixels where it changed.

    The rest of `delivered` is kept, so that the artist's strokes are still recognised the next time.
    """
    if np.array_equal(delivered, before):
        return after
    new = _whole_pixels(after)
    found = np.where(new != _whole_pixels(before), new, _whole_pixels(delivered))
    return found.view(np.uint8).reshape(delivered.shape)


def within(reach: Reach, selection: Mask | None) -> Reach:
    """The affected regions inside a selection (pixels that are at least half selected)."""
    return reach if selection is None else replace(reach, inside=reach.inside & (selection > 127))


def merged_check(before: Check, fresh: Check, replaced: Sequence[Layer]) -> Check:
    """The check of a repaired result: the new one inside the replaced rectangles, the earlier one elsewhere."""
    mask = before.mask.copy()
    for box in replaced:
        height, width = box.pixels.shape[:2]
        there = slice(box.y, box.y + height), slice(box.x, box.x + width)
        mask[there] = fresh.mask[there]
    places = (place for place in before.places if not any(_within(place, box) for box in replaced))
    together = sorted((*fresh.places, *places), key=lambda place: place.width * place.height, reverse=True)
    return Check(mask, tuple(together))


def _within(place: Place, box: Layer) -> bool:
    """Whether the middle of a place is in a layer's rectangle."""
    height, width = box.pixels.shape[:2]
    x, y = place.x + place.width / 2 - box.x, place.y + place.height / 2 - box.y
    return bool(0 <= x < width and 0 <= y < height)


def check_within(check: Check, reach: Reach) -> Check:
    """The part of a check that concerns the affected regions; elsewhere the document shows an earlier result."""
    mask = np.where(reach.inside, check.mask, np.uint8(0))
    places = tuple(
        place
        for place in check.places
        if reach.inside[place.y : place.y + place.height, place.x : place.x + place.width].any()
    )
    return Check(mask, places)


def _differ(first: NDArray[np.uint32], second: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """(h, w); what is clear in both is alike whatever its colour."""
    differs: NDArray[np.bool_] = first != second
    return differs & ((first | second).view(np.uint8).reshape(*first.shape, 4)[..., 3] > 0)


def _whole_pixels(picture: Picture) -> NDArray[np.uint32]:
    """(H, W): each pixel's four bytes as one number."""
    return np.ascontiguousarray(picture).view(np.uint32)[..., 0]


def _on_canvas(layer: Layer, shape: tuple[int, ...]) -> Picture:
    if (layer.x, layer.y) == (0, 0) and layer.pixels.shape[:2] == shape:
        return layer.pixels
    canvas = np.zeros((*shape, 4), np.uint8)
    _put(canvas, layer.pixels, layer.x, layer.y)
    return canvas


def _mask_on_canvas(layer: Layer, shape: tuple[int, ...]) -> Mask | None:
    if layer.mask is None or ((layer.x, layer.y) == (0, 0) and layer.mask.shape == shape):
        return layer.mask
    canvas = np.zeros(shape, np.uint8)
    _put(canvas, layer.mask, layer.x, layer.y)
    return canvas


def _put(canvas: NDArray[np.uint8], pixels: NDArray[np.uint8], x: int, y: int) -> None:
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + pixels.shape[1], canvas.shape[1]), min(y + pixels.shape[0], canvas.shape[0])
    if left < right and top < bottom:
        canvas[top:bottom, left:right] = pixels[top - y : bottom - y, left - x : right - x]


def bounds(where: NDArray[np.bool_]) -> Box:
    """The bounding box of the set pixels; empty if there are none."""
    rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _cropped(layer: Layer, where: NDArray[np.bool_], box: Box) -> Layer:
    """The part of the layer in `box`, the bounding box of `where`, without its mask."""
    rows, columns = bounds(where)
    top, left = box[0].start + rows.start, box[1].start + columns.start
    pixels = layer.pixels[top : box[0].start + rows.stop, left : box[1].start + columns.stop]
    return replace(layer, pixels=np.ascontiguousarray(pixels), x=left, y=top, mask=None, mask_name="")

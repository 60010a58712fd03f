"""A redo in the worker: reads the earlier result from a job's bundle and writes the answer for the changed layers.

`imaging.changes` and `imaging.repair` find the changed pixels; this module reads and writes the bundles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import Check, ColorizeRequest, Layer, Mask, Place, Result
from colorizer.engines.last_stage import Repaired
from colorizer.imaging.changes import find_changes, nearest
from colorizer.imaging.repair import merged_check
from colorizer.imaging.values import DocumentLayer, Earlier, LayerState, MadeFrom, Redo, Role
from colorizer.protocol import request as messages
from colorizer.protocol.request import EarlierResult, JobRequest, PlacedBlob, RedoBlobs
from colorizer.protocol.result import RedoAnswer
from colorizer.server.delivered import Decoder, delivered_layers, flat_layers
from colorizer.server.packing import Blobs


class Repairing:
    """One redo: the inputs for the engine (`inputs`), the repair (`redo`) and the answer."""

    def __init__(self, sent: RedoBlobs, decoder: Decoder, inputs: ColorizeRequest) -> None:
        self._decoder = decoder
        decoder.start(_pictures_of(sent))
        self._now = tuple(_document_layer(layer, decoder) for layer in sent.layers)
        self._selection = decoder.maybe(sent.selection, mask=True)
        self._number, layers = nearest((_layers(state, decoder) for state in sent.states), self._now)
        self._sent = sent.states[self._number]
        self._earlier = _earlier(self._sent, layers, decoder)
        self._made_from = MadeFrom(inputs.sketch, inputs.hints, inputs.sketch_mask)
        self._changes = find_changes(self._earlier, self._now, self._made_from)
        self.inputs = replace(inputs, sketch_mask=self._changes.sketch_mask)
        """The inputs for the engine."""

    @property
    def redo(self) -> Redo:
        """The repair of the result."""
        delivered = {layer.role: layer.pixels for layer in self._earlier.layers}
        layers = (
            LayerState(layer.role, delivered[layer.role], layer.pixels)
            for layer in self._now
            if layer.pixels is not None and layer.role in delivered
        )
        changed = self._changes.where.view(np.uint8)
        return Redo(changed, tuple(layers), self._selection)

    def checked(self, repaired: Repaired) -> Result:
        """The repaired layers with the check of the whole result; the check may be None."""
        result, check = repaired.result, self._sent.check
        if check is None or result.check is None:
            return replace(result, check=None)
        mask = self._decoder.mask_on_canvas(PlacedBlob(blob=check.mask.blob))
        before = Check(mask, tuple(Place(**place.model_dump()) for place in check.places))
        return replace(result, check=merged_check(before, result.check, result.layers))

    def answer(self, repaired: Repaired, blobs: Blobs) -> RedoAnswer:
        """The delivered layers once the repaired ones are in the document."""
        masks = {layer.role: layer.mask for layer in self._now}
        layers = [
            replace(layer, mask=_newest(layer.mask, masks.get(layer.role))) for layer in self._earlier.layers
        ]
        return RedoAnswer(
            state=self._number,
            delivered=delivered_layers(self._sent.layers, layers, repaired.delivered, self._decoder, blobs),
            made_from=self._next_made_from(blobs),
            unseen=self._changes.unseen,
        )

    def _next_made_from(self, blobs: Blobs) -> messages.MadeFrom:
        """The pictures with which the next repair compares; outside of the selection they are unchanged."""
        old, sketch_mask = self._earlier.made_from, self._changes.sketch_mask
        if self._selection is None:
            mask = None if sketch_mask is None else blobs.place(sketch_mask)
            return messages.MadeFrom(sketch_mask=mask)
        pairs = {
            "sketch": (old.sketch, self._made_from.sketch),
            "hints": (old.hints, self._made_from.hints),
            "chosen_mask": (old.chosen_mask, self._made_from.chosen_mask),
            "sketch_mask": (old.sketch_mask, sketch_mask),
        }
        partly = {name: self._partly(*pair) for name, pair in pairs.items()}
        return messages.MadeFrom(
            **{name: None if found is None else blobs.place(found) for name, found in partly.items()}
        )

    def _partly(
        self, old: NDArray[np.uint8] | None, new: NDArray[np.uint8] | None
    ) -> NDArray[np.uint8] | None:
        if old is None or new is None:
            return new if old is None else old
        assert self._selection is not None
        where = self._selection > 127
        return np.where(where if new.ndim == 2 else where[..., None], new, old)


def decode(job: JobRequest, decoder: Decoder, inputs: ColorizeRequest) -> Repairing | None:
    """Reads the repair from a job; None if the job has none. Raises `NothingChanged`."""
    return None if job.redo is None else Repairing(job.redo, decoder, inputs)


def _layers(state: EarlierResult, decoder: Decoder) -> tuple[Layer, ...]:
    return tuple(flat_layers(state.layers, decoder))


def _pictures_of(sent: RedoBlobs) -> Iterator[PlacedBlob | None]:
    """The pictures that are needed if the document shows the newest state."""
    newest = sent.states[0]
    for layer in sent.layers:
        yield from (layer.pixels, layer.mask)
    for delivered in newest.layers:
        yield from (delivered.pixels, delivered.mask)
    made = newest.made_from
    yield from (made.sketch, made.hints, made.chosen_mask, made.sketch_mask)


def _earlier(state: EarlierResult, layers: Sequence[Layer], decoder: Decoder) -> Earlier:
    made = state.made_from
    made_from = MadeFrom(
        decoder.maybe(made.sketch),
        decoder.maybe(made.hints),
        decoder.maybe(made.chosen_mask, mask=True),
        decoder.maybe(made.sketch_mask, mask=True),
    )
    spots = tuple((spot.x, spot.y) for spot in state.spots)
    return Earlier(tuple(layers), made_from, spots, state.everywhere)


def _document_layer(layer: messages.DocumentLayer, decoder: Decoder) -> DocumentLayer:
    return DocumentLayer(Role(layer.role), decoder.maybe(layer.pixels), decoder.maybe(layer.mask, mask=True))


def _newest(delivered: Mask | None, now: Mask | None) -> Mask | None:
    """The present mask of a layer that was delivered with one."""
    return delivered if delivered is None or now is None else now

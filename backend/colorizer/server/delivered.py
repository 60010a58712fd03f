"""Reads the delivered layers of a result from a request's bundle and writes them to the answer's.

A repair (`redo`) and a palette edit (`run_edit`) both change them. Their pictures here have the canvas's size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from colorizer.imaging import key_strokes
from colorizer.imaging.values import Layer, Mask, Picture, Role
from colorizer.protocol.request import DeliveredLayer, PlacedBlob
from colorizer.server import pixels
from colorizer.server.bundle import Bundle
from colorizer.server.packing import Blobs

_THREADS = 4


@dataclass(frozen=True)
class Decoder:
    """Decodes the pictures of a bundle for a canvas of `width` x `height` pixels."""

    bundle: Bundle
    width: int
    height: int
    _started: dict[int, Future[NDArray[np.uint8]]] = field(default_factory=dict)

    def start(self, pictures: Iterable[PlacedBlob | None]) -> None:
        """Starts to decode pictures on threads; `picture` waits for them."""
        pool = ThreadPoolExecutor(_THREADS)
        for placed in pictures:
            if placed is not None and placed.blob not in self._started:
                self._started[placed.blob] = pool.submit(pixels.decode, self.bundle.blobs[placed.blob])
        pool.shutdown(wait=False)

    def picture(self, placed: PlacedBlob) -> NDArray[np.uint8]:
        """Decodes a picture as it was sent."""
        started = self._started.pop(placed.blob, None)
        return pixels.decode(self.bundle.blobs[placed.blob]) if started is None else started.result()

    def size(self, placed: PlacedBlob) -> tuple[int, int]:
        """Width and height in pixels."""
        info = self.bundle.blobs[placed.blob].info
        return info.width, info.height

    def on_canvas(self, placed: PlacedBlob) -> Picture:
        """Decodes a picture onto the canvas; (height, width, 4), transparent elsewhere."""
        return self.place(self.picture(placed), placed)

    def mask_on_canvas(self, placed: PlacedBlob) -> Mask:
        """Decodes a mask onto the canvas; (height, width), 0 elsewhere."""
        return self.place(pixels.as_mask(self.picture(placed)), placed)

    def maybe(self, placed: PlacedBlob | None, *, mask: bool = False) -> NDArray[np.uint8] | None:
        """Decodes a picture or a mask onto the canvas; None if there is none."""
        if placed is None:
            return None
        return self.mask_on_canvas(placed) if mask else self.on_canvas(placed)

    def place(self, found: NDArray[np.uint8], placed: PlacedBlob) -> NDArray[np.uint8]:
        """Puts a decoded picture or mask at its position on the canvas."""
        return pixels.place(found, placed.x, placed.y, self.width, self.height)


def delivered_layers(
    sent: Sequence[DeliveredLayer],
    layers: Sequence[Layer],
    changed: dict[Role, Picture],
    decoder: Decoder,
    blobs: Blobs,
) -> list[DeliveredLayer]:
    """The layers whose delivered pixels or masks have changed, for the answer.

    Args:
        sent: the delivered layers in the request.
        layers: the flat layers among them on the canvas, with their present masks.
        changed: the pictures of the flat layers whose pixels have changed, by role.
    """
    flats = [replace(layer, pixels=changed.get(layer.role, layer.pixels)) for layer in layers]
    by_role, found = {layer.role: layer for layer in flats}, []
    for one in sent:
        role = Role(one.role)
        if role is Role.KEY_STROKES and one.pixels is not None:
            found.append(_marks(one.pixels, flats, decoder, blobs))
        elif role in changed or (one.mask is not None and by_role[role].mask is not None):
            found.append(_flat(one, by_role[role], is_whole=role in changed, decoder=decoder, blobs=blobs))
    return found


def _flat(
    sent: DeliveredLayer, layer: Layer, *, is_whole: bool, decoder: Decoder, blobs: Blobs
) -> DeliveredLayer:
    """A flat layer for the answer: of the canvas's size if its pixels have changed, otherwise of the size sent."""
    mask = layer.mask if sent.mask is not None else None
    if is_whole:
        return DeliveredLayer(
            role=sent.role,
            pixels=blobs.place(layer.pixels),
            mask=None if mask is None else blobs.place(mask),
        )
    assert sent.pixels is not None
    assert mask is not None
    (width, height), x, y = decoder.size(sent.pixels), sent.pixels.x, sent.pixels.y
    return DeliveredLayer(role=sent.role, mask=blobs.place(pixels.place(mask, -x, -y, width, height), x, y))


def _marks(sent: PlacedBlob, flats: list[Layer], decoder: Decoder, blobs: Blobs) -> DeliveredLayer:
    """The layer of key strokes with the new colours, because the result may be applied again."""
    marks, (width, height) = decoder.picture(sent), decoder.size(sent)

    def here(found: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return pixels.place(found, -sent.x, -sent.y, width, height)

    cut = [
        replace(layer, pixels=here(layer.pixels), mask=None if layer.mask is None else here(layer.mask))
        for layer in flats
    ]
    made = key_strokes.recoloured(marks, cut)
    return DeliveredLayer(role="key_strokes", pixels=blobs.place(made, sent.x, sent.y))


def flat_layers(sent: Sequence[DeliveredLayer], decoder: Decoder) -> Iterator[Layer]:
    """The flat layers of the request, decoded onto the canvas."""
    for one in sent:
        if one.role != "key_strokes" and one.pixels is not None:
            mask = decoder.maybe(one.mask, mask=True)
            yield Layer("", Role(one.role), decoder.on_canvas(one.pixels), mask=mask)

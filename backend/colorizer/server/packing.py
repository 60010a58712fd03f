"""Packs results: the blobs of a bundle, which are encoded on threads in the meantime, and a result's header.

The fields are described in docs/wire.md; `pixels` encodes the pictures.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import Check, Layer, Result
from colorizer.protocol.request import CheckEntry, CheckMask, PlacedBlob, PlaceEntry
from colorizer.protocol.result import LayerEntry, LayerMask, RedoAnswer, ResultHeader
from colorizer.server import bundle, pixels, region_tables
from colorizer.server.bundle import BlobInfo
from colorizer.server.pipe import Buffer

_THREADS = 4

_Encoded = tuple[BlobInfo, Buffer]


class Blobs:
    """The blobs of a bundle in the order in which they are added."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS)
        self._encoded: list[Future[_Encoded]] = []
        self._known: dict[int, tuple[int, NDArray[np.uint8]]] = {}

    def add(self, picture: NDArray[np.uint8]) -> int:
        """Adds a picture or a mask, unless it has been added before, and returns its number.

        Its pixels mustn't be changed afterwards.
        """
        if id(picture) not in self._known:
            self._known[id(picture)] = self._submit(lambda: pixels.encode(picture)), picture
        return self._known[id(picture)][0]

    def place(self, picture: NDArray[np.uint8], x: int = 0, y: int = 0) -> PlacedBlob:
        """Adds a picture or a mask and returns its number with its position."""
        return PlacedBlob(blob=self.add(picture), x=x, y=y)

    def add_png(self, make: Callable[[], bytes]) -> int:
        """Adds the PNG that `make`, called on a thread, returns; returns its number."""
        return self._submit(lambda: _png(make()))

    def all(self) -> list[_Encoded]:
        """Waits until all are encoded and returns them. None can be added afterwards."""
        with self._pool:
            return [one.result() for one in self._encoded]

    def _submit(self, encode: Callable[[], _Encoded]) -> int:
        self._encoded.append(self._pool.submit(encode))
        return len(self._encoded) - 1


@dataclasses.dataclass(frozen=True)
class Packed:
    """A result whose pictures are encoded."""

    preview: bytes
    _header: dict[str, Any]
    _blobs: list[_Encoded]

    def bundle(self, record: dict[str, Any]) -> list[Buffer]:
        """The bundle of the result, in pieces."""
        header = ResultHeader(**self._header, record=record)
        return bundle.write(header.model_dump(mode="json"), self._blobs)


def pack(
    preview: Callable[[], bytes], result: Result, redo: Callable[[Blobs], RedoAnswer] | None = None
) -> Packed:
    """Encodes a result: its preview (a PNG), layers with masks, check, redo and labels of regions."""
    blobs = Blobs()
    header: dict[str, Any] = {"preview": blobs.add_png(preview)}
    header["layers"] = [_layer(layer, blobs) for layer in result.layers]
    header["check"] = None if result.check is None else _check(result.check, blobs)
    header["redo"] = None if redo is None else redo(blobs)
    header["regions"] = None if result.table is None else region_tables.entry(result.table, blobs)
    encoded = blobs.all()
    return Packed(bytes(encoded[0][1]), header, encoded)


def _layer(layer: Layer, blobs: Blobs) -> LayerEntry:
    number = blobs.add(layer.pixels)
    return LayerEntry(
        name=layer.name,
        role=layer.role,
        blob=number,
        x=layer.x,
        y=layer.y,
        blend=layer.blend,
        opacity=layer.opacity,
        clip=layer.clip,
        mask=None if layer.mask is None else LayerMask(blob=blobs.add(layer.mask), name=layer.mask_name),
    )


def _check(check: Check, blobs: Blobs) -> CheckEntry:
    places = [PlaceEntry(**dataclasses.asdict(place)) for place in check.places]
    return CheckEntry(mask=CheckMask(blob=blobs.add(check.mask)), places=places)


def _png(data: bytes) -> _Encoded:
    width, height = np.frombuffer(data, ">u4", count=2, offset=16).tolist()
    return BlobInfo(format="png", width=width, height=height, encoding="raw", bytes=len(data)), data

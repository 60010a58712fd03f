"""One palette edit in the edit process: bundle in, layers with exchanged colours out.

Imports neither torch nor an engine. The bundle was checked by the HTTP process, its pictures are decoded only here.
"""

from __future__ import annotations

from colorizer.imaging.recolour import recolour
from colorizer.imaging.values import Swap
from colorizer.protocol.request import EditedLayer, PlacedBlob
from colorizer.protocol.result import EditAnswer
from colorizer.server import bundle, pixels, request
from colorizer.server.bundle import BlobInfo
from colorizer.server.pipe import Buffer


def run(data: Buffer) -> list[Buffer]:
    """The answer's bundle in pieces: each layer with its colours exchanged, of the size and at the place it came with.

    Raises `ColorizerError` for what the artist should read.
    """
    edit_bundle = bundle.read(data)
    edit = request.read_edit(edit_bundle)
    swaps = [Swap(swap.before, swap.after) for swap in edit.swaps]
    described: list[EditedLayer] = []
    blobs: list[tuple[BlobInfo, Buffer]] = []
    for layer in edit.layers:
        place = PlacedBlob(blob=len(blobs), x=layer.pixels.x, y=layer.pixels.y)
        described.append(EditedLayer(role=layer.role, pixels=place))
        picture, _ = recolour(pixels.decode(edit_bundle.blobs[layer.pixels.blob]), swaps)
        blobs.append(pixels.encode(picture))
    return bundle.write(EditAnswer(layers=described).model_dump(), blobs)

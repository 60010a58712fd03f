"""Makes one palette edit in the edit process: returns a bundle with the replaced colours and the delivered layers.

Imports neither torch nor an engine. The HTTP process has checked the bundle; its pictures are decoded only here.
"""

from __future__ import annotations

from collections.abc import Mapping

from colorizer.imaging.recolour import recolour
from colorizer.imaging.repair import delivered_after
from colorizer.imaging.values import Picture, Role, Swap
from colorizer.protocol.request import EditedLayer, EditRequest
from colorizer.protocol.result import EditAnswer
from colorizer.server import bundle, request
from colorizer.server.delivered import Decoder, delivered_layers, flat_layers
from colorizer.server.packing import Blobs
from colorizer.server.pipe import Buffer


def run(data: Buffer) -> list[Buffer]:
    """The answer's bundle in pieces: each layer with its colours replaced, with the size and position it was sent with.

    Raises `ColorizerError`.
    """
    edit_bundle = bundle.read(data)
    edit = request.read_edit(edit_bundle)
    decoder = Decoder(edit_bundle, edit.canvas.width, edit.canvas.height)
    decoder.start([*(one.pixels for one in edit.layers), *(one.pixels for one in edit.delivered)])
    swaps = [Swap(swap.before, swap.after) for swap in edit.swaps]
    before: dict[str, Picture] = {layer.role: decoder.picture(layer.pixels) for layer in edit.layers}
    after = {role: recolour(picture, swaps)[0] for role, picture in before.items()}
    blobs = Blobs()
    edited = [
        EditedLayer(role=one.role, pixels=blobs.place(after[one.role], one.pixels.x, one.pixels.y))
        for one in edit.layers
    ]
    flats = list(flat_layers(edit.delivered, decoder))
    delivered = {layer.role: layer.pixels for layer in flats}
    changed = _changed(edit, delivered, before, after, decoder)
    answer = EditAnswer(
        layers=edited, delivered=delivered_layers(edit.delivered, flats, changed, decoder, blobs)
    )
    return bundle.write(answer.model_dump(), blobs.all())


def _changed(
    edit: EditRequest,
    delivered: dict[Role, Picture],
    before: Mapping[str, Picture],
    after: Mapping[str, Picture],
    decoder: Decoder,
) -> dict[Role, Picture]:
    """The changed delivered layers once the edited layers are in the document, by role; the edited picture itself where
    nobody painted on the layer, so that both are one blob."""
    found = {}
    for layer in edit.layers:
        if layer.role not in delivered:
            continue
        old, new = (decoder.place(pictures[layer.role], layer.pixels) for pictures in (before, after))
        found[Role(layer.role)] = delivered_after(delivered[Role(layer.role)], old, new)
    return found

"""The bundles of a palette edit (docs/wire.md, "Edit"): the request, and the layers in the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from krita_colorize.core import bundle, delivered, edits
from krita_colorize.core.delivered import DeliveredLayer
from krita_colorize.core.edits import Swap
from krita_colorize.core.port import Pixels
from krita_colorize.core.request import API
from krita_colorize.core.result import Result, ResultError


@dataclass(frozen=True)
class Edited:
    """An edit's answer: the new pixels of the layers, and the changed delivered layers, both by role."""

    layers: Mapping[str, Pixels]
    delivered: Mapping[str, DeliveredLayer]


def parts(layers: Mapping[str, Pixels], swaps: Sequence[Swap], result: Result) -> list[bytes | bytearray]:
    """The parts of the bundle that requests `swaps` in `layers` (by role) of `result`. Slow: for worker threads."""
    writer = bundle.Writer()
    edit = {
        "api": API,
        "canvas": {"width": result.request.width, "height": result.request.height},
        "layers": [{"role": role, "pixels": writer.place(pixels)} for role, pixels in layers.items()],
        "delivered": delivered.to_json(result.packed_layers(), writer),
        "swaps": edits.to_json((), swaps)["swaps"],
    }
    return writer.bundle({"edit": edit}).parts()


def read(data: bytes | Sequence[bytes]) -> Edited:
    """Reads an answer. Raises `BundleError` or `ResultError`. Slow: for worker threads."""
    answer = bundle.decode(data)
    found = {}
    try:
        for entry in answer.header["layers"]:
            place = entry["pixels"]
            pixels = answer.blob(place["blob"]).to_pixels(int(place["x"]), int(place["y"]))
            found[str(entry["role"])] = pixels
        return Edited(found, delivered.read(answer.header["delivered"], answer))
    except (KeyError, TypeError) as error:
        raise ResultError(f"an edited layer can't be read ({error!r})") from error

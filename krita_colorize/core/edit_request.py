"""The bundles of a palette edit (docs/wire.md, "Edit"): what is sent, and the layers that come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from krita_colorize.core import bundle, edits
from krita_colorize.core.bundle import Blob
from krita_colorize.core.edits import Swap
from krita_colorize.core.port import Pixels
from krita_colorize.core.request import API
from krita_colorize.core.result import ResultError


def parts(layers: Mapping[str, Pixels], swaps: Sequence[Swap]) -> list[bytes | bytearray]:
    """The parts of the bundle that has the swaps made in layers, by their roles. Slow: for worker threads."""
    entries = [
        {"role": role, "pixels": {"blob": number, "x": pixels.x, "y": pixels.y}}
        for number, (role, pixels) in enumerate(layers.items())
    ]
    edit = {"api": API, "layers": entries, "swaps": edits.to_json((), swaps)["swaps"]}
    return bundle.encode({"edit": edit}, [Blob.from_pixels(pixels) for pixels in layers.values()])


def read(data: bytes | Sequence[bytes]) -> dict[str, Pixels]:
    """The answer's layers by their roles. Raises `BundleError` or `ResultError`. Slow: for worker threads."""
    answer = bundle.decode(data)
    found = {}
    try:
        for entry in answer.header["layers"]:
            place = entry["pixels"]
            pixels = answer.blob(place["blob"]).to_pixels(int(place["x"]), int(place["y"]))
            found[str(entry["role"])] = pixels
    except (KeyError, TypeError) as error:
        raise ResultError(f"an edited layer can't be read ({error!r})") from error
    return found

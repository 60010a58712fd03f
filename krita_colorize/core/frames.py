"""Frames of an animated sketch: flattens a result to one picture, and fingerprints a frame's inputs."""

from __future__ import annotations

import hashlib
import json

from krita_colorize.core.geometry import placed
from krita_colorize.core.port import ROLES, Pixels
from krita_colorize.core.request import Pictures, Request
from krita_colorize.core.result import Result

_BAND_BYTES = 1 << 20
"""Arithmetic with large integers holds the interpreter lock (GIL); a megabyte takes about a millisecond."""

_SHOWN = bytes(255 * (value > 127) for value in range(256))


def flat(result: Result) -> Pixels:
    """Flattens background and foreground with their masks to one picture of the canvas's size. A pixel is either opaque
    or transparent. Slow: for worker threads."""
    width, height = result.request.width, result.request.height
    canvas = Pixels(width, height, bytes(width * height * 4))
    for layer in result.layers():
        if layer.role in ROLES:
            pixels = placed(layer.pixels, 0, 0, width, height)
            shown = bytes(pixels.data[3::4]).translate(_SHOWN)
            if layer.mask is not None:
                mask = bytes(placed(layer.mask, 0, 0, width, height).data).translate(_SHOWN)
                both = int.from_bytes(shown, "little") & int.from_bytes(mask, "little")
                shown = both.to_bytes(len(shown), "little")
            canvas = _over(canvas, pixels, shown)
    return canvas


def fingerprint(request: Request, pictures: Pictures) -> str:
    """SHA-256 of a frame's settings and pixels, the name of the saved frame. Slow: for worker threads."""
    found = hashlib.sha256(json.dumps(request.to_json(), sort_keys=True).encode("utf-8"))
    masks = [mask for _, mask in pictures.references]
    references = [picture for picture, _ in pictures.references]
    for pixels in (
        pictures.sketch,
        pictures.sketch_mask,
        pictures.background,
        pictures.hints,
        *references,
        *masks,
    ):
        found.update(
            b"-" if pixels is None else repr((pixels.x, pixels.y, pixels.width)).encode() + pixels.data
        )
    return found.hexdigest()


def _over(below: Pixels, above: Pixels, shown: bytes) -> Pixels:
    """Puts one picture over another of the same size where a mask is 255, in bands of rows."""
    step = _BAND_BYTES * 4
    bands = []
    for start in range(0, len(below.data), step):
        low, high = (
            int.from_bytes(picture.data[start : start + step], "little") for picture in (below, above)
        )
        mask = shown[start // 4 : (start + step) // 4]
        wide = bytearray(len(mask) * 4)
        for channel in range(4):
            wide[channel::4] = mask
        chosen = low ^ ((low ^ high) & int.from_bytes(wide, "little"))
        bands.append(chosen.to_bytes(len(wide), "little"))
    return Pixels(below.width, below.height, b"".join(bands))

"""From blobs to pictures and back: the worker's side of a bundle.

Outside this file pictures are RGBA (`colorizer.engines.base`); inside a bundle they are B, G, R, A, the order of Krita
and Qt. Sizes were checked before (`bundle`, `png`); whether a PNG file is intact shows here.
"""

from __future__ import annotations

import zlib
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import Mask, Picture
from colorizer.errors import UnreadablePicture
from colorizer.imaging.masks import mask_from_picture
from colorizer.imaging.pictures import decode_picture
from colorizer.server import limits, png
from colorizer.server.bundle import COUNT_BYTES, PIXEL_BYTES, Blob, BlobInfo, InvalidBundle, inflate_into
from colorizer.server.pipe import Buffer

_RUN_WORTH_BYTES = 256
"""Runs are sent where they stand for so many bytes each: flats and masks. Whoever unpacks them in Python then takes
less time for it than the picture itself would take on its way (a run about as long as 100 bytes)."""
_RUN_BAND = 2**20

_SAMPLE_BYTES = 2**16
_SAMPLES = 8
_WORTH_IT = 0.5
_LARGE_BYTES = 2**27
"""On one machine sending is several times faster than deflating and inflating (64 MiB: 0.08 s against 0.4 s), so only
what would fill the memory of both sides is deflated, and only where that at least halves it."""


def decode(blob: Blob) -> NDArray[np.uint8]:
    """A blob as RGBA picture (H, W, 4), or as (H, W) when it is `gray8`.

    Raises `InvalidBundle` or `UnreadablePicture`.
    """
    if blob.info.format == "png":
        return _decode_png(blob)
    shape = (blob.info.height, blob.info.width)
    pixels = _raw(blob).reshape(shape if blob.info.format == "gray8" else (*shape, 4))
    if blob.info.format == "gray8":
        return pixels if pixels.flags.writeable else pixels.copy()  # shared memory is read-only
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA), np.uint8)


def _raw(blob: Blob) -> NDArray[np.uint8]:
    if blob.info.encoding == "raw":
        return np.frombuffer(blob.data, np.uint8)
    if blob.info.encoding == "rle":
        return _run_out(blob)
    pixels = np.empty(blob.info.decoded_bytes, np.uint8)
    inflate_into(pixels.data, blob.data)
    return pixels


def _run_out(blob: Blob) -> NDArray[np.uint8]:
    """Runs back into pixels; never makes more than the header announced."""
    size, pixels = PIXEL_BYTES[blob.info.format], blob.info.width * blob.info.height
    runs = blob.info.bytes // (COUNT_BYTES + size)
    counts = np.frombuffer(blob.data, "<u4", runs)
    if not counts.all() or counts.sum(dtype=np.uint64) != pixels:
        raise InvalidBundle(f"The runs of a blob do not make exactly {pixels} pixels.")
    colours = np.frombuffer(blob.data, f"<u{size}", runs, runs * COUNT_BYTES)
    return np.repeat(colours, counts).view(np.uint8)


def _decode_png(blob: Blob) -> Picture:
    picture = decode_picture(png.essential(blob.data), name="The PNG")
    if picture.shape[:2] != (blob.info.height, blob.info.width):
        raise UnreadablePicture("The PNG is broken: it has another size than it says.")
    return picture


def as_mask(pixels: NDArray[np.uint8]) -> Mask:
    """A decoded blob as mask: grey as it is; of a picture its brightness where all is opaque, else its alpha."""
    if pixels.ndim == 2:
        return pixels
    return mask_from_picture(pixels)


def place(pixels: NDArray[np.uint8], x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
    """The part of a canvas of that size (px) which the pixels cover when put at `x`, `y`; elsewhere 0."""
    if (x, y) == (0, 0) and pixels.shape[:2] == (height, width):
        return pixels
    canvas = np.zeros((height, width, *pixels.shape[2:]), np.uint8)
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + pixels.shape[1], width), min(y + pixels.shape[0], height)
    if left < right and top < bottom:
        canvas[top:bottom, left:right] = pixels[top - y : bottom - y, left - x : right - x]
    return canvas


def encode(pixels: NDArray[np.uint8]) -> tuple[BlobInfo, Buffer]:
    """A picture as `bgra8` or a mask as `gray8`; flat ones in runs, very large ones deflated where it pays."""
    height, width = pixels.shape[:2]
    grey = pixels.ndim == 2
    encoding, data = _packed(np.ascontiguousarray(pixels), grey=grey)
    form: Literal["gray8", "bgra8"] = "gray8" if grey else "bgra8"
    return BlobInfo(format=form, width=width, height=height, encoding=encoding, bytes=len(data)), data


def _packed(pixels: NDArray[np.uint8], *, grey: bool) -> tuple[Literal["raw", "deflate", "rle"], Buffer]:
    runs = _runs(pixels.reshape(-1) if grey else pixels.reshape(-1, 4).view("<u4").reshape(-1))
    if runs is not None:
        counts, colours = runs
        ordered = colours if grey else colours.view(np.uint8).reshape(-1, 4)[:, [2, 1, 0, 3]]
        return "rle", counts.tobytes() + ordered.tobytes()
    ordered = pixels if grey else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA), np.uint8)
    data = memoryview(ordered.reshape(-1).data)
    deflated = _deflated(data) if len(data) > _LARGE_BYTES else None
    return ("deflate", deflated) if deflated else ("raw", data)


def _runs(flat: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """How long each value of a flat array repeats itself, and the values; None where there are too many runs."""
    most = flat.nbytes // _RUN_WORTH_BYTES
    starts = [np.zeros(1, np.int64)]
    for begin in range(0, len(flat), _RUN_BAND):
        band = flat[begin : begin + _RUN_BAND + 1]
        starts.append(np.flatnonzero(band[1:] != band[:-1]) + (begin + 1))
        most -= len(starts[-1])
        if most < 1:
            return None
    found = np.concatenate(starts)
    return np.diff(found, append=len(flat)).astype("<u4"), flat[found]


def _deflated(data: memoryview) -> bytes | None:
    """The data as zlib stream, or None where a sample of it says that it isn't worth the time."""
    step = max(_SAMPLE_BYTES, len(data) // _SAMPLES)
    sample = b"".join(data[start : start + _SAMPLE_BYTES] for start in range(0, len(data), step))
    if len(zlib.compress(sample, 1)) > len(sample) * _WORTH_IT:
        return None
    return zlib.compress(data, 1)


def encode_preview(picture: Picture) -> bytes:
    """A picture as PNG, longest side <= `limits.PREVIEW_PX`."""
    height, width = picture.shape[:2]
    scale = limits.PREVIEW_PX / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    done, encoded = cv2.imencode(
        ".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_PNG_COMPRESSION, 1]
    )
    assert done
    return encoded.tobytes()

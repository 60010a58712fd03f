"""From blobs to pictures and back: the worker's side of a bundle.

Outside this file pictures are RGBA (`colorizer.engines.base`); inside a bundle they are B, G, R, A, the order of Krita
and Qt. Sizes were checked before (`bundle`, `png`); whether a PNG file is intact shows here.
"""

from __future__ import annotations

import zlib
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import Mask, Picture
from colorizer.errors import UnreadablePicture
from colorizer.imaging.masks import mask_from_picture
from colorizer.imaging.pictures import decode_picture
from colorizer.server import limits, png
from colorizer.server.bundle import Blob, BlobInfo, inflate_into
from colorizer.server.pipe import Buffer

_SMALL_BYTES = 2**12
_SAMPLE_BYTES, _SAMPLES = 2**14, 16
_FLAT, _WORTH_IT = 1 / 16, 0.5
"""What a sample must shrink to: on one machine sending noisy pictures is several times faster than deflating and
inflating them (64 MiB: 0.08 s against 0.4 s); flats and masks shrink to a hundredth, and whoever gets them has less to
copy. Very large ones are deflated where that at least halves what both sides have in memory."""
_LARGE_BYTES = 2**27


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
    pixels = np.empty(blob.info.decoded_bytes, np.uint8)
    inflate_into(pixels.data, blob.data)
    return pixels


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
    """A picture as `bgra8` or a mask as `gray8`; deflated where it is flat, or very large and not too noisy."""
    height, width = pixels.shape[:2]
    grey = pixels.ndim == 2
    ordered = np.ascontiguousarray(pixels if grey else cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA), np.uint8)
    raw = memoryview(ordered.reshape(-1).data)
    deflated = _deflated(raw)
    data: Buffer = raw if deflated is None else deflated
    form: Literal["gray8", "bgra8"] = "gray8" if grey else "bgra8"
    encoding: Literal["raw", "deflate"] = "raw" if deflated is None else "deflate"
    return BlobInfo(format=form, width=width, height=height, encoding=encoding, bytes=len(data)), data


def _deflated(data: memoryview) -> bytes | None:
    """The data as zlib stream, or None where a sample of it says that it isn't worth the time."""
    if len(data) < _SMALL_BYTES:
        return None
    step = max(_SAMPLE_BYTES, len(data) // _SAMPLES)
    sample = b"".join(data[start : start + _SAMPLE_BYTES] for start in range(0, len(data), step))
    worth = _WORTH_IT if len(data) > _LARGE_BYTES else _FLAT
    return zlib.compress(data, 1) if len(zlib.compress(sample, 1)) <= len(sample) * worth else None


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

"""Decodes blobs to pictures and encodes pictures to blobs, in the worker.

Pictures are RGBA everywhere else (`colorizer.engines.base`); in a bundle they are B, G, R, A, the order of Krita and
Qt. `bundle` and `png` have checked the sizes; damaged PNG files are detected here.
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
"""Compression ratio of a sample below which a picture is deflated. On one machine, sending noisy pictures raw is
several times faster than deflating and inflating them (64 MiB: 0.08 s against 0.4 s), but flat colours and masks
shrink to a hundredth. Very large pictures are deflated if that at least halves the memory that both sides need."""
_LARGE_BYTES = 2**27


def decode(blob: Blob) -> NDArray[np.uint8]:
    """Decodes a blob to an RGBA picture (H, W, 4), or to (H, W) if it is `gray8`.

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
        raise UnreadablePicture("The PNG is damaged: its picture hasn't the size in its head. Save it again.")
    return picture


def as_mask(pixels: NDArray[np.uint8]) -> Mask:
    """A decoded blob as a mask: a grey one unchanged; the brightness of an opaque picture, the alpha of any other."""
    if pixels.ndim == 2:
        return pixels
    return mask_from_picture(pixels)


def place(pixels: NDArray[np.uint8], x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
    """Puts the pixels at `x`, `y` of an empty canvas of that size, in pixels, and returns the canvas."""
    if (x, y) == (0, 0) and pixels.shape[:2] == (height, width):
        return pixels
    canvas = np.zeros((height, width, *pixels.shape[2:]), np.uint8)
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + pixels.shape[1], width), min(y + pixels.shape[0], height)
    if left < right and top < bottom:
        canvas[top:bottom, left:right] = pixels[top - y : bottom - y, left - x : right - x]
    return canvas


def encode(pixels: NDArray[np.uint8]) -> tuple[BlobInfo, Buffer]:
    """Encodes a picture as `bgra8` or a mask as `gray8`; deflated if it is flat, or very large and not too noisy."""
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
    """The data as a zlib stream, or None if a sample of it shows that deflating isn't worth the time."""
    if len(data) < _SMALL_BYTES:
        return None
    step = max(_SAMPLE_BYTES, len(data) // _SAMPLES)
    sample = b"".join(data[start : start + _SAMPLE_BYTES] for start in range(0, len(data), step))
    worth = _WORTH_IT if len(data) > _LARGE_BYTES else _FLAT
    return zlib.compress(data, 1) if len(zlib.compress(sample, 1)) <= len(sample) * worth else None


def encode_preview(picture: Picture) -> bytes:
    """A picture as PNG, scaled down to a longest side of `limits.PREVIEW_PX`."""
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

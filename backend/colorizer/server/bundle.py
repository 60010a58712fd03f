"""The bundle: the format for sending pictures and their description in one body (docs/wire.md).

This module handles only the format: the magic bytes, the header, the positions of the blobs and their permitted
lengths. Only `inflate_into` decodes data. `request` reads the rest of the header, `pixels` decodes the blobs.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from colorizer.errors import InvalidInput
from colorizer.imaging.sizes import MAX_PIXELS, MAX_SIDE
from colorizer.protocol.base import first_rule
from colorizer.protocol.errors import Code
from colorizer.server import limits, png
from colorizer.server.failures import Refused
from colorizer.server.pipe import Buffer

MAGIC = b"CLZ1"
PIXEL_BYTES = {"bgra8": 4, "gray8": 1, "png": 4}
"""Bytes of a decoded pixel."""

_DEFLATE_RATIO = 1032
"""The highest possible compression ratio of a zlib stream."""
_PIECE = 2**24
_START = struct.Struct("<4sI")


class InvalidBundle(InvalidInput):
    """The data isn't a bundle, or not the bundle that its header describes."""

    code = "invalid_bundle"


class BlobInfo(BaseModel):
    """One entry of `header["blobs"]`: the size in pixels, and the number of `bytes` sent."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    format: Literal["bgra8", "gray8", "png"]
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    encoding: Literal["raw", "deflate"]
    bytes: int = Field(ge=1)

    @property
    def decoded_bytes(self) -> int:
        """The size of the decoded blob in memory."""
        return self.width * self.height * PIXEL_BYTES[self.format]


@dataclass(frozen=True)
class Blob:
    """One blob of a bundle: its description in the header, and its bytes as sent."""

    info: BlobInfo
    data: memoryview


@dataclass(frozen=True)
class Bundle:
    """A checked bundle; its blobs are views of the bytes from which it was read."""

    header: dict[str, Any]
    blobs: tuple[Blob, ...]


_BLOB_INFOS = TypeAdapter(list[BlobInfo])


def read(data: Buffer) -> Bundle:
    """Parses a bundle and checks everything that can be checked without decoding.

    Raises `InvalidBundle`, `UnreadablePicture` for a PNG with a damaged head, or `Refused` with `too_large`.
    """
    view = memoryview(data)
    header, start = _read_header(view)
    blobs: list[Blob] = []
    for number, info in enumerate(_read_infos(header)):
        _check_length(number, info)
        blobs.append(Blob(info, view[start : start + info.bytes]))
        start += info.bytes
    if start != len(view):
        raise InvalidBundle(f"The header describes {start} bytes, but {len(view)} bytes were sent.")
    for blob in blobs:
        if blob.info.format == "png":
            png.check(blob.data, blob.info.width, blob.info.height)
    return Bundle(header, tuple(blobs))


def write(header: dict[str, Any], blobs: Sequence[tuple[BlobInfo, Buffer]]) -> list[Buffer]:
    """Makes a bundle. Returns its bytes in pieces, which aren't joined because they may be large."""
    full = {"blobs": [info.model_dump() for info, _ in blobs], **header}
    encoded = json.dumps(full, ensure_ascii=False, separators=(",", ":")).encode()
    return [_START.pack(MAGIC, len(encoded)), encoded, *(data for _, data in blobs)]


def inflate_into(target: memoryview, data: Buffer) -> None:
    """Decodes a zlib stream into `target`; never produces more than the length of `target` plus one byte.

    Raises `InvalidBundle` if the stream is damaged or doesn't have exactly the length of `target`.
    """
    stream = zlib.decompressobj()
    filled = 0
    left: Buffer = data
    try:
        while filled < len(target):
            piece = stream.decompress(left, min(_PIECE, len(target) - filled))
            left = stream.unconsumed_tail
            if not piece:
                break
            target[filled : filled + len(piece)] = piece
            filled += len(piece)
        beyond = stream.decompress(left, 1)
    except zlib.error as error:
        raise InvalidBundle("A blob isn't a valid zlib stream.") from error
    if filled < len(target) or beyond or not stream.eof or stream.unused_data:
        raise InvalidBundle(f"A blob doesn't have exactly {len(target)} bytes when inflated.")


def _read_header(view: memoryview) -> tuple[dict[str, Any], int]:
    """The header, and the position of the first blob."""
    if len(view) < _START.size or view[:4] != MAGIC:
        raise InvalidBundle(
            f"This isn't a bundle: it must start with {MAGIC.decode()} and the header's length."
        )
    length = _START.unpack(view[: _START.size])[1]
    end = _START.size + length
    if length > limits.HEADER_BYTES:
        raise Refused(Code.TOO_LARGE, f"The header may have {limits.HEADER_BYTES} bytes, not {length}.")
    if end > len(view):
        raise InvalidBundle("The bundle ends inside its header.")
    try:
        header = json.loads(bytes(view[_START.size : end]).decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidBundle("The header isn't JSON in UTF-8.") from error
    if not isinstance(header, dict):
        raise InvalidBundle("The header must be a JSON object.")
    return header, end


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _read_infos(header: dict[str, Any]) -> list[BlobInfo]:
    try:
        infos = _BLOB_INFOS.validate_python(header.get("blobs"), strict=True)
    except ValidationError as error:
        raise InvalidBundle(first_rule(error, "blobs")) from error
    if len(infos) > limits.BLOBS:
        raise Refused(Code.TOO_LARGE, f"A bundle may have {limits.BLOBS} blobs, not {len(infos)}.")
    for info in infos:
        if max(info.width, info.height) > MAX_SIDE or info.width * info.height > MAX_PIXELS:
            raise Refused(
                Code.TOO_LARGE,
                f"A picture of {info.width} x {info.height} px is too large: sides may have {MAX_SIDE} px.",
            )
    if sum(info.decoded_bytes for info in infos) > limits.DECODED_BYTES:
        gigabytes = limits.DECODED_BYTES // 2**30
        raise Refused(
            Code.TOO_LARGE, f"The pictures of one job may take {gigabytes} GiB together once decoded."
        )
    return infos


def _check_length(number: int, info: BlobInfo) -> None:
    """Refuses a length that is impossible for the format and size."""
    if info.format == "png":
        fits = info.encoding == "raw"
    elif info.encoding == "raw":
        fits = info.bytes == info.decoded_bytes
    else:
        slack = info.decoded_bytes // 100 + 64  # above zlib's upper bound for incompressible data
        fits = info.bytes <= info.decoded_bytes + slack and info.decoded_bytes <= info.bytes * _DEFLATE_RATIO
    if not fits:
        size = f"{info.width} x {info.height} px in {info.format}, {info.encoding}"
        raise InvalidBundle(f"`blobs.{number}.bytes`: {info.bytes} bytes can't be {size}.")

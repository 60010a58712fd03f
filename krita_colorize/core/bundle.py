"""The bundle format of the protocol: a JSON header and pictures (docs/wire.md). Encodes, checks and decodes bundles.

It uses only the standard library, like all of the docker. `request` and `result` read the headers. Long copies are made
in pieces, so that a worker thread doesn't hold the interpreter lock (GIL) for long.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from krita_colorize.core.port import Pixels

CONTENT_TYPE = "application/vnd.colorize.bundle"
MAGIC = b"CLZ1"
MAX_HEADER_BYTES = 1 << 20
MAX_SIDE = 16384
MAX_PIXELS = 268_435_456
MAX_BLOBS = 64

PIECE_BYTES = 4 << 20
"""Bytes copied at once while the interpreter lock (GIL) is held, which takes about a millisecond."""

_COUNT_BYTES = 4
_SAMPLE_BYTES = 64 << 10
_SAMPLE_SLICES = 16
_WORTH_DEFLATING = 0.7  # compressed fraction of a sample; above it deflating costs more time than it saves

_LARGE_BYTES = 128 << 20
"""Pictures up to this size are sent uncompressed, which is several times faster on one machine."""


class BundleError(ValueError):
    """A bundle that violates the format; the message says how."""


class Format(str, Enum):
    """The format of a blob's unpacked bytes."""

    BGRA8 = "bgra8"
    GRAY8 = "gray8"
    PNG = "png"


class Encoding(str, Enum):
    """The compression of a blob; PNG files are always `RAW`. `RLE` is only read, in results that earlier versions have
    saved."""

    RAW = "raw"
    DEFLATE = "deflate"
    RLE = "rle"


_CHANNELS = {Format.BGRA8: 4, Format.GRAY8: 1}


@dataclass(frozen=True)
class Blob:
    """One picture: `data` is width * height * 4 (BGRA) or * 1 (gray) bytes, or a PNG file."""

    format: Format
    width: int
    height: int
    data: bytes | bytearray

    @classmethod
    def from_pixels(cls, pixels: Pixels) -> Blob:
        """A picture (4 channels) or a mask (1 channel)."""
        kind = Format.GRAY8 if pixels.channels == 1 else Format.BGRA8
        return cls(kind, pixels.width, pixels.height, pixels.data)

    def to_pixels(self, x: int = 0, y: int = 0) -> Pixels:
        """The picture as `Pixels` at x, y. Raises `BundleError` for a PNG."""
        if self.format is Format.PNG:
            raise BundleError("a PNG can't be used as raw pixels")
        return Pixels(self.width, self.height, self.data, x, y)


@dataclass(frozen=True)
class Packed:
    """A picture as it is sent or saved."""

    format: Format
    width: int
    height: int
    encoding: Encoding
    data: bytes | bytearray

    @classmethod
    def of(cls, blob: Blob) -> Packed:
        """Packs a picture. Raises `BundleError` if the number of its bytes is wrong. Slow: for worker threads."""
        data, encoding = _pack(blob)
        return cls(blob.format, blob.width, blob.height, encoding, data)

    def blob(self) -> Blob:
        """Unpacks it. Raises `BundleError` if the number of its bytes is wrong. Slow: for worker threads."""
        return Blob(self.format, self.width, self.height, _unpacked(self))

    @property
    def size_bytes(self) -> int:
        """The size of the unpacked picture in bytes."""
        return _raw_length(self.format, self.width, self.height)


@dataclass(frozen=True)
class Placed:
    """A packed picture and the position of its top left corner on the canvas, in pixels."""

    packed: Packed
    x: int = 0
    y: int = 0

    @classmethod
    def of(cls, pixels: Pixels) -> Placed:
        """Packs a picture or a mask. Slow: for worker threads."""
        return cls(Packed.of(Blob.from_pixels(pixels)), pixels.x, pixels.y)

    def to_pixels(self) -> Pixels:
        """Unpacks it. Slow: for worker threads."""
        return self.packed.blob().to_pixels(self.x, self.y)


@dataclass(frozen=True)
class Bundle:
    """A checked bundle whose pictures are still packed; `blob` unpacks one."""

    header: Mapping[str, Any]
    packed: tuple[Packed, ...]

    def at(self, index: int) -> Packed:
        """One packed picture. Raises `BundleError` if there is none."""
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(self.packed):
            raise BundleError(f"there is no blob {index!r}")
        return self.packed[index]

    def placed(self, entry: Mapping[str, Any] | None) -> Placed | None:
        """The picture of a header entry with `blob`, `x` and `y`; None for None."""
        return None if entry is None else Placed(self.at(entry["blob"]), int(entry["x"]), int(entry["y"]))

    def blob(self, index: int) -> Blob:
        """Unpacks one picture. Raises `BundleError` if there is none or the number of its bytes is wrong."""
        return self.at(index).blob()

    def with_picture(self, index: int, pixels: Pixels) -> Bundle:
        """The bundle with one picture or mask replaced; the new one isn't compressed before `compact`."""
        packed, kind = list(self.packed), Blob.from_pixels(pixels).format
        packed[index] = Packed(kind, pixels.width, pixels.height, Encoding.RAW, pixels.data)
        return Bundle(self.header, tuple(packed))

    def parts(self) -> list[bytes | bytearray]:
        """The parts of the bundle's bytes; joined, they are what `decode` reads."""
        entries = [
            {
                "format": packed.format.value,
                "width": packed.width,
                "height": packed.height,
                "encoding": packed.encoding.value,
                "bytes": len(packed.data),
            }
            for packed in self.packed
        ]
        return [_head(self.header, entries), *(packed.data for packed in self.packed)]

    def compact(self) -> Bundle:
        """The bundle with its pictures compressed by zlib at a fast level. Slow: for worker threads."""
        return Bundle(self.header, tuple(map(_compacted, self.packed)))


class Writer:
    """Collects the pictures of a bundle and returns their numbers for its header. Slow: for worker threads."""

    def __init__(self) -> None:
        self._packed: list[Packed] = []

    def add(self, picture: Blob | Packed) -> int:
        """Adds a picture; returns its number."""
        if isinstance(picture, Packed) and picture.encoding is Encoding.RLE:
            picture = picture.blob()
        self._packed.append(Packed.of(picture) if isinstance(picture, Blob) else picture)
        return len(self._packed) - 1

    def place(self, picture: Pixels | Placed | None) -> dict[str, int] | None:
        """Adds a picture; returns its number and position as a header entry. None for None."""
        if picture is None:
            return None
        added = picture.packed if isinstance(picture, Placed) else Blob.from_pixels(picture)
        return {"blob": self.add(added), "x": picture.x, "y": picture.y}

    def bundle(self, header: Mapping[str, Any]) -> Bundle:
        """The bundle with these pictures."""
        return Bundle({key: value for key, value in header.items() if key != "blobs"}, tuple(self._packed))


def encode(header: Mapping[str, Any], blobs: Sequence[Blob | Packed]) -> list[bytes | bytearray]:
    """Encodes a bundle; returns the parts of its bytes in order."""
    writer = Writer()
    for blob in blobs:
        writer.add(blob)
    return writer.bundle(header).parts()


def decode(data: bytes | Sequence[bytes]) -> Bundle:
    """Checks a bundle's structure and finds its pictures, without unpacking any. Raises `BundleError`.

    `data` may be in pieces, as received from the network; each picture is then joined separately.
    """
    reader = _Reader([data] if isinstance(data, bytes) else data)
    if reader.left < 8 or reader.take(4) != MAGIC:
        raise BundleError("the data is not a bundle")
    (length,) = struct.unpack("<I", reader.take(4))
    if length > min(MAX_HEADER_BYTES, reader.left):
        raise BundleError("the header is longer than the data or than 1 MiB")
    header = _parse_header(bytes(reader.take(length)))
    packed = tuple(_parse_entry(entry, reader) for entry in header["blobs"])
    if reader.left:
        raise BundleError("there are bytes behind the last blob")
    return Bundle(header, packed)


class _Reader:
    """Reads consecutive bytes from pieces. It holds the GIL at most for one copy of a piece."""

    def __init__(self, data: Sequence[bytes]) -> None:
        self.left = sum(map(len, data))
        self._parts = (part for whole in data for part in pieces(whole))
        self._rest = b""

    def take(self, length: int) -> bytearray:
        """Reads the next bytes; the data must have enough of them."""
        taken = bytearray()  # grows in place; joining pieces would copy everything at once
        while len(taken) < length:
            part = self._rest or next(self._parts)
            wanted = length - len(taken)
            taken += part[:wanted]
            self._rest = part[wanted:]
        self.left -= length
        return taken


def pieces(data: bytes | bytearray | memoryview) -> Iterator[bytes]:
    """Copies of consecutive parts of at most `PIECE_BYTES`."""
    view = memoryview(data).cast("B")
    for start in range(0, len(view), PIECE_BYTES):
        yield bytes(view[start : start + PIECE_BYTES])


def _head(header: Mapping[str, Any], entries: list[dict[str, Any]]) -> bytes:
    text = json.dumps({**header, "blobs": entries}, ensure_ascii=False).encode("utf-8")
    if len(text) > MAX_HEADER_BYTES:
        raise BundleError("the header is longer than 1 MiB")
    return MAGIC + struct.pack("<I", len(text)) + text


def _pack(blob: Blob) -> tuple[bytes | bytearray, Encoding]:
    if blob.format is Format.PNG:
        return blob.data, Encoding.RAW
    if len(blob.data) != _raw_length(blob.format, blob.width, blob.height):
        raise BundleError("a picture's bytes don't fit its size")
    if len(blob.data) > _LARGE_BYTES and _pays_to_deflate(blob.data):
        return zlib.compress(blob.data, 1), Encoding.DEFLATE
    return blob.data, Encoding.RAW


def _compacted(packed: Packed) -> Packed:
    if (
        packed.encoding is not Encoding.RAW
        or packed.format is Format.PNG
        or not _pays_to_deflate(packed.data)
    ):
        return packed
    return replace(packed, encoding=Encoding.DEFLATE, data=zlib.compress(packed.data, 1))


def _pays_to_deflate(data: bytes | bytearray | memoryview) -> bool:
    """Compresses samples from the whole picture, because its first rows are often empty."""
    if len(data) <= _SAMPLE_BYTES:
        sample = data
    else:
        size = _SAMPLE_BYTES // _SAMPLE_SLICES
        starts = (i * (len(data) - size) // (_SAMPLE_SLICES - 1) for i in range(_SAMPLE_SLICES))
        sample = b"".join(data[start : start + size] for start in starts)
    return len(zlib.compress(sample, 1)) < _WORTH_DEFLATING * len(sample)


def _unpacked(packed: Packed) -> bytes | bytearray:
    if packed.encoding is Encoding.RAW:
        return packed.data
    length = _raw_length(packed.format, packed.width, packed.height)
    if packed.encoding is Encoding.RLE:
        return _run_out(packed.data, _CHANNELS[packed.format], length)
    return _inflate(packed.data, length)


def _run_out(data: bytes | bytearray, size: int, length: int) -> bytes:
    """Decodes runs to pixels of `size` bytes; the data has all counts first, then all colours."""
    runs, rest = divmod(len(data), _COUNT_BYTES + size)
    start = runs * _COUNT_BYTES
    counts = array("I", data[:start])
    if sys.byteorder == "big":
        counts.byteswap()
    if rest or 0 in counts or sum(counts) * size != length:
        raise BundleError("a picture's runs don't fit its size")
    colours = (bytes(data[at : at + size]) for at in range(start, len(data), size))
    return b"".join(colour * count for colour, count in zip(colours, counts, strict=True))


def _inflate(data: bytes | bytearray, length: int) -> bytearray:
    stream = zlib.decompressobj()
    raw = bytearray()
    room = length + 1  # one byte more than allowed detects a stream that is too long
    try:
        for piece in pieces(data):
            while piece and len(raw) < room:
                raw += stream.decompress(piece, min(room - len(raw), PIECE_BYTES))
                piece = stream.unconsumed_tail
    except zlib.error as error:
        raise BundleError(f"a picture's zlib stream is broken ({error})") from error
    if len(raw) != length or not stream.eof or stream.unused_data:
        raise BundleError("a picture's bytes don't fit its size")
    return raw


def _parse_header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BundleError("the header is not JSON") from error
    if not isinstance(header, dict) or not isinstance(header.get("blobs"), list):
        raise BundleError("the header has no list of blobs")
    if len(header["blobs"]) > MAX_BLOBS:
        raise BundleError(f"there are more than {MAX_BLOBS} blobs")
    return header


def _parse_entry(entry: object, reader: _Reader) -> Packed:
    if not isinstance(entry, dict):
        raise BundleError("an entry of `blobs` is not an object")
    try:
        kind = Format(entry.get("format"))
    except ValueError as error:
        raise BundleError(f"`format` is {entry.get('format')!r}") from error
    width, height, length = (_whole_number(entry, key) for key in ("width", "height", "bytes"))
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise BundleError(f"a picture of {width} x {height} px is beyond the limits")
    if length > reader.left:
        raise BundleError("the data ends inside a blob")
    try:
        encoding = Encoding(entry.get("encoding"))
    except ValueError as error:
        raise BundleError(f"`encoding` is {entry.get('encoding')!r}") from error
    if kind is Format.PNG and encoding is not Encoding.RAW:
        raise BundleError(f"`encoding` of a PNG is {encoding.value!r}")
    if encoding is Encoding.RAW and kind is not Format.PNG and length != _raw_length(kind, width, height):
        raise BundleError("a picture's bytes don't fit its size")
    return Packed(kind, width, height, encoding, reader.take(length))


def _whole_number(entry: Mapping[str, Any], key: str) -> int:
    value = entry.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BundleError(f"`{key}` is {value!r}")
    return value


def _raw_length(kind: Format, width: int, height: int) -> int:
    return width * height * _CHANNELS[kind]

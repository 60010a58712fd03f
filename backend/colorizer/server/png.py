"""Checks PNG files without decoding them: their size and the order and length of their chunks.

Only still pictures of the declared size are accepted, and only the chunks of the picture itself are passed to a
decoder; profiles and texts, which can be decompression bombs, are left out. `pixels` decodes the files.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from colorizer.errors import UnreadablePicture
from colorizer.server.pipe import Buffer

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEAD = struct.Struct(">I4s")
_HEADER_LENGTH = 13
_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_CRC_LENGTH = 4
_CHUNKS = 65_536
"""More chunks than any real file has. The limit is for files with millions of empty chunks."""


def check(data: Buffer, width: int, height: int) -> None:
    """Raises `UnreadablePicture` unless the data is one complete still PNG of that size in pixels."""
    names = [name for name, _ in _chunks(memoryview(data))]
    if (
        not names
        or names[0] != b"IHDR"
        or names.count(b"IHDR") != 1
        or names[-1] != b"IEND"
        or b"IDAT" not in names
    ):
        raise UnreadablePicture("The PNG is damaged: its chunks are in the wrong order. Save it again.")
    if b"acTL" in names:
        raise UnreadablePicture("The PNG is animated. Send a still picture.")
    found = struct.unpack_from(">II", data, len(_SIGNATURE) + _HEAD.size)
    if found != (width, height):
        raise UnreadablePicture(
            f"The PNG is {found[0]} x {found[1]} px, not {width} x {height} px as announced."
        )


def essential(data: Buffer) -> bytes:
    """The same PNG with only its pixels, palette and transparent colour."""
    chunks = _chunks(memoryview(data))
    return b"".join([_SIGNATURE, *(chunk for name, chunk in chunks if name in _KEPT)])


def _chunks(view: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yields the name of each chunk and the whole chunk (length, name, content, checksum), up to the last byte."""
    if view[: len(_SIGNATURE)] != _SIGNATURE:
        raise UnreadablePicture("This isn't a PNG file. Send a PNG.")
    start = len(_SIGNATURE)
    for _ in range(_CHUNKS):
        if start == len(view):
            return
        if start + _HEAD.size > len(view):
            raise UnreadablePicture("The PNG is incomplete. Save it again.")
        length, name = _HEAD.unpack(view[start : start + _HEAD.size])
        end = start + _HEAD.size + length + _CRC_LENGTH
        if end > len(view) or (name == b"IHDR" and length != _HEADER_LENGTH):
            raise UnreadablePicture("The PNG is incomplete. Save it again.")
        yield bytes(name), view[start:end]
        start = end
    raise UnreadablePicture("The PNG has too many chunks. Save it again.")

"""PNG files looked at from outside, and what reaches the decoder."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from colorizer.errors import UnreadablePicture
from colorizer.server import pixels, png
from colorizer.server.bundle import Blob, BlobInfo
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin


def chunk(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def header(width: int, height: int) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))


SIGNATURE = b"\x89PNG\r\n\x1a\n"
DATA = chunk(b"IDAT", zlib.compress(b"\0" + bytes(8)))
WHOLE = SIGNATURE + header(2, 1) + DATA + chunk(b"IEND")


def encoded(mode: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (3, 2), 1).save(buffer, "PNG", **options)
    return buffer.getvalue()


def decoded(data: bytes, width: int = 3, height: int = 2) -> np.ndarray:
    info = BlobInfo(format="png", width=width, height=height, encoding="raw", bytes=len(data))
    return pixels.decode(Blob(info, memoryview(data)))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_all_kinds_become_rgba(mode: str) -> None:
    data = encoded(mode)
    png.check(data, 3, 2)
    assert decoded(data).shape == (2, 3, 4)


def test_whole_file_passes() -> None:
    png.check(WHOLE, 2, 1)


@given(st.integers(0, len(WHOLE) - 1))
def test_cut_off_files_are_refused(length: int) -> None:
    with pytest.raises(UnreadablePicture):
        png.check(WHOLE[:length], 2, 1)


@given(st.binary(max_size=200))
def test_garbage_is_refused(data: bytes) -> None:
    for file in (data, SIGNATURE + data, SIGNATURE + header(2, 1) + data):
        with pytest.raises(UnreadablePicture):
            png.check(file, 2, 1)


@pytest.mark.parametrize(
    "file",
    [
        SIGNATURE,
        SIGNATURE + DATA + header(2, 1) + chunk(b"IEND"),
        SIGNATURE + header(2, 1) + chunk(b"IEND"),
        SIGNATURE + header(2, 1) + DATA,
        SIGNATURE + header(2, 1) * 2 + DATA + chunk(b"IEND"),
        WHOLE + b"x",
        SIGNATURE + header(2, 1) + struct.pack(">I", 2**31) + b"IDAT",
        SIGNATURE + header(2, 1) + chunk(b"teXt") * 70_000 + DATA + chunk(b"IEND"),
        SIGNATURE + chunk(b"IHDR", b"") + DATA + chunk(b"IEND"),
    ],
)
def test_odd_structures_are_refused(file: bytes) -> None:
    with pytest.raises(UnreadablePicture):
        png.check(file, 2, 1)


def test_bomb_in_the_header() -> None:
    bomb = SIGNATURE + header(50_000, 50_000) + DATA + chunk(b"IEND")
    with pytest.raises(UnreadablePicture, match="50000 x 50000 px, not 2 x 1 px"):
        png.check(bomb, 2, 1)


def test_animations_are_refused() -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (2, 1)).save(
        buffer, "PNG", save_all=True, append_images=[Image.new("RGBA", (2, 1), "red")]
    )
    with pytest.raises(UnreadablePicture, match="animated"):
        png.check(buffer.getvalue(), 2, 1)


def test_profiles_and_texts_stay_behind() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("a", "b" * 1000)
    texts.add_itxt("c", "d" * 1000, zip=True)
    data = encoded("P", pnginfo=texts, icc_profile=bytes(5000), transparency=0)
    essential = png.essential(data)
    assert all(name not in essential for name in (b"tEXt", b"iTXt", b"zTXt", b"iCCP"))
    assert np.array_equal(decoded(essential), decoded(data))


def test_transparent_colour_survives() -> None:
    assert decoded(encoded("L", transparency=1))[0, 0, 3] == 0


@pytest.mark.parametrize("at", [41, 45, 50])
def test_damage_inside_is_a_sentence(at: int) -> None:
    data = bytearray(encoded("RGBA"))
    data[at] ^= 0xFF
    png.check(data, 3, 2)
    with pytest.raises(UnreadablePicture):
        decoded(bytes(data))

"""The form of bundles: round trips, and every way to get one wrong."""

from __future__ import annotations

import json
import struct
import tracemalloc
import zlib

import pytest
from colorizer.errors import ColorizerError
from colorizer.server import bundle
from colorizer.server.bundle import BlobInfo, InvalidBundle
from colorizer.server.failures import Refused
from hypothesis import given
from hypothesis import strategies as st


@st.composite
def raw_blobs(draw: st.DrawFn) -> tuple[BlobInfo, bytes]:
    width, height = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    kind = draw(st.sampled_from(["bgra8", "gray8"]))
    length = width * height * bundle.PIXEL_BYTES[kind]
    data = draw(st.binary(min_size=length, max_size=length))
    return BlobInfo(format=kind, width=width, height=height, encoding="raw", bytes=length), data


HEADERS = st.dictionaries(
    st.text().filter(lambda key: key != "blobs"),
    st.none() | st.integers() | st.text() | st.booleans(),
    max_size=4,
)


@given(HEADERS, st.lists(raw_blobs(), max_size=4))
def test_round_trip(header: dict, blobs: list[tuple[BlobInfo, bytes]]) -> None:
    found = bundle.read(b"".join(bundle.write(header, blobs)))
    assert {key: found.header[key] for key in header} == header
    assert [(blob.info, bytes(blob.data)) for blob in found.blobs] == blobs


@given(st.lists(raw_blobs(), min_size=1, max_size=3), st.data())
def test_no_part_of_a_bundle_is_a_bundle(blobs: list[tuple[BlobInfo, bytes]], data: st.DataObject) -> None:
    whole = b"".join(bundle.write({}, blobs))
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(InvalidBundle):
        bundle.read(whole[:cut])
    with pytest.raises(InvalidBundle):
        bundle.read(whole + b"x")


@given(st.binary(max_size=300))
def test_garbage_is_refused(data: bytes) -> None:
    for body in (data, b"CLZ1" + data, b"CLZ1" + struct.pack("<I", len(data)) + data):
        with pytest.raises(ColorizerError):
            bundle.read(body)


def with_header(text: bytes, blobs: bytes = b"") -> bytes:
    return b"CLZ1" + struct.pack("<I", len(text)) + text + blobs


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe{\x00}\x00",
        b'{"blobs": NaN}',
        b'{"blobs": Infinity}',
        b'{"blobs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"blobs": ' + b"9" * 10_000 + b"}",
        b"{}",
        b'{"blobs": {}}',
        b'{"blobs": [1]}',
        b'{"blobs": [{}]}',
    ],
)
def test_broken_headers(text: bytes) -> None:
    with pytest.raises(InvalidBundle):
        bundle.read(with_header(text))


def one_blob(**changes: object) -> bytes:
    entry = {"format": "bgra8", "width": 2, "height": 2, "encoding": "raw", "bytes": 16} | changes
    return with_header(json.dumps({"blobs": [entry]}).encode(), bytes(16))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "rgba8"},
        {"format": None},
        {"width": 0},
        {"width": -2},
        {"width": 2.0},
        {"width": "2"},
        {"width": True},
        {"height": 10**30},
        {"encoding": "gzip"},
        {"format": "png", "encoding": "deflate"},
        {"encoding": "rle"},
        {"bytes": 15},
        {"bytes": 17},
        {"bytes": -16},
        {"width": 3},
        {"extra": 1},
    ],
)
def test_broken_blob_entries(changes: dict) -> None:
    with pytest.raises(ColorizerError) as caught:
        bundle.read(one_blob(**changes))
    assert caught.value.code in ("invalid_bundle", "too_large")


def test_message_names_field_and_rule() -> None:
    with pytest.raises(InvalidBundle, match=r"`blobs.0.width`: input should be a valid integer, not '2'\."):
        bundle.read(one_blob(width="2"))


@pytest.mark.parametrize(
    ("width", "height", "count"),
    [(16_385, 1, 1), (1, 16_385, 1), (50_000, 50_000, 1), (16_384, 16_384, 5), (1, 1, 193)],
)
def test_too_large_before_anything_is_read(width: int, height: int, count: int) -> None:
    entry = {"format": "bgra8", "width": width, "height": height, "encoding": "deflate", "bytes": 10}
    with pytest.raises(Refused) as caught:
        bundle.read(with_header(json.dumps({"blobs": [entry] * count}).encode()))
    assert caught.value.code == "too_large"


def test_header_too_long() -> None:
    with pytest.raises(Refused) as caught:
        bundle.read(b"CLZ1" + struct.pack("<I", 2**20 + 1))
    assert caught.value.code == "too_large"


def test_too_few_bytes_for_what_they_promise() -> None:
    with pytest.raises(InvalidBundle, match="can't be 9000 x 9000 px"):
        bundle.read(one_blob(encoding="deflate", width=9000, height=9000))


@given(st.binary(min_size=1, max_size=5000), st.integers(1, 9))
def test_inflates_exactly(data: bytes, level: int) -> None:
    target = bytearray(len(data))
    bundle.inflate_into(memoryview(target), zlib.compress(data, level))
    assert target == data


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"garbage",
        zlib.compress(bytes(99)),
        zlib.compress(bytes(101)),
        zlib.compress(bytes(100))[:-1],
        zlib.compress(bytes(100))[:-4] + b"abcd",
        zlib.compress(bytes(100)) + b"x",
        zlib.compress(bytes(100)) * 2,
        zlib.compress(b""),
    ],
)
def test_other_lengths_and_damage_are_refused(stream: bytes) -> None:
    with pytest.raises(InvalidBundle):
        bundle.inflate_into(memoryview(bytearray(100)), stream)


def test_bomb_takes_no_memory() -> None:
    bomb = zlib.compress(bytes(200_000_000), 9)
    target = memoryview(bytearray(1000))
    tracemalloc.start()
    with pytest.raises(InvalidBundle):
        bundle.inflate_into(target, bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000

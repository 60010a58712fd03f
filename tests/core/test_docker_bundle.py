"""The docker's side of the wire's bundle."""

from __future__ import annotations

import json
import random
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krita_colorize.core import bundle
from krita_colorize.core.bundle import Blob, BundleError, Format


@st.composite
def blobs(draw: st.DrawFn) -> Blob:
    kind = draw(st.sampled_from([Format.BGRA8, Format.GRAY8]))
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    size = width * height * (4 if kind is Format.BGRA8 else 1)
    pattern = draw(st.binary(min_size=1, max_size=64))
    return Blob(kind, width, height, (pattern * (size // len(pattern) + 1))[:size])


def by_hand(header: dict, *payload: bytes) -> bytes:
    text = json.dumps(header).encode()
    return b"CLZ1" + struct.pack("<I", len(text)) + text + b"".join(payload)


def entry(**changes: object) -> dict:
    return {"format": "gray8", "width": 2, "height": 2, "encoding": "raw", "bytes": 4, **changes}


@given(st.lists(blobs(), max_size=4), st.dictionaries(st.text(max_size=8), st.integers(), max_size=3))
def test_round_trip(pictures: list[Blob], extra: dict) -> None:
    extra.pop("blobs", None)
    decoded = bundle.decode(b"".join(bundle.encode(extra, pictures)))
    assert [decoded.blob(i) for i in range(len(pictures))] == pictures
    assert {k: v for k, v in decoded.header.items() if k != "blobs"} == extra


@given(st.lists(blobs(), max_size=3), st.lists(st.integers(0, 8000), max_size=6))
def test_pieces_read_like_the_whole(pictures: list[Blob], cuts: list[int]) -> None:
    data = b"".join(bundle.encode({}, pictures))
    ends = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in zip(ends, ends[1:], strict=False)]
    assert bundle.decode(pieces) == bundle.decode(data)


def test_png_travels_as_it_is() -> None:
    picture = Blob(Format.PNG, 1, 1, b"\x89PNG...")
    assert bundle.decode(b"".join(bundle.encode({}, [picture]))).blob(0) == picture


@given(st.lists(blobs(), min_size=1, max_size=3))
def test_compact_holds_the_same_pictures(pictures: list[Blob]) -> None:
    decoded = bundle.decode(b"".join(bundle.encode({}, pictures)))
    compact = decoded.compact()
    assert [compact.blob(i) for i in range(len(pictures))] == pictures
    assert compact.compact() == compact


def test_compact_deflates_flat_pictures_and_not_noise() -> None:
    noise = random.Random(1).randbytes(256 * 256)
    pictures = [Blob(Format.GRAY8, 256, 256, data) for data in (bytes(256 * 256), noise)]
    flat, noisy = bundle.decode(b"".join(bundle.encode({}, pictures))).compact().packed
    assert len(flat.data) < 1000
    assert noisy.data == noise


def test_only_very_large_pictures_are_deflated_for_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "_LARGE_BYTES", 1000)
    small, large = (Blob(Format.GRAY8, side, side, bytes(side * side)) for side in (30, 300))
    parts = bundle.encode({}, [small, large])
    assert len(parts[1]) == 900
    assert len(parts[2]) < 1000


def test_large_pictures_are_unpacked_piece_by_piece() -> None:
    data = bytes(range(256)) * 4 * 9000
    decoded = bundle.decode(b"".join(bundle.encode({}, [Blob(Format.BGRA8, 256, 9000, data)])))
    assert decoded.blob(0).data == data


def test_encoder_refuses_bytes_that_dont_fit() -> None:
    with pytest.raises(BundleError, match="fit its size"):
        bundle.encode({}, [Blob(Format.BGRA8, 2, 2, b"123")])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a bundle"),
        (b"CLZ1", "not a bundle"),
        (b"CLZ2\0\0\0\0", "not a bundle"),
        (b"CLZ1\xff\xff\xff\xff", "longer"),
        (b"CLZ1\x02\0\0\0[]", "list of blobs"),
        (b"CLZ1\x02\0\0\0{]", "not JSON"),
        (by_hand({"blobs": [entry()]}, b"123"), "ends inside"),
        (by_hand({"blobs": [entry()]}, b"12345"), "behind the last"),
        (by_hand({"blobs": [entry(width=3)]}, b"1234"), "fit its size"),
        (by_hand({"blobs": [entry(width=0, bytes=0)]}), "beyond the limits"),
        (by_hand({"blobs": [entry(width=16385)]}, b"1234"), "beyond the limits"),
        (by_hand({"blobs": [entry(width=True)]}, b"1234"), "`width`"),
        (by_hand({"blobs": [entry(bytes=-1)]}, b"1234"), "`bytes`"),
        (by_hand({"blobs": [entry(format="webp")]}, b"1234"), "`format`"),
        (by_hand({"blobs": [entry(encoding="lzma")]}, b"1234"), "`encoding`"),
        (by_hand({"blobs": [entry(format="png", encoding="rle")]}, b"1234"), "`encoding`"),
        (by_hand({"blobs": [7]}, b"1234"), "not an object"),
        (by_hand({"blobs": [entry()] * 65}, b"1234"), "more than 64"),
    ],
)
def test_broken_bundles_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        bundle.decode(data)


@pytest.mark.parametrize(
    "payload", [zlib.compress(bytes(5)), zlib.compress(bytes(3)), b"rubbish", zlib.compress(bytes(4)) + b"!"]
)
def test_deflated_lies_are_refused(payload: bytes) -> None:
    lie = by_hand({"blobs": [entry(encoding="deflate", bytes=len(payload))]}, payload)
    with pytest.raises(BundleError):
        bundle.decode(lie).blob(0)


def runs(counts: list[int], values: bytes, **more: object) -> bytes:
    data = struct.pack(f"<{len(counts)}I", *counts) + values
    return by_hand({"blobs": [{**entry(encoding="rle", bytes=len(data)), **more}]}, data)


def test_runs_are_unpacked() -> None:
    packed = bundle.decode(runs([3, 1], b"\1\2"))
    assert packed.blob(0).data == b"\1\1\1\2"
    assert packed.compact() == packed


def test_long_runs_are_unpacked_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "PIECE_BYTES", 8)
    packed = bundle.decode(runs([7, 2], b"abcdefgh", format="bgra8", width=3, height=3))
    assert packed.blob(0).data == b"abcd" * 7 + b"efgh" * 2


@pytest.mark.parametrize(
    "lie",
    [
        runs([3, 2], b"\1\2"),
        runs([3], b"\1"),
        runs([4, 0], b"\1\2"),
        runs([4], b"\1\2"),
        runs([], b""),
        runs([2**32 - 1, 5], b"\1\2"),
    ],
)
def test_runs_that_dont_make_the_picture_are_refused(lie: bytes) -> None:
    with pytest.raises(BundleError, match="runs don't fit"):
        bundle.decode(lie).blob(0)


def test_bombs_stop_at_the_declared_size() -> None:
    bomb = zlib.compress(bytes(200 << 20), 1)
    packed = bundle.decode(by_hand({"blobs": [entry(encoding="deflate", bytes=len(bomb))]}, bomb))
    with pytest.raises(BundleError, match="fit its size"):
        packed.blob(0)


@given(st.binary(max_size=200))
def test_garbage_never_does_more_than_fail(garbage: bytes) -> None:
    for data in (garbage, b"CLZ1" + garbage):
        try:
            bundle.decode(data)
        except BundleError:
            continue


@pytest.mark.parametrize("index", [-1, 1, True, "0", None])
def test_unknown_blobs_are_refused(index: object) -> None:
    decoded = bundle.decode(b"".join(bundle.encode({}, [Blob(Format.GRAY8, 1, 1, b"x")])))
    with pytest.raises(BundleError, match="no blob"):
        decoded.blob(index)  # type: ignore[arg-type]

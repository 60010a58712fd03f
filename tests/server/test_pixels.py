"""From blobs to pictures and back."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from colorizer.server import pixels
from colorizer.server.bundle import Blob, BlobInfo, InvalidBundle
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

PICTURES = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(4)))
MASKS = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)))
FLATS = PICTURES | MASKS


@given(FLATS)
def test_round_trip(picture: np.ndarray) -> None:
    info, data = pixels.encode(picture)
    assert np.array_equal(pixels.decode(Blob(info, memoryview(data))), picture)


def test_order_is_blue_first() -> None:
    _, data = pixels.encode(np.array([[[1, 2, 3, 4]]], np.uint8))
    assert bytes(data) == b"\x03\x02\x01\x04"


def test_large_regular_pictures_are_deflated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "_LARGE_BYTES", 1000)
    stripes = np.tile(np.arange(100, dtype=np.uint8)[:, None], (100, 1, 4))
    info, data = pixels.encode(stripes)
    assert info.encoding == "deflate"
    assert info.bytes == len(data) < 2000
    assert np.array_equal(pixels.decode(Blob(info, memoryview(data))), stripes)


@given(FLATS, st.integers(1, 40))
def test_flat_round_trip(small: np.ndarray, scale: int) -> None:
    flat = small.repeat(scale, axis=0).repeat(scale, axis=1)
    info, data = pixels.encode(flat)
    assert info.encoding == "raw" or info.bytes == len(data) < flat.nbytes / 10
    assert np.array_equal(pixels.decode(Blob(info, memoryview(data))), flat)


def test_flat_pictures_and_masks_are_deflated() -> None:
    picture = np.full((100, 100, 4), (1, 2, 3, 4), np.uint8)
    picture[50:] = 9
    for flat in (picture, picture[..., 0]):
        info, data = pixels.encode(flat)
        assert (info.encoding, len(data) < 300) == ("deflate", True)


def test_noise_is_not_deflated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "_LARGE_BYTES", 1000)
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 4), np.uint8)
    assert pixels.encode(noise)[0].encoding == "raw"
    monkeypatch.undo()
    assert pixels.encode(noise)[0].encoding == "raw"


def test_deflated_blob_must_fit() -> None:
    data = zlib.compress(bytes(17))
    info = BlobInfo(format="bgra8", width=2, height=2, encoding="deflate", bytes=len(data))
    with pytest.raises(InvalidBundle):
        pixels.decode(Blob(info, memoryview(data)))


@pytest.mark.parametrize(
    ("pixel", "expected"), [((255, 255, 255, 255), 255), ((0, 0, 0, 255), 0), ((0, 0, 0, 99), 99)]
)
def test_pictures_as_masks(pixel: tuple[int, ...], expected: int) -> None:
    assert pixels.as_mask(np.full((2, 2, 4), pixel, np.uint8)).tolist() == [[expected] * 2] * 2


@given(MASKS, st.integers(-12, 12), st.integers(-12, 12), st.integers(1, 9), st.integers(1, 9))
def test_placing_keeps_every_pixel_where_it_is(
    mask: np.ndarray, x: int, y: int, width: int, height: int
) -> None:
    placed = pixels.place(mask, x, y, width, height)
    assert placed.shape == (height, width)
    for row in range(height):
        for column in range(width):
            inside = 0 <= row - y < mask.shape[0] and 0 <= column - x < mask.shape[1]
            assert placed[row, column] == (mask[row - y, column - x] if inside else 0)


def test_far_away_is_empty() -> None:
    assert not pixels.place(np.full((2, 2), 9, np.uint8), 2**31, -(2**31), 3, 3).any()


@pytest.mark.parametrize("size", [(1, 1), (1024, 3), (1, 5000), (3000, 2000)])
def test_previews_are_small_pngs(size: tuple[int, int]) -> None:
    data = pixels.encode_preview(np.zeros((*size, 4), np.uint8))
    width, height = np.frombuffer(data, ">u4", 2, 16)
    assert data[:4] == b"\x89PNG"
    assert 1 <= max(width, height) <= 1024

"""What lies outside of a selection isn't coloured."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from krita_colorize.core.port import KEY_STROKES, NewGroup, NewLayer, Pixels
from krita_colorize.core.selection import limited, limited_group


def picture(seed: int, width: int, height: int, x: int = 0, y: int = 0, *, hard: bool = False) -> Pixels:
    data = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    if hard:
        data[..., 3] = np.where(data[..., 3] > 127, 255, 0)
    return Pixels(width, height, data.tobytes(), x, y)


def selection(seed: int, width: int, height: int, *, hard: bool) -> Pixels:
    data = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    return Pixels(width, height, (np.where(data > 127, 255, 0).astype(np.uint8) if hard else data).tobytes())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9), st.booleans(), st.booleans(), st.integers(-3, 9), st.integers(-3, 9))
def test_alpha_is_multiplied_with_the_selection(seed, hard, hard_alpha, x, y):
    pixels, chosen = picture(seed, 7, 5, x, y, hard=hard_alpha), selection(seed, 12, 9, hard=hard)
    found = np.frombuffer(bytes(limited(pixels, chosen).data), np.uint8).reshape(5, 7, 4)
    old = np.frombuffer(pixels.data, np.uint8).reshape(5, 7, 4)
    whole = np.zeros((40, 40), int)
    whole[10:19, 10:22] = np.frombuffer(chosen.data, np.uint8).reshape(9, 12)
    here = whole[10 + y : 15 + y, 10 + x : 17 + x]
    assert (found[..., :3] == old[..., :3]).all()
    assert (found[..., 3] == (old[..., 3].astype(int) * here + 127) // 255).all()


def test_a_group_is_limited_by_all_selections():
    layers = (
        NewLayer("Flats", picture(1, 4, 4, hard=True)),
        NewLayer("Keys", picture(2, 4, 4), role=KEY_STROKES),
    )
    left = Pixels(4, 4, bytes([255, 255, 0, 0] * 4))
    top = Pixels(4, 4, bytes([255] * 8 + [0] * 8))
    (layer,) = limited_group(NewGroup("g", layers), (left, None, top)).layers
    alpha = np.frombuffer(bytes(layer.pixels.data), np.uint8).reshape(4, 4, 4)[..., 3]
    assert not alpha[2:].any()
    assert not alpha[:, 2:].any()
    assert limited_group(NewGroup("g", layers), (None, None)).layers == layers

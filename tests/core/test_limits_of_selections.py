"""What lies outside of a selection isn't coloured and isn't repaired."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from krita_colorize.core.port import KEY_STROKES, NewGroup, NewLayer, Pixels
from krita_colorize.core.selection import inside, limited, limited_group


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


def test_repairs_stay_inside():
    new, old = picture(3, 3, 3, 1, 1), picture(4, 6, 6)
    chosen = Pixels(6, 6, bytes([255 if x < 3 else 100 for _ in range(6) for x in range(6)]))
    found = np.frombuffer(inside(chosen, new, old).data, np.uint8).reshape(3, 3, 4)
    fresh, former = (np.frombuffer(p.data, np.uint8).reshape(p.height, p.width, 4) for p in (new, old))
    assert (found[:, :2] == fresh[:, :2]).all()
    assert (found[:, 2] == former[1:4, 3]).all()
    nothing = inside(chosen, new, Pixels(0, 0, b""))
    assert not any(np.frombuffer(nothing.data, np.uint8).reshape(3, 3, 4)[:, 2].ravel())

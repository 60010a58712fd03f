"""Palette edits are exact, happen at once, and touch nothing else."""

from __future__ import annotations

import numpy as np
from colorizer.imaging.recolour import recolour, recolour_layers, recolour_report
from colorizer.imaging.values import Layer, Role, Swap
from drawn import BLUE, GREEN, RED, blank
from hypothesis import given
from hypothesis import strategies as st


def name(colour: tuple[int, int, int]) -> str:
    return "#" + bytes(colour).hex()


def test_colours_change_places() -> None:
    picture = np.concatenate([blank(2, 1, RED), blank(3, 1, GREEN), blank(1, 1, BLUE)], axis=1)
    made, changed = recolour(picture, [Swap(name(RED), name(GREEN)), Swap(name(GREEN), name(RED))])
    assert [tuple(pixel) for pixel in made[0, :, :3].tolist()] == [GREEN] * 2 + [RED] * 3 + [BLUE]
    assert changed == 5


@given(st.integers(0, 2**32 - 1))
def test_only_that_colour_changes(seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 3, (7, 9, 4)).astype(np.uint8)
    made, changed = recolour(picture, [Swap("#010101", "#020304")])
    was = (picture[..., :3] == 1).all(axis=2) & (picture[..., 3] > 0)
    assert (made[~was] == picture[~was]).all()
    assert (made[was][:, :3] == (2, 3, 4)).all()
    assert (made[..., 3] == picture[..., 3]).all()
    assert changed == was.sum()


def test_shading_stays() -> None:
    layers = [Layer(role.value, role, blank(2, 2, RED)) for role in (Role.FOREGROUND, Role.SHADING)]
    flats, shading = recolour_layers(layers, [Swap(name(RED), name(BLUE))])
    assert tuple(flats.pixels[0, 0, :3]) == BLUE
    assert tuple(shading.pixels[0, 0, :3]) == RED


def test_palette_follows() -> None:
    report = {"palette": ["#000001", "#000002", "#000003"], "regions": 4}
    made = recolour_report(report, [Swap("#000001", "#000003")])
    assert made == {"palette": ["#000003", "#000002"], "regions": 4}

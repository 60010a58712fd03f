"""Pictures of a family as squares of pixels: exact colours, the figure nearly filling the square."""

import numpy as np
import pytest
from colorizer_lab.data.art.families import Family
from colorizer_lab.data.art.pictures import Source, _fits, rasterise

ICONS = Family("icons", "icons", "mixed", "train", "iconify", 10)
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32">'
    '<circle cx="8" cy="8" r="6" fill="#f02010"/><rect x="8" y="8" width="6" height="6" fill="#1030c0"/></svg>'
)


def test_a_vector_picture_has_the_artists_colours_and_no_others():
    picture = rasterise(Source("one", "one", svg=SVG), ICONS, 128)
    colours = np.unique(picture[picture[..., 3] > 0], axis=0)
    assert {tuple(colour) for colour in colours.tolist()} == {(240, 32, 16, 255), (16, 48, 192, 255)}


@pytest.mark.parametrize("size", [64, 200])
def test_the_figure_nearly_fills_the_square(size):
    picture = rasterise(Source("one", "one", svg=SVG), ICONS, size)
    assert picture.shape == (size, size, 4)
    rows = np.flatnonzero((picture[..., 3] > 127).any(1))
    assert 0.85 * size < rows[-1] - rows[0] + 1 < 0.95 * size


def test_what_cannot_be_drawn_is_none():
    assert rasterise(Source("none", "none", svg="<svg"), ICONS, 64) is None


@pytest.mark.parametrize(
    ("path", "pattern", "fits"),
    [
        ("a/Poses/one.png", "Poses/*.png", True),
        ("Poses/one.png", "Poses/*.png", True),
        ("a/Limbs/one.png", "Poses/*.png", False),
        ("x/Enemies/bee.png", "(Players|Enemies)/*.png", True),
        ("x/Items/coin.png", "(Players|Enemies)/*.png", False),
    ],
)
def test_patterns_have_alternatives(path, pattern, fits):
    assert _fits(path, pattern) is fits

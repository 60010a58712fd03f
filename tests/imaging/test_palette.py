"""A palette holds colours that really occur, small distinct ones too, and nothing of outlines or what alpha hides."""

from __future__ import annotations

import numpy as np
from colorizer.imaging import color
from colorizer.imaging.palette import find_palette
from drawn import BLUE, GREEN, RED, YELLOW, blank, box_reference
from hypothesis import given, settings
from hypothesis import strategies as st


def colours(palette: object) -> set[tuple[int, ...]]:
    return {tuple(row) for row in palette.colours.tolist()}  # type: ignore[attr-defined]


@given(seed=st.integers(0, 100_000), kinds=st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_members_occur(seed: int, kinds: int) -> None:
    rng = np.random.default_rng(seed)
    picture = blank(64, 48)
    for _ in range(kinds):
        x, y, size = (int(value) for value in rng.integers(0, 40, 3))
        picture[y : y + size, x : x + size, :3] = rng.integers(0, 256, 3)
    if seed % 2:
        picture[..., :3] = np.clip(picture[..., :3] + rng.normal(0, 9, (48, 64, 3)), 0, 255)
    palette = find_palette(picture)
    assert len(palette)
    assert np.isin(color.pack(palette.colours), color.pack(picture)).all()
    assert palette.share.sum() > 0.999


def test_flat_colours_found_without_outlines() -> None:
    assert colours(find_palette(box_reference())) == {RED, GREEN, BLUE}


def test_motley_picture_has_a_palette_of_bounded_size() -> None:
    cube = np.stack(np.meshgrid(*[np.linspace(0, 255, 5)] * 3), -1).reshape(5, 25, 3).astype(np.uint8)
    picture = blank(250, 50)
    picture[..., :3] = cube.repeat(10, 0).repeat(10, 1)
    assert len(find_palette(picture)) == 64


def test_small_eye_kept() -> None:
    picture = blank(400, 400, RED)
    picture[100:106, 100:106, :3] = YELLOW
    assert YELLOW in colours(find_palette(picture))


def test_hidden_colours_stay_out() -> None:
    picture = blank(64, 64, RED)
    picture[:32] = (255, 0, 255, 0)
    assert colours(find_palette(picture)) == {RED}


def test_only_inside() -> None:
    inside = np.zeros((128, 128), bool)
    inside[34:94, 34:60] = True
    assert colours(find_palette(box_reference(), inside)) == {RED}


def test_nothing_visible_gives_nothing() -> None:
    assert len(find_palette(np.zeros((16, 16, 4), np.uint8))) == 0


def test_shades_of_one_paint_become_one() -> None:
    picture = blank(100, 100, RED)
    picture[:30, :, :3] = (203, 32, 41)
    assert colours(find_palette(picture)) == {RED}


def test_nearest_by_eye() -> None:
    palette = find_palette(box_reference())
    wanted = np.array([(190, 40, 50), (60, 80, 210)], np.uint8)
    assert palette.colours[palette.nearest(wanted)].tolist() == [list(RED), list(BLUE)]


def test_hex_names() -> None:
    assert color.as_hex(np.array([[1, 2, 255]], np.uint8)) == ["#0102ff"]
    assert color.unpack(color.pack(np.array([[7, 8, 9]], np.uint8))).tolist() == [[7, 8, 9]]

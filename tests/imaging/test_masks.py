"""Masks come from brightness or alpha, fit any size, and an unpainted one counts as none."""

from __future__ import annotations

import numpy as np
from colorizer.imaging.masks import fit_mask, mask_from_picture, usable_mask
from drawn import blank, box_mask


def test_opaque_picture_counts_by_brightness() -> None:
    picture = blank(4, 4, (0, 0, 0))
    picture[:2, :, :3] = 255
    assert mask_from_picture(picture)[:, 0].tolist() == [255, 255, 0, 0]


def test_layer_counts_by_alpha() -> None:
    picture = np.zeros((4, 4, 4), np.uint8)
    picture[0] = (0, 0, 0, 255)
    picture[1] = (255, 255, 255, 90)
    assert mask_from_picture(picture)[:, 0].tolist() == [255, 90, 0, 0]


def test_other_size_stretched() -> None:
    fitted = fit_mask(box_mask(64), 200, 100)
    assert fitted.shape == (100, 200)
    assert abs((fitted > 127).mean() - (box_mask(64) > 127).mean()) < 0.02


def test_unpainted_mask_is_none() -> None:
    assert usable_mask(np.zeros((8, 8), np.uint8), 8, 8) is None
    assert usable_mask(None, 8, 8) is None
    white = usable_mask(np.full((4, 4), 255, np.uint8), 8, 8)
    assert white is not None
    assert white.shape == (8, 8)


def test_faint_strokes_are_no_mask() -> None:
    assert usable_mask(np.full((8, 8), 127, np.uint8), 8, 8) is None


def test_shrunk_mask_keeps_its_share() -> None:
    stripes = np.tile(np.uint8([255, 0, 0, 0]), (64, 16))
    assert (fit_mask(stripes, 16, 16) == 64).all()

"""Drawn animations: the same every time, moving, with exact truth."""

from __future__ import annotations

import numpy as np
from colorizer_lab.data.sequences import sequence


def test_same_seed_same_frames() -> None:
    first, second = sequence(3, frames=3, size=96), sequence(3, frames=3, size=96)
    assert all((a == b).all() for a, b in zip(first.sketches, second.sketches, strict=True))
    assert (first.references[1] == second.references[1]).all()


def test_frames_move_and_keep_their_colours() -> None:
    drawn = sequence(5, frames=4, size=128)
    assert (drawn.sketches[0] != drawn.sketches[2]).any()
    colours = [{tuple(c) for c in np.unique(truth.reshape(-1, 3), axis=0)} for truth in drawn.truths]
    assert len(set.intersection(*colours)) >= 3
    assert all(0 < mask.mean() < 255 for mask in drawn.masks)

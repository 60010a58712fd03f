"""Triplets of real art: labels agree with pictures, the same seed is the same triplet."""

import random
from dataclasses import fields

import numpy as np
import pytest
from colorizer_lab.data.art.pairs import Habits, coverage, pair_of
from colorizer_lab.data.palette import BACKGROUND_PARTS

from tests.data.drawn_art import fills

STILL = Habits(relit=0, beside=0, beside_sketch=0, backdrop=0, cut=0, joined=1, habit=False)
SIZE = 96


def pair(seed, second=None, habits=STILL, **how):
    return pair_of(fills(**how), second, fills(moved=9), random.Random(seed), SIZE, habits, painted=False)


@pytest.mark.parametrize("seed", range(6))
def test_the_picture_itself_as_reference_has_the_same_labels(seed):
    made = pair(seed).triplet()
    assert set(np.unique(made.reference_parts)) <= {0, *np.unique(made.parts)}
    assert ((made.parts >= BACKGROUND_PARTS) | (made.parts == 0)).all()


@pytest.mark.parametrize("seed", range(6))
def test_the_reference_shows_each_labels_colour(seed):
    made = pair(seed).triplet()
    truth = made.palette[made.reference_parts] * 255
    figure = made.reference_parts > 0
    assert np.median(np.abs(truth - made.reference).max(-1)[figure]) <= 2


def test_another_pose_is_right_by_colour_alone():
    made = pair(1, fills(moved=5))
    assert made.cross
    ours, theirs = (set(np.unique(laid.labels)) - {0} for laid in (made.here, made.there))
    assert not ours & theirs
    assert {tuple(made.palette[one]) for one in ours} == {tuple(made.palette[one]) for one in theirs}


def test_a_picture_of_other_colours_is_no_reference():
    odd = fills(moved=5)
    odd.palette[1:] = 255 - odd.palette[1:]
    assert coverage(fills(), odd) == 0
    assert not pair(1, odd).cross


@pytest.mark.parametrize("outlined", [False, True])
def test_there_is_ink_along_the_borders(outlined):
    made = pair(3, outlined=outlined)
    labels = made.here.labels
    border = np.zeros(labels.shape, bool)
    border[:, 1:] = labels[:, 1:] != labels[:, :-1]
    paper = np.median(made.lines[labels == 0])
    assert made.lines[border].mean() < 0.85 * paper


def test_things_beside_are_figure_with_labels_of_their_own():
    plain, beside = (pair(2, habits=habits).there for habits in (STILL, Habits(0, 1, 0, 0, 0, 1, 0)))
    assert set(np.unique(beside.labels)) > set(np.unique(plain.labels))


def test_same_seed_same_triplet():
    one, other = (pair(4, habits=Habits()).triplet() for _ in range(2))
    for field in fields(one):
        assert np.array_equal(getattr(one, field.name), getattr(other, field.name)), field.name

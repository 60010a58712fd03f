"""Shapes without meaning: the same for the same seed, exact labels, and shapes that are found again."""

import numpy as np
import pytest
from colorizer_lab.data.abstract import LABELS, abstract_triplet
from colorizer_lab.data.palette import BACKGROUND_PARTS
from hypothesis import given, settings
from hypothesis import strategies as st

SIZE = 64
seeds = st.integers(0, 2**40)


@pytest.fixture(scope="module")
def drawn():
    return [abstract_triplet(seed, SIZE) for seed in range(120)]


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_same_seed_same_triplet(seed):
    first, second = abstract_triplet(seed, SIZE), abstract_triplet(seed, SIZE)
    for name, value in vars(first).items():
        assert np.array_equal(value, getattr(second, name)), name


@settings(max_examples=25, deadline=None)
@given(seed=seeds, size=st.sampled_from([16, 64, 129]))
def test_shapes_and_types_fit(seed, size):
    made = abstract_triplet(seed, size)
    for grid in (made.sketch, made.parts, made.instances, made.reference_parts):
        assert grid.shape == (size, size)
        assert grid.dtype == np.uint8
    assert made.reference.shape == (size, size, 3)
    assert made.palette.shape == (LABELS, 3)
    assert max(made.parts.max(), made.reference_parts.max()) < LABELS


def test_same_seed_is_the_same_scene_at_every_size():
    small, large = (abstract_triplet(5, size).parts for size in (64, 256))
    assert (small == large[2::4, 2::4]).mean() > 0.97


def test_most_of_a_sketch_is_in_its_reference(drawn):
    """What is missing or has left the frame teaches "not in the reference", but it is the exception."""
    found = [np.isin(one.parts, one.reference_parts)[one.foreground].mean() for one in drawn]
    assert np.mean(found) > 0.85
    assert min(found) < 1


def test_every_drawing_has_foreground_and_background(drawn):
    shares = np.array([one.foreground.mean() for one in drawn])
    assert (shares > 0.02).all()
    assert 0.1 < shares.mean() < 0.7
    kinds = np.unique(np.concatenate([one.parts.ravel() for one in drawn]))
    assert set(range(BACKGROUND_PARTS)) <= set(kinds.tolist())


def test_references_are_as_the_sketch_moved_and_worse(drawn):
    """Some lie where the sketch does, others nowhere near: neither place nor shape may become the only answer."""
    same = np.array([(one.parts == one.reference_parts)[one.foreground].mean() for one in drawn])
    assert np.quantile(same, 0.9) > 0.8
    assert np.quantile(same, 0.1) < 0.3

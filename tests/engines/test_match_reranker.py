"""The reranker compares distinct colours, knows which lie side by side, and changes nothing before it is trained."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from colorizer.engines.match import readout
from colorizer.engines.match.reranker import (
    CANDIDATES,
    FEATURES,
    Clues,
    Reranker,
    borders,
    corrections,
    find_candidates,
)
from colorizer.imaging.color import Colours
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from skimage.color import deltaE_ciede2000, rgb2lab

RED, GREEN, BLUE, WHITE = (210, 40, 40), (40, 160, 60), (40, 60, 200), (255, 255, 255)


def clues(palette: Colours, regions: int, seed: int = 0) -> Clues:
    """Random clues."""
    rng = np.random.default_rng(seed)
    lab = rgb2lab(palette[None] / 255)[0]
    size = len(palette)

    def table(high: float = 1) -> np.ndarray:
        return rng.uniform(0, high, (regions, size)).astype(np.float32)

    borders_in_sketch = rng.integers(0, 9, (regions, regions)) * (1 - np.eye(regions))
    borders_in_reference = rng.integers(0, 9, (size, size))
    return Clues(
        votes=table(),
        network=table(),
        whole=table(),
        figures=table(),
        close_ups=table(),
        shown=rng.uniform(0, 2, regions).astype(np.float32),
        place=-table(3),
        there=table(),
        likeness=rng.uniform(-1, 1, regions),
        outlines=table(),
        apart=deltaE_ciede2000(lab[:, None], lab[None]),
        alike=readout.agreement(palette).numpy(),
        lab=lab,
        from_white=deltaE_ciede2000(lab, np.array([[100.0, 0, 0]])),
        shares=rng.dirichlet(np.ones(size)).astype(np.float32),
        sizes=rng.dirichlet(np.ones(regions)).astype(np.float32),
        on_side=rng.random(regions) > 0.2,
        neighbours=csr_matrix(borders_in_sketch.astype(np.float32)),
        adjacent=(borders_in_reference + borders_in_reference.T).astype(np.float32),
    )


def palettes(most: int = 30) -> st.SearchStrategy[Colours]:
    colour = st.tuples(*[st.integers(0, 255)] * 3)
    return st.lists(colour, min_size=2, max_size=most, unique=True).map(
        lambda found: np.array(found, np.uint8)
    )


@given(palette=palettes(), regions=st.integers(1, 12), seed=st.integers(0, 99))
def test_candidates_are_distinct_and_ordered_by_their_votes(
    palette: Colours, regions: int, seed: int
) -> None:
    given_clues = clues(palette, regions, seed)
    found = find_candidates(given_clues)
    assert found.features.shape == (regions, CANDIDATES, FEATURES)
    assert np.isfinite(found.features).all()
    assert (found.colours[:, 0] == given_clues.votes.argmax(axis=1)).all()
    for colours, valid, votes in zip(found.colours, found.valid, given_clues.votes, strict=True):
        chosen = colours[valid]
        assert (np.diff(votes[chosen]) <= 0).all()
        assert (given_clues.apart[np.ix_(chosen, chosen)] + 99 * np.eye(len(chosen)) > 6).all()


@given(palette=palettes(), seed=st.integers(0, 99))
def test_nothing_is_corrected_before_training(palette: Colours, seed: int) -> None:
    given_clues = clues(palette, 5, seed)
    assert not corrections(Reranker(), given_clues, find_candidates(given_clues)).any()


def test_like_colours_are_corrected_together_and_all_others_like_the_last_candidate() -> None:
    reds = [(200 + step, 40, 40) for step in range(4)]
    others = [(20 * step, 255 - 20 * step, 40 * step % 256) for step in range(13)]
    palette = np.array(reds + others, np.uint8)
    given_clues = clues(palette, 3)
    torch.manual_seed(0)
    reranker = Reranker()
    torch.nn.init.normal_(reranker.out.weight)
    found = find_candidates(given_clues)
    corrected = corrections(reranker, given_clues, found).numpy()
    scores = reranker(torch.from_numpy(found.features), torch.from_numpy(found.valid)).detach().numpy()
    assert corrected[:, :4] == pytest.approx(corrected[:, :1].repeat(4, axis=1))
    scores /= 1 + (given_clues.sizes[:, None] / 0.02) ** 2  # large regions are hardly corrected
    for row, colours, valid, score in zip(corrected, found.colours, found.valid, scores, strict=True):
        assert row[colours[valid]] == pytest.approx(score[valid])
        assert (row >= score[valid].min() - 1e-6).all()


def test_colour_that_lies_beside_the_neighbours_colour_in_the_reference_stands_out() -> None:
    palette = np.array([RED, GREEN, BLUE, WHITE], np.uint8)
    given_clues = clues(palette, 2)
    given_clues.votes[:] = [[0.25, 0.25, 0.25, 0.25], [0, 0, 0.97, 0.03]]
    given_clues.on_side[:] = True
    given_clues.neighbours[0, 1] = given_clues.neighbours[1, 0] = 5
    given_clues.adjacent[:] = 0
    given_clues.adjacent[1, 2] = given_clues.adjacent[2, 1] = 40  # green beside blue
    given_clues.adjacent[0, 3] = given_clues.adjacent[3, 0] = 40
    found = find_candidates(given_clues)
    beside = dict(zip(found.colours[0].tolist(), found.features[0, :, -3].tolist(), strict=True))
    assert beside[1] > beside[0] + 1
    assert beside[1] > beside[3] + 1


def test_borders_are_counted_across_lines_and_outside_is_nobodys_neighbour() -> None:
    labels = np.full((120, 120), -1, np.intp)
    labels[20:100, 20:60], labels[20:100, 60:100] = 0, 1
    labels[45:55, 30:40] = 2
    found = borders(labels, 4).toarray()
    assert (found == found.T).all()
    assert found[0, 1] == 80
    assert found[0, 2] == 40
    assert not found[1, 2]
    assert not found[3].any()


def test_clues_go_to_the_device_of_the_reranker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for a GPU: the device without memory, from which nothing can be read."""
    given_clues = clues(np.array([RED, GREEN, BLUE, WHITE], np.uint8), 2)
    candidates = find_candidates(given_clues)
    read = np.zeros(candidates.valid.shape, np.float32)
    monkeypatch.setattr(torch.Tensor, "cpu", lambda one: torch.from_numpy(read) if one.is_meta else one)
    assert not corrections(Reranker().to("meta"), given_clues, candidates).any()

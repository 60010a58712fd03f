"""Reranks the colours with most votes in each region by all evidence together.

The votes add up the views of the network, the same place and the same outline with fixed weights (`readout`). A small
multilayer perceptron, trained on real art (`colorizer_lab.training.match_reranker`), corrects the result. It sees where
the kinds of evidence disagree, the sizes of the region and of the colour's areas, and whether the colours lie side by
side in the reference as they would in the sketch. Its correction is one more kind of evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, diags
from torch import Tensor, nn

CANDIDATES = 12
"""Largest number of a region's colours that are reranked, C."""
_DISTINCT = 6.0
"""Least CIEDE2000 between two candidates."""
_BORDER = 0.009
"""Distance across a line at which adjacent areas are looked for, as a fraction of the longer side."""
_SURE = 0.6
"""Share of a region's votes from which its colour is certain enough to say something about its neighbours."""
_LARGE = 0.02
"""Area of a region, as a fraction of the figure's, from which it is corrected by less than half: the evidence for large
regions is rarely wrong."""
_RARE = 0.02
"""Added to the frequencies of adjacent colours before their ratio is computed."""

Plane = NDArray[np.float32]
Labels = NDArray[np.intp]
"""(H, W): the region, or the index of the palette's colour, at each pixel; -1 is none."""


@dataclass(frozen=True)
class Clues:
    """What is known about n regions and P colours of a palette, for one side of the references."""

    votes: Plane
    """(n, P), 0..1: all evidence together."""
    network: Plane
    """(n, P): the network's votes from all views together."""
    whole: Plane
    """(n, P): its votes from the whole pictures."""
    figures: Plane
    """(n, P): its votes from the figures; those from the whole pictures if there is no such view."""
    close_ups: Plane
    """(n, P): its votes from close-ups; those from the figures for regions that no close-up shows."""
    shown: Plane
    """(n,), 0..2: the number of close-ups of the region."""
    place: Plane
    """(n, P): the logarithm of the evidence of the same place."""
    there: Plane
    """(n, P), 0..1: the share of each colour at the same place of the reference."""
    likeness: NDArray[np.float64]
    """(n,), -1..1: the likeness of the poses."""
    outlines: Plane
    """(n, P): the probability that the region's outline is found again in that colour."""
    apart: NDArray[np.float64]
    """(P, P): CIEDE2000 between the palette's colours."""
    alike: Plane
    """(P, P): `readout.agreement`."""
    lab: NDArray[np.float64]
    """(P, 3): the palette in CIELAB."""
    from_white: NDArray[np.float64]
    """(P,): CIEDE2000 from white."""
    shares: Plane
    """(P,): the fraction of the references' side that each colour fills."""
    sizes: Plane
    """(n,): each region's area as a fraction of the figure's."""
    on_side: NDArray[np.bool_]
    """(n,): whether the region is on the same side of the sketch."""
    neighbours: csr_matrix
    """(n, n): the length of the border of two regions."""
    adjacent: Plane
    """(P, P): the length of the border of two colours in the references."""


@dataclass(frozen=True)
class Candidates:
    """The colours of each region that are reranked."""

    colours: NDArray[np.intp]
    """(n, C): indices in the palette, the one with most votes first."""
    valid: NDArray[np.bool_]
    """(n, C): whether there is such a candidate."""
    features: Plane
    """(n, C, F), see `features`; 0 where there is no candidate."""


FEATURES = 23
"""Number of a candidate's features, F."""


class Reranker(nn.Module):
    """The perceptron. Before it is trained, its corrections are 0."""

    def __init__(self, hidden: int = 48) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("deviation", torch.ones(FEATURES))
        self.first = nn.Linear(3 * FEATURES, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, features: Tensor, valid: Tensor, dropout: float = 0.0, hide: float = 0.0) -> Tensor:
        """The corrections of all candidates.

        Args:
            features: (n, C, F).
            valid: (n, C).
            dropout: for training, the probability that a hidden unit is dropped.
            hide: for training, the probability that a feature is hidden from all candidates.

        Returns:
            (n, C): the logarithm of the factor for each candidate's votes; 0 where there is no candidate.
        """
        mean, deviation = self.get_buffer("mean"), self.get_buffer("deviation")
        scaled = ((features - mean) / deviation).clamp(-4, 4)
        if hide:
            scaled = scaled * (torch.rand(FEATURES, device=scaled.device) > hide)
        shown = valid[..., None].to(scaled.dtype)
        usual = (scaled * shown).sum(1, keepdim=True) / shown.sum(1, keepdim=True).clamp_min(1)
        seen = torch.cat([scaled, scaled - scaled[:, :1], usual.expand_as(scaled)], -1)
        hidden = nn.functional.gelu(self.first(seen))
        hidden = nn.functional.gelu(self.second(nn.functional.dropout(hidden, dropout, self.training)))
        correction: Tensor = self.out(hidden)[..., 0] * valid
        return correction


def find_candidates(clues: Clues) -> Candidates:
    """Finds the candidates of every region and their features."""
    colours, valid = _most_voted(clues.votes, clues.apart)
    return Candidates(colours, valid, _features(clues, colours, valid))


def corrections(reranker: Reranker, clues: Clues, candidates: Candidates) -> Tensor:
    """(n, P): the logarithm of the factor for the votes of each colour.

    A colour that is no candidate has the correction of the candidate that looks like it, or else the smallest one.
    """
    with torch.inference_mode():
        device = reranker.out.weight.device
        features, valid = torch.from_numpy(candidates.features), torch.from_numpy(candidates.valid)
        found = reranker(features.to(device), valid.to(device)).cpu().numpy()
    found /= 1 + (clues.sizes[:, None] / _LARGE) ** 2
    spread = np.repeat(
        np.where(candidates.valid, found, np.inf).min(axis=1)[:, None], len(clues.apart), axis=1
    )
    nearest = np.full(spread.shape, _DISTINCT)
    rows = np.arange(len(found))
    for number in range(found.shape[1]):
        chosen = clues.apart[candidates.colours[:, number]]
        closer = (chosen < nearest) & candidates.valid[:, number, None]
        spread = np.where(closer, found[rows, number, None], spread)
        nearest = np.where(closer, chosen, nearest)
    return torch.from_numpy(spread.astype(np.float32))


def borders(labels: Labels, count: int) -> csr_matrix:
    """(count, count): how many pairs of pixels on both sides of a line have these two labels."""
    step = max(1, round(_BORDER * max(labels.shape)))
    pairs = []
    for one, other in ((labels[:, :-step], labels[:, step:]), (labels[:-step], labels[step:])):
        here = (one != other) & (one >= 0) & (other >= 0)
        pairs.append(np.stack([one[here], other[here]]))
    first, second = np.concatenate(pairs, axis=1)
    ones = np.ones(len(first), np.float32)
    found = coo_matrix((ones, (first, second)), shape=(count, count)).tocsr()
    return found + found.T


def _most_voted(votes: Plane, apart: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """(n, C) each: the distinct colours with most votes, and whether there are so many."""
    left = votes.copy()
    rows = np.arange(len(votes))
    colours, valid = np.zeros((len(votes), CANDIDATES), np.intp), np.zeros((len(votes), CANDIDATES), bool)
    for place in range(CANDIDATES):
        best = left.argmax(axis=1)
        valid[:, place] = left[rows, best] >= 0
        colours[:, place] = np.where(valid[:, place], best, colours[:, 0])
        left[apart[best] <= _DISTINCT] = -1
    return colours, valid


def _features(clues: Clues, colours: NDArray[np.intp], valid: NDArray[np.bool_]) -> Plane:
    """(n, C, F): the features of each candidate."""
    rows = np.arange(len(colours))[:, None]

    def of_each(values: Plane, least: float) -> Plane:
        """(n, C): the logarithm of each candidate's values (n, P)."""
        return np.asarray(np.log(values[rows, colours].clip(0) + least), np.float32)

    votes = np.where(valid, clues.votes[rows, colours], 0)
    votes = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1e-9)
    place = clues.place - clues.place.max(axis=1, keepdims=True)
    there = of_each(clues.there @ clues.alike, 0.03)
    share = np.log((clues.shares @ clues.alike)[colours] + 1e-4)
    size = np.log(clues.sizes + 1e-5)[:, None]
    lab = clues.lab[colours]
    planes = [
        np.log(votes + 1e-3),
        of_each(clues.network / np.maximum(clues.network.max(axis=1, keepdims=True), 1e-6), 0.01),
        of_each(clues.whole, 0.01),
        of_each(clues.figures, 0.01),
        of_each(clues.close_ups, 0.01),
        clues.shown[:, None],
        place[rows, colours],
        of_each(clues.outlines @ clues.alike, 0.03),
        there,
        clues.likeness[:, None],
        clues.likeness[:, None] * there,
        share,
        size,
        share - size,
        np.minimum(share - size, 0),
        lab[..., 0] / 100,
        np.hypot(lab[..., 1], lab[..., 2]) / 60,
        clues.from_white[colours] < _DISTINCT,
        clues.apart[colours[:, :1], colours] / 50,
        1 / (1 + np.arange(colours.shape[1]))[None],
        *(plane[rows, colours] for plane in _beside_neighbours(clues, colours, votes)),
    ]
    found = np.stack([np.broadcast_to(plane, colours.shape) for plane in planes], axis=-1).astype(np.float32)
    return np.where(valid[..., None], found, np.float32(0))


def _beside_neighbours(
    clues: Clues, colours: NDArray[np.intp], votes: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(n, P) each: how much likelier than by chance each colour lies beside those of all neighbours and of those whose
    colour is certain, as logarithms; and the share of neighbours with that colour.
    """
    count, size = len(colours), len(clues.apart)
    taken = np.zeros((count, size))
    np.add.at(taken, (np.arange(count)[:, None], colours), votes)
    taken *= clues.on_side[:, None]
    alike = clues.alike.astype(np.float64)
    beside = alike @ clues.adjacent @ alike
    total = beside.sum(axis=1)
    chance = total / max(total.sum(), 1e-9)
    lift = np.log((beside / np.maximum(total, 1e-9)[:, None] + _RARE) / (chance[None] + _RARE))
    near = clues.neighbours @ diags(clues.on_side.astype(np.float64))
    certain = near @ diags((votes.max(axis=1) > _SURE).astype(np.float64))
    every, sure = (_normalised(one) @ taken for one in (near, certain))
    return every @ lift.T, sure @ lift.T, every @ alike


def _normalised(weights: csr_matrix) -> csr_matrix:
    """Rows that sum to 1, or to 0 if they are empty."""
    total = np.asarray(weights.sum(axis=1)).ravel()
    return diags(1 / np.maximum(total, 1e-9)) @ weights

"""The reranker learns what its examples show, and nothing else of the network changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from colorizer import paths
from colorizer.engines.match.network import MatchNetwork
from colorizer.engines.match.reranker import CANDIDATES, FEATURES
from colorizer_lab.data.region_examples import Examples
from colorizer_lab.training import match_reranker
from colorizer_lab.training.match_reranker import fit


def examples(seed: int, regions: int = 300, tell: int = 7) -> Examples:
    """Regions whose right candidate the feature `tell` shows; the votes know nothing."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(regions, CANDIDATES, FEATURES)).astype(np.float32)
    features[..., 0] *= 0.1
    right = features[..., tell] == features[..., tell].max(axis=1, keepdims=True)
    return Examples(features, np.ones_like(right), right, rng.uniform(0, 1, regions).astype(np.float32))


def test_what_the_examples_show_is_learned() -> None:
    reranker = fit([examples(seed) for seed in range(8)])
    unseen = examples(99)
    with torch.no_grad():
        scores = reranker(torch.from_numpy(unseen.features), torch.from_numpy(unseen.valid)).numpy()
    chosen = (unseen.features[..., 0] + scores).argmax(axis=1)
    assert unseen.right[np.arange(len(chosen)), chosen].mean() > 0.8
    assert unseen.right[np.arange(len(chosen)), unseen.features[..., 0].argmax(axis=1)].mean() < 0.2


def test_same_examples_and_seed_give_the_same_weights() -> None:
    first, again, other = (fit([examples(0)], seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["first.weight"], other["first.weight"])


def test_regions_without_a_right_candidate_teach_nothing() -> None:
    told = examples(0)
    untold = Examples(told.features, told.valid, np.zeros_like(told.right), told.weight)
    first, again = fit([told]).state_dict(), fit([told, untold]).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_only_the_reranker_of_the_network_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, out = paths.resource("weights/match"), tmp_path / "trained"
    (tmp_path / "one.npz").write_bytes(examples(0).to_bytes())
    (tmp_path / "none.npz").touch()
    command = ["match_reranker", str(model), "--examples", str(tmp_path), "--out", str(out)]
    monkeypatch.setattr("sys.argv", command)
    match_reranker.main()
    before, after = (MatchNetwork.from_pretrained(folder).state_dict() for folder in (model, out))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith("reranker.") for name in changed)

"""Trains the reranker of a match network on stored examples (`colorizer_lab.evaluation.reranker_examples`).

The loss is the negative logarithm of the softmax over a region's candidates, summed over the right ones, weighted by
the root of the region's area.

    python -m colorizer_lab.training.match_reranker MODEL_FOLDER --examples FOLDER --out DIR

writes the network with the trained reranker to `DIR`.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np
import torch
from colorizer.engines.match.network import MatchNetwork
from colorizer.engines.match.reranker import Reranker

from colorizer_lab.data.region_examples import Examples

_EPOCHS, _BATCH, _RATE, _DECAY = 12, 256, 2e-3, 0.2
_DROPOUT, _HIDDEN_FEATURES = 0.3, 0.15
"""Probability that a hidden unit is dropped, and that a feature is hidden from a whole batch."""

_LOG = logging.getLogger(__name__)


def fit(found: list[Examples], seed: int = 0) -> Reranker:
    """Trains a reranker; the same examples and seed give the same weights."""
    features, valid, right, weight = (
        torch.from_numpy(np.concatenate([getattr(one, name) for one in found]))
        for name in ("features", "valid", "right", "weight")
    )
    useful = right.any(dim=1)
    features, valid, right, weight = features[useful], valid[useful], right[useful], weight[useful].sqrt()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        reranker = Reranker().train()
        reranker.get_buffer("mean").copy_(features[valid].mean(dim=0))
        reranker.get_buffer("deviation").copy_(features[valid].std(dim=0) + 1e-3)
        optimiser = torch.optim.AdamW(reranker.parameters(), _RATE, weight_decay=_DECAY)
        steps = -(-len(features) // _BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=_EPOCHS * steps)
        for epoch in range(_EPOCHS):
            losses = []
            for batch in torch.split(torch.randperm(len(features)), _BATCH):
                correction = reranker(features[batch], valid[batch], _DROPOUT, hide=_HIDDEN_FEATURES)
                scores = (features[batch][..., 0] + correction).masked_fill(~valid[batch], -torch.inf)
                chance = scores.log_softmax(1).masked_fill(~right[batch], -torch.inf).logsumexp(1)
                loss = -(chance * weight[batch]).sum() / weight[batch].sum()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
                losses.append(loss.item())
            _LOG.info("epoch %d: loss %.4f", epoch + 1, np.mean(losses))
    return reranker.eval().requires_grad_(False)


def main() -> None:
    """Trains the reranker of a network."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("model", type=Path, help="folder with config.json and model.safetensors")
    parser.add_argument("--examples", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    files = [file for file in sorted(options.examples.glob("*.npz")) if file.stat().st_size]
    network = MatchNetwork.from_pretrained(options.model)
    network.reranker = fit([Examples.read(file) for file in files], options.seed)
    network.save_pretrained(options.out)


if __name__ == "__main__":
    main()

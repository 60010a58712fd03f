"""Asking the network: in the precision that suits the processor."""

import numpy as np
import pytest
import torch
from colorizer.engines.match import network_input
from colorizer.engines.match.network_input import Window
from engines.match_stand_ins import random_network

WINDOW = Window(0, 0, 128)


@pytest.fixture
def views():
    numbers = np.random.default_rng(0)
    ink = numbers.integers(0, 256, (128, 128), np.uint8)
    picture = numbers.integers(0, 256, (128, 128, 4), np.uint8)
    return network_input.see_sketch(ink, None, WINDOW, 128), network_input.see_reference(
        picture, None, WINDOW, 128, 32
    )


@torch.no_grad()
def test_processors_without_bfloat16_units_answer_in_single_precision(monkeypatch, views):
    monkeypatch.setattr(network_input, "has_bfloat16_units", lambda: False)
    network, (sketch, reference) = random_network(), views
    plain = network(sketch.ink, sketch.mask, reference.picture, reference.mask)
    assert torch.equal(network_input.ask(network, sketch, reference).logits, plain.logits)


def test_precision_hardly_changes_the_answer(monkeypatch, views):
    answers = []
    for units in (False, True):
        monkeypatch.setattr(network_input, "has_bfloat16_units", lambda units=units: units)
        answers.append(network_input.ask(random_network(), *views))
    exact, fast = answers
    assert not torch.equal(fast.logits, exact.logits)
    assert fast.logits.dtype == torch.float32
    shares = [answer.logits.softmax(-1) for answer in answers]
    assert (shares[0] - shares[1]).abs().sum(-1).mean() < 0.05


@pytest.mark.parametrize("units", [False, True])
def test_a_prepared_network_gives_the_same_answer(monkeypatch, views, units):
    monkeypatch.setattr(network_input, "has_bfloat16_units", lambda: units)
    network, prepared = random_network(), random_network()
    network_input.prepare(prepared, "cpu")
    assert (prepared.query.weight.dtype == torch.bfloat16) is units
    assert prepared.reranker.first.weight.dtype == torch.float32
    assert torch.allclose(
        network_input.ask(prepared, *views).logits, network_input.ask(network, *views).logits, atol=1e-3
    )


def test_chosen_queries_get_the_same_answer(views):
    network = random_network()
    everything = network_input.ask(network, *views)
    queries = np.array([0, 5, 4000])
    some = network_input.ask(network, *views, queries=queries)
    assert torch.allclose(some.logits, everything.logits[:, queries], atol=1e-4)
    nothing = network_input.ask(network, *views, queries=network_input.NO_QUERIES)
    assert nothing.logits.shape[1] == 0
    assert torch.equal(nothing.sketch_parts, everything.sketch_parts)

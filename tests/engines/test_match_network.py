"""The correspondence network: shapes, real colours, and weights that survive the disk."""

import json
from dataclasses import asdict, replace

import pytest
import torch
import torch.nn.functional as F
from colorizer.engines.match.network import MatchConfig, MatchNetwork, WarpField

TINY = MatchConfig(
    parts=6,
    fine_width=8,
    middle_width=16,
    deep_width=16,
    query_width=16,
    attention_layers=1,
    attention_heads=2,
    descriptor=8,
)


def pictures(count=2, size=128):
    generator = torch.Generator().manual_seed(0)
    mask = torch.randint(-1, 2, (count, 1, size, size), generator=generator).float()
    ink = torch.rand(count, 1, size, size, generator=generator)
    return ink, mask, torch.rand(count, 3, size, size, generator=generator), mask.flip(-1)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return MatchNetwork(TINY).eval()


@pytest.mark.parametrize("config", [TINY, replace(TINY, image_size=64, query_grid=32, key_grid=16)])
def test_shapes_follow_the_config(config):
    answer = MatchNetwork(config)(*pictures(size=config.image_size))
    queries, keys = config.query_grid, config.key_grid
    assert answer.logits.shape == (2, queries**2, keys**2 + 1)
    assert answer.colours.shape == (2, keys**2, 3)
    assert answer.sketch_parts.shape == (2, config.parts, queries, queries)
    assert answer.reference_parts.shape == (2, config.parts, keys, keys)
    assert answer.logits.dtype == torch.float32


@torch.no_grad()
def test_colours_are_pixels_of_their_cell(network):
    inputs = pictures(1)
    colours = network(*inputs).colours[0].view(32, 32, 3)
    cell = inputs[2][0, :, 4 * 5 : 4 * 6, 4 * 9 : 4 * 10].flatten(1).T
    assert (cell == colours[5, 9]).all(1).any()


@torch.no_grad()
def test_batch_equals_singles(network):
    inputs = pictures(3)
    together = network(*inputs).logits
    alone = torch.cat([network(*(value[i : i + 1] for value in inputs)).logits for i in range(3)])
    assert torch.allclose(together, alone, atol=1e-4)


@torch.no_grad()
def test_same_input_same_answer(network):
    first, second = network(*pictures()), network(*pictures())
    assert torch.equal(first.logits, second.logits)


@torch.no_grad()
def test_logits_stay_fp32_under_autocast(network):
    with torch.autocast("cpu", torch.bfloat16):
        assert network(*pictures()).logits.dtype == torch.float32


@torch.no_grad()
def test_every_input_matters(network):
    torch.manual_seed(1)
    for parameter in network.parameters():  # new blocks start as shortcuts; shake them
        parameter.add_(torch.randn_like(parameter) * 0.05)
    inputs = pictures(1)
    before = network(*inputs).logits
    for i in range(4):
        changed = [value * (0.5 if i == j else 1) for j, value in enumerate(inputs)]
        assert not torch.allclose(before, network(*changed).logits, atol=1e-4)


def identity(count=1, size=128):
    """Every reference right under its sketch."""
    matrix = torch.tensor([[1.0, 0, 0], [0, 1, 0]]).expand(count, -1, -1)
    return WarpField(
        F.affine_grid(matrix, [count, 1, size, size], align_corners=False), torch.full((count,), 0.5)
    )


@torch.no_grad()
def test_a_trusted_place_is_looked_at(network):
    network.trust.bias.fill_(30.0)
    logits = network(*pictures(1), identity()).logits[0, :, :-1]
    row, column = 21, 50  # of 64 x 64 queries
    assert logits[64 * row + column].argmax() == 32 * (row // 2) + column // 2


@torch.no_grad()
def test_nothing_laid_is_nothing_trusted(network):
    inputs = pictures(1)
    away = WarpField(identity().where + 9, torch.ones(1))
    before = network(*inputs).logits
    network.trust.bias.fill_(30.0)
    assert torch.equal(network(*inputs).logits, before)
    assert torch.allclose(network(*inputs, away).logits, before, atol=1e-5)


@torch.no_grad()
def test_chosen_queries_are_rows_of_all(network):
    features = network.features(*pictures(2), identity(2))
    chosen = torch.tensor([[5, 4000, 77], [0, 1, 4095]])
    every = network.logits(features)
    rows = torch.stack([every[i, chosen[i]] for i in range(2)])
    assert torch.allclose(network.logits(features, chosen), rows, atol=1e-5)


@torch.no_grad()
def test_saved_network_answers_alike(network, tmp_path):
    network.save_pretrained(tmp_path)
    loaded = MatchNetwork.from_pretrained(tmp_path)
    again = tmp_path / "again"
    loaded.save_pretrained(again)
    assert (again / "model.safetensors").read_bytes() == (tmp_path / "model.safetensors").read_bytes()
    assert torch.allclose(loaded(*pictures()).logits, network(*pictures()).logits, atol=0.05)
    assert {value.dtype for value in loaded.state_dict().values()} == {torch.float32}


def test_saving_leaves_two_files(network, tmp_path):
    network.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
    assert json.loads((tmp_path / "config.json").read_text()) == asdict(TINY)
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1  # the library's own writer keeps weights from other users


def test_default_network_is_small():
    parameters = sum(value.numel() for value in MatchNetwork(MatchConfig()).parameters())
    assert parameters * 2 < 15 * 2**20  # bytes on disk, fp16

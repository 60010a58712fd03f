"""The figures on held-out drawings mean what they say."""

from dataclasses import replace

import pytest
import torch
from colorizer.engines.match.network import Correspondence, MatchConfig, MatchNetwork
from colorizer_lab.data.drawing import triplet
from colorizer_lab.training.match import Recipe
from colorizer_lab.training.match_data import collate, key_parts
from colorizer_lab.training.match_validation import validate
from torch import nn


class Oracle(nn.Module):
    """Answers from the truth; `shift` turns every answer into a wrong one."""

    def __init__(self, shift=0, kind=None):
        super().__init__()
        self.config = replace(Recipe().network, image_size=64, query_grid=32, key_grid=16)
        self.anything = nn.Parameter(torch.zeros(1))
        self._shift = shift
        self._kind = kind
        self._asked = 0

    def forward(self, ink, ink_mask, reference, reference_mask, laid):
        batch = collate([triplet(self._asked % 6, 64, self._kind)])
        self._asked += 1
        keys = key_parts(batch.reference_parts, 16).flatten(1)
        queries = batch.parts[:, ::2, ::2].flatten(1)
        colours = batch.palette.gather(1, keys[..., None].expand(-1, -1, 3))
        wanted = batch.palette.gather(1, queries[..., None].expand(-1, -1, 3))
        right = (queries[:, :, None] == keys[:, None]) | (torch.cdist(wanted, colours) < 1e-3)
        right = torch.cat([right, ~right.any(2, keepdim=True)], 2).roll(self._shift, 2)
        return Correspondence(right.float() * 50, colours, ink, ink)


def test_truth_is_right_everywhere():
    figures = validate(Oracle(), 6)
    assert figures.drawings == 6
    assert figures.area_right > 0.97
    assert figures.regions_right > 0.9
    assert figures.present_missed < 0.1  # a colour that is only similar counts as present
    assert figures.absent_found > 0.9


def test_same_place_is_right_where_the_pose_is_the_same():
    moved, bent = (validate(Oracle(kind=kind), 6, kind) for kind in ("view", "bent"))
    assert moved.area_right_same_place < 0.9
    assert bent.area_right_same_place > moved.area_right_same_place


def test_wrong_answers_count_as_wrong():
    assert validate(Oracle(shift=131), 6).area_right < 0.8


def test_untrained_network_is_mostly_wrong():
    torch.manual_seed(0)
    config = MatchConfig(image_size=64, query_grid=32, key_grid=16)
    assert validate(MatchNetwork(config).eval(), 4).regions_right == pytest.approx(0.2, abs=0.2)

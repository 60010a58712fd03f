"""Stand-ins for tests of the match engine: random weights, a network that answers by place, a deaf report."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from colorizer.engines.match.engine import MatchEngine
from colorizer.engines.match.network import Correspondence, MatchConfig, MatchNetwork, WarpField

TINY = MatchConfig(
    fine_width=8,
    middle_width=8,
    deep_width=16,
    query_width=8,
    attention_layers=1,
    attention_heads=2,
    descriptor=8,
)


def random_network(seed: int = 0) -> MatchNetwork:
    """Any answer at all, but always the same one."""
    torch.manual_seed(seed)
    return MatchNetwork(TINY).eval()


def engine(network: MatchNetwork) -> MatchEngine:
    """The engine with a network of our choice."""
    made = MatchEngine()
    made._network = network
    return made


class SamePlace(MatchNetwork):
    """Every query reads the reference at its own place; the inner half of each picture is foreground."""

    def __init__(self, *, null: float = -20.0) -> None:
        super().__init__(TINY)
        self.null = null
        self.eval()

    def forward(
        self,
        ink: torch.Tensor,
        ink_mask: torch.Tensor,
        reference: torch.Tensor,
        reference_mask: torch.Tensor,
        laid: WarpField | None = None,
        chosen: torch.Tensor | None = None,
    ) -> Correspondence:
        q, k = self.config.query_grid, self.config.key_grid
        near = -(torch.cdist(places(q), places(k)) ** 2) * 400
        null = torch.full((q * q, 1), self.null)
        colours = F.interpolate(reference, (k, k), mode="nearest").flatten(2).transpose(1, 2)
        logits = torch.cat([near, null], 1)
        logits = logits if chosen is None else logits[chosen[0]]
        return Correspondence(logits[None], colours, self.parts(q), self.parts(k))

    def parts(self, grid: int) -> torch.Tensor:
        inner = (places(grid) - 0.5).abs().max(1).values < 0.25
        logits = torch.zeros(self.config.parts, grid * grid)
        logits[-1] = torch.where(inner, 20.0, -20.0)
        logits[0] = -logits[-1]
        return logits.view(1, -1, grid, grid)


def places(grid: int) -> torch.Tensor:
    """(grid*grid, 2): the cells' middles, 0..1."""
    line = (torch.arange(grid) + 0.5) / grid
    return torch.stack(torch.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)

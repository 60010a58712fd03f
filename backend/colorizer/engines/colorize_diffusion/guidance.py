"""Classifier-free guidance: which rows a forward pass has, and how their predictions are combined.

Rows in the batch: conditional, without sketch, without reference. Rows that see the reference come first, because
attention skips the others (`attention`). Published formula for two terms: the mean of both guided predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from colorizer.engines.colorize_diffusion.attention import AttentionPlan, Bank, Kept
from colorizer.engines.colorize_diffusion.conditioning import Conditions
from colorizer.engines.colorize_diffusion.denoiser import Features
from colorizer.engines.colorize_diffusion.settings import Guidance


@dataclass(frozen=True)
class Rows:
    """The rows of one forward pass for `batch` samples."""

    batch: int
    without_sketch: bool
    without_reference: bool

    @classmethod
    def of(cls, batch: int, guidance: Guidance) -> Rows:
        """A row per sample, and one more for each active term."""
        return cls(batch, guidance.sketch > 1, guidance.reference > 1)

    @property
    def kinds(self) -> int:
        """Rows per sample."""
        return 1 + self.without_sketch + self.without_reference

    @property
    def conditional(self) -> int:
        """Rows in the batch that are conditioned on the reference."""
        return self.batch * (self.kinds - self.without_reference)

    def repeat(self, one: Tensor) -> Tensor:
        """A tensor of one row, or of one per sample, in all rows."""
        return one.repeat(self.kinds * self.batch // one.shape[0], *[1] * (one.ndim - 1))

    def features(self, conditions: Conditions) -> Features:
        """The conditions in all rows."""
        residuals = []
        for residual, null in zip(conditions.residuals.sketch, conditions.residuals.none, strict=True):
            kinds = [residual, *[null] * self.without_sketch, *[residual] * self.without_reference]
            residuals.append(torch.cat([kind.expand(self.batch, -1, -1, -1) for kind in kinds]))
        return Features(
            context=self.repeat(conditions.tokens),
            residuals=residuals,
            background=self._repeat_all(conditions.background),
            style=self._repeat_all(conditions.style),
            region_colours=None
            if conditions.region_colours is None
            else self.repeat(conditions.region_colours),
        )

    def _repeat_all(self, tensors: Sequence[Tensor] | None) -> list[Tensor] | None:
        return None if tensors is None else [self.repeat(tensor) for tensor in tensors]

    def plan(
        self,
        conditions: Conditions,
        *,
        sees_reference: bool,
        bank: Bank | None = None,
        kept: Kept | None = None,
    ) -> AttentionPlan:
        """What the attention layers need; outside the guidance window no row sees the reference.

        `kept` is handed from step to step; it only serves where all samples share one reference.
        """
        return AttentionPlan(
            rows_with_reference=self.conditional if sees_reference else 0,
            scales=conditions.scales,
            adapters=conditions.adapters,
            split=conditions.split,
            whole_adapter=conditions.whole_adapter,
            bank=bank,
            kept=kept if len(conditions.tokens) == 1 else None,
        )

    def combine(self, predictions: Tensor, guidance: Guidance) -> Tensor:
        """Predictions of all rows to one per sample."""
        parts = list(predictions.chunk(self.kinds))
        conditional = parts.pop(0)
        guided = []
        for active, scale in (
            (self.without_sketch, guidance.sketch),
            (self.without_reference, guidance.reference),
        ):
            if active:
                unconditional = parts.pop(0)
                guided.append(unconditional + (conditional - unconditional) * scale)
        return torch.stack(guided).mean(dim=0) if guided else conditional

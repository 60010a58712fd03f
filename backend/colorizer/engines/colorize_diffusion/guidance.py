"""Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598): the rows of a forward pass and their combination.

The batch holds, in this order, the conditional rows, the rows without a sketch, and the rows without a reference. Rows
with a reference come first, because cross-attention skips the others (`attention`). With both terms active, the result
is the mean of the two guided predictions, as in the published implementation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from colorizer.engines.colorize_diffusion.attention import AttentionPlan, Bank, KeyValueCache
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
        """The conditional row of each sample, and one more row per sample for each active guidance term."""
        return cls(batch, guidance.sketch > 1, guidance.reference > 1)

    @property
    def kinds(self) -> int:
        """Number of rows per sample."""
        return 1 + self.without_sketch + self.without_reference

    @property
    def conditional(self) -> int:
        """Number of rows in the batch that are conditioned on the reference."""
        return self.batch * (self.kinds - self.without_reference)

    def repeat(self, one: Tensor) -> Tensor:
        """Repeats a tensor with one row, or with one row per sample, to all rows of the batch."""
        return one.repeat(self.kinds * self.batch // one.shape[0], *[1] * (one.ndim - 1))

    def features(self, conditions: Conditions) -> Features:
        """The conditions, repeated to all rows."""
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
        cache: KeyValueCache | None = None,
    ) -> AttentionPlan:
        """The inputs of the attention layers.

        Args:
            conditions: the conditions of the picture.
            sees_reference: whether the guidance window is open; if not, no row attends to the reference.
            bank: for attention injection.
            cache: keys and values shared by all steps; used only where all samples share one reference.
        """
        return AttentionPlan(
            rows_with_reference=self.conditional if sees_reference else 0,
            scales=conditions.scales,
            adapters=conditions.adapters,
            split=conditions.split,
            whole_adapter=conditions.whole_adapter,
            bank=bank,
            cache=cache if len(conditions.tokens) == 1 else None,
        )

    def combine(self, predictions: Tensor, guidance: Guidance) -> Tensor:
        """Combines the predictions of all rows to one guided prediction per sample (arXiv 2207.12598, eq. 6)."""
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

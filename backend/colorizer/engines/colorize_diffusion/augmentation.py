"""Mask and background augmentation of v2's training (arXiv 2504.06895: character-mask merging, background bleaching).

The caller passes random numbers in, so that a trainer controls its own generators.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.engines.colorize_diffusion.preprocess import is_foreground

LEAST_WHITE = 0.95


def expand_in_blocks(mask: Tensor, block: tuple[int, int]) -> Tensor:
    """Replaces every block (h, w) of a mask (B, 1, H, W) by its maximum; incomplete blocks at the edge become 0."""
    largest = F.max_pool2d(mask, block, block)
    spread = largest.repeat_interleave(block[0], dim=2).repeat_interleave(block[1], dim=3)
    missing = (mask.shape[-2] - spread.shape[-2], mask.shape[-1] - spread.shape[-1])
    return F.pad(spread, (0, missing[1], 0, missing[0]))


@dataclass(frozen=True)
class TrainingBatch:
    """Ground truth, sketch and reference (B, 3, H, W), and the foreground masks of the latter two (B, 1, H, W)."""

    truth: Tensor
    sketch: Tensor
    sketch_mask: Tensor
    reference: Tensor
    reference_mask: Tensor


def bleach_backgrounds(
    batch: TrainingBatch, thresholds: tuple[Tensor, Tensor], chosen: Tensor, white: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Applies background bleaching (arXiv 2504.06895).

    As in the published training, the sketch loses its background lines in every sample, bleached or not.

    Args:
        batch: the training batch.
        thresholds: mask thresholds of sketch and reference, (B,) each.
        chosen: the samples to bleach, (B,) bool. Their true background becomes white.
        white: (B,) in 0..1; sets the level of a bleached background reference between 0.95 and 1.

    Returns:
        Ground truth, sketch, and background reference. The background reference of the other samples is the reference
        with its foreground painted white.
    """
    foreground = is_foreground(batch.sketch_mask, thresholds[0])
    reference_foreground = is_foreground(batch.reference_mask, thresholds[1])
    bleached = chosen.view(-1, 1, 1, 1)
    level = (white * (1 - LEAST_WHITE) + LEAST_WHITE).view(-1, 1, 1, 1)
    background = torch.where(reference_foreground, torch.ones_like(batch.reference), batch.reference)
    return (
        torch.where(bleached & ~foreground, torch.ones_like(batch.truth), batch.truth),
        torch.where(foreground, batch.sketch, -torch.ones_like(batch.sketch)),
        torch.where(bleached, level.expand_as(background), background),
    )

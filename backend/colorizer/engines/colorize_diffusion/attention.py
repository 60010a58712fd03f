"""Attention inside the denoising UNet: split cross-attention with two LoRA adapters, and attention injection.

Split cross-attention (v1.5, arXiv 2502.19937): the context holds the foreground's tokens and then the background's;
every query takes the output of its own side, decided by the sketch's mask. Each side has its own LoRA on q, k and v,
both used in one forward, so the adapters are applied here by name and never made active.
Attention injection: the self-attention also attends to what the same layer saw of the noised reference picture.

One `AttentionPlan` per forward pass is shared by all layers. Nothing here knows modes, versions or time steps.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.engines.colorize_diffusion.positions import transformers_in_order
from colorizer.engines.colorize_diffusion.settings import Branch, BranchStrength


@dataclass(frozen=True)
class Split:
    """The division of a picture into foreground and background."""

    masks: dict[int, Tensor]
    """Per number of queries: the mask of that level (B, queries, 1), about 0..1 (bicubic, not clamped)."""
    threshold: float
    """Foreground is where the mask is above it."""
    strength: BranchStrength = BranchStrength()


@dataclass
class Bank:
    """What self-attention saw of the reference, per layer: filled while `writing`, attended to otherwise."""

    fidelity: float
    """How little the rows of the unconditional reference see of the bank, 0..1."""
    conditional_rows: int
    """Rows before those of the unconditional reference."""
    writing: bool = False
    states: dict[int, Tensor] = field(default_factory=dict)


Kept = dict[Hashable, tuple[Tensor, Tensor]]
"""Keys and values (1, M, C) that no time step changes, by layer, LoRA and side: made in the first forward pass of a
picture, found again in all others."""


@dataclass(frozen=True)
class AttentionPlan:
    """What the attention layers of one forward pass need. Rows with a reference come first in the batch."""

    rows_with_reference: int
    scales: Sequence[float]
    """Reference strength per transformer, in the papers' order."""
    adapters: frozenset[Branch] = frozenset()
    """Sides whose LoRA is used."""
    split: Split | None = None
    whole_adapter: Branch | None = None
    """LoRA used where nothing is split (only the published v2 does that, after a masked run)."""
    bank: Bank | None = None
    kept: Kept | None = None
    """Where keys and values of the one reference that all rows share are kept; None where rows have their own."""


class Shared:
    """Holds the plan of the running forward pass for a UNet's attention layers."""

    def __init__(self) -> None:
        self.plan: AttentionPlan | None = None


def level_masks(mask: Tensor, levels: int) -> dict[int, Tensor]:
    """The latent-size mask (B, 1, h, w) at every UNet level, bicubic without antialiasing, per number of pixels."""
    masks = {}
    for level in range(levels):
        size = (mask.shape[-2] >> level, mask.shape[-1] >> level)
        small = mask if level == 0 else F.interpolate(mask, size, mode="bicubic", align_corners=False)
        masks[size[0] * size[1]] = small.flatten(2).transpose(1, 2)
    return masks


def has_adapters(layer: Any) -> bool:
    """Whether peft has wrapped the linear layer."""
    return hasattr(layer, "lora_A")


def project(layer: Any, x: Tensor, adapter: Branch | None) -> Tensor:
    """W x, plus the adapter's up(down(x)) where the layer has that adapter."""
    if not has_adapters(layer):
        return layer(x)
    projected: Tensor = layer.base_layer(x)
    if adapter is None or adapter.value not in layer.lora_A:
        return projected
    name = adapter.value
    return projected + layer.lora_B[name](layer.lora_A[name](x)) * layer.scaling[name]


def found(
    kept: Kept, name: Hashable, make: Callable[[], tuple[Tensor, Tensor]], rows: int
) -> tuple[Tensor, Tensor]:
    """Cached keys and values for so many rows; computed on the first call."""
    if name not in kept:
        kept[name] = make()
    keys, values = kept[name]
    return keys.expand(rows, -1, -1), values.expand(rows, -1, -1)


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Scaled dot-product attention; (B, N, C) queries, (B, M, C) keys and values to (B, N, C)."""
    q, k, v = (x.view(*x.shape[:2], heads, -1).transpose(1, 2) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class SplitCrossAttention:
    """Attention processor of `attn2`."""

    def __init__(self, layer: int, shared: Shared) -> None:
        self.layer = layer
        self.shared = shared

    def __call__(self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor, **_: Any) -> Tensor:
        """Queries (B, N, C) and context (B, M, D) to (B, N, C); rows without a reference get the bias alone."""
        plan = self.shared.plan
        assert plan is not None
        rows = plan.rows_with_reference
        mixed = torch.zeros_like(hidden_states)
        if rows:
            queries, context = hidden_states[:rows], encoder_hidden_states[:rows]
            mix = self.whole if plan.split is None else self.split
            mixed[:rows] = mix(plan, attn, queries, context)
        return attn.to_out[0](mixed)

    def one(
        self,
        plan: AttentionPlan,
        attn: Any,
        queries: Tensor,
        context: Tensor,
        adapter: Branch | None,
        side: Branch | None = None,
    ) -> Tensor:
        """Attention with one adapter, times the layer's reference strength (before `to_out`, which has a bias)."""

        def keys_and_values(rows: Tensor) -> tuple[Tensor, Tensor]:
            return project(attn.to_k, rows, adapter), project(attn.to_v, rows, adapter)

        if plan.kept is None:
            k, v = keys_and_values(context)
        else:
            k, v = found(
                plan.kept, (self.layer, adapter, side), lambda: keys_and_values(context[:1]), len(queries)
            )
        return attend(project(attn.to_q, queries, adapter), k, v, attn.heads) * plan.scales[self.layer]

    def whole(self, plan: AttentionPlan, attn: Any, queries: Tensor, context: Tensor) -> Tensor:
        """Without a split: every query attends to all tokens."""
        return self.one(plan, attn, queries, context, plan.whole_adapter, None)

    def split(self, plan: AttentionPlan, attn: Any, queries: Tensor, context: Tensor) -> Tensor:
        """Two sides: hard selection per query, never a mask on the keys."""
        split = plan.split
        assert split is not None
        foreground_tokens, background_tokens = context.chunk(2, dim=1)
        used = {side: side if side in plan.adapters else None for side in Branch}
        background = self.one(
            plan, attn, queries, background_tokens, used[Branch.BACKGROUND], Branch.BACKGROUND
        )
        background = background * split.strength.background
        foreground = self.one(
            plan, attn, queries, foreground_tokens, used[Branch.FOREGROUND], Branch.FOREGROUND
        )
        foreground = foreground * split.strength.foreground
        merge = split.strength.merge
        foreground = foreground * (1 - merge) + background * merge
        return torch.where(self.is_foreground(split, attn, queries), foreground, background)

    def is_foreground(self, split: Split, attn: Any, queries: Tensor) -> Tensor:
        """Which queries are foreground; a mask exactly at the threshold counts as background under LoRA only."""
        mask = split.masks[queries.shape[1]]
        mask = mask.repeat(queries.shape[0] // mask.shape[0], 1, 1)
        return mask > split.threshold if has_adapters(attn.to_q) else mask >= split.threshold


class BankedSelfAttention:
    """Attention processor of `attn1`: plain self-attention, or attention injection where the plan has a bank."""

    def __init__(self, layer: int, shared: Shared) -> None:
        self.layer = layer
        self.shared = shared

    def __call__(
        self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, **_: Any
    ) -> Tensor:
        """Queries (B, N, C) to (B, N, C)."""
        plan = self.shared.plan
        assert plan is not None
        assert encoder_hidden_states is None
        bank = plan.bank
        if bank is None or bank.writing:
            if bank is not None:
                bank.states[self.layer] = hidden_states
            return self.attend(attn, hidden_states, hidden_states)
        banked = torch.cat([hidden_states, bank.states[self.layer]], dim=1)
        injected = self.attend(attn, hidden_states, banked)
        alone = hidden_states[bank.conditional_rows :]
        if len(alone):
            mixed = injected[bank.conditional_rows :] * (1 - bank.fidelity)
            mixed = mixed + self.attend(attn, alone, alone) * bank.fidelity
            injected = torch.cat([injected[: bank.conditional_rows], mixed])
        return injected

    def attend(self, attn: Any, queries: Tensor, context: Tensor) -> Tensor:
        """Plain attention with the layer's own projections."""
        mixed = attend(attn.to_q(queries), attn.to_k(context), attn.to_v(context), attn.heads)
        return attn.to_out[0](mixed)


def install(unet: Any) -> Shared:
    """Gives every transformer of a UNet both processors, numbered in the papers' order, and one shared place."""
    shared = Shared()
    for layer, transformer in enumerate(transformers_in_order(unet)):
        block = transformer.transformer_blocks[0]
        block.attn1.set_processor(BankedSelfAttention(layer, shared))
        block.attn2.set_processor(SplitCrossAttention(layer, shared))
    return shared

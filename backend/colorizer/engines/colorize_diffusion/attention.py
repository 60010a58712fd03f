"""Attention inside the denoising UNet: split cross-attention with two LoRA adapters, and attention injection.

Split cross-attention (v1.5, arXiv 2502.19937): the context holds the foreground tokens followed by the background
tokens. The sketch's mask decides for each query which of the two it attends to. Foreground and background each have
a LoRA (Hu et al. 2021, arXiv 2106.09685) on q, k and v. Both are needed in the same forward pass, so peft's active
adapter is not used: `project` applies them by name.

Attention injection: self-attention also attends to the hidden states that the same layer had for the noised reference
picture (known as "reference-only" control).

All layers of a forward pass share one `AttentionPlan`. This module knows no modes, versions or time steps.
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
    """The mask (B, queries, 1) of each UNet level, by its number of queries; about 0..1 (bicubic, not clamped)."""
    threshold: float
    """A query is foreground where the mask is above this value."""
    strength: BranchStrength = BranchStrength()


@dataclass
class Bank:
    """Hidden states of the reference for attention injection, by layer: stored while `writing`, read afterwards."""

    fidelity: float
    """Share of plain self-attention in the rows without a reference, 0..1; the rest attends to the bank."""
    conditional_rows: int
    """Number of rows with a reference, which come first in the batch."""
    writing: bool = False
    states: dict[int, Tensor] = field(default_factory=dict)


KeyValueCache = dict[Hashable, tuple[Tensor, Tensor]]
"""Keys and values (1, M, C) by layer, adapter and branch. They do not depend on the time step: the first forward pass
of a picture computes them, and the following passes reuse them."""


@dataclass(frozen=True)
class AttentionPlan:
    """Inputs of the attention layers in one forward pass. Rows with a reference come first in the batch."""

    rows_with_reference: int
    scales: Sequence[float]
    """Reference strength of each transformer, in the order of `positions.transformers_in_order`."""
    adapters: frozenset[Branch] = frozenset()
    """The branches whose LoRA is used."""
    split: Split | None = None
    whole_adapter: Branch | None = None
    """LoRA used without a split. Only parity with the published v2 needs it: there it stays on after a masked run."""
    bank: Bank | None = None
    cache: KeyValueCache | None = None
    """Cache for a reference that all rows share; None where rows have different references."""


class SharedPlan:
    """Holds the plan of the running forward pass, for all attention layers of a UNet."""

    def __init__(self) -> None:
        self.plan: AttentionPlan | None = None


def level_masks(mask: Tensor, levels: int) -> dict[int, Tensor]:
    """Resizes a latent-size mask (B, 1, h, w) to every UNet level: bicubic, no antialiasing, by number of pixels."""
    masks = {}
    for level in range(levels):
        size = (mask.shape[-2] >> level, mask.shape[-1] >> level)
        small = mask if level == 0 else F.interpolate(mask, size, mode="bicubic", align_corners=False)
        masks[size[0] * size[1]] = small.flatten(2).transpose(1, 2)
    return masks


def has_adapters(layer: Any) -> bool:
    """Whether peft has added adapters to the linear layer."""
    return hasattr(layer, "lora_A")


def project(layer: Any, x: Tensor, adapter: Branch | None) -> Tensor:
    """Applies a linear layer, and adds the adapter's up(down(x)) where the layer has that adapter."""
    if not has_adapters(layer):
        return layer(x)
    projected: Tensor = layer.base_layer(x)
    if adapter is None or adapter.value not in layer.lora_A:
        return projected
    name = adapter.value
    return projected + layer.lora_B[name](layer.lora_A[name](x)) * layer.scaling[name]


def cached(
    cache: KeyValueCache, name: Hashable, compute: Callable[[], tuple[Tensor, Tensor]], rows: int
) -> tuple[Tensor, Tensor]:
    """Returns keys and values expanded to `rows` rows, computing them on the first call."""
    if name not in cache:
        cache[name] = compute()
    keys, values = cache[name]
    return keys.expand(rows, -1, -1), values.expand(rows, -1, -1)


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Multi-head scaled dot-product attention: queries (B, N, C), keys and values (B, M, C) to (B, N, C)."""
    q, k, v = (x.view(*x.shape[:2], heads, -1).transpose(1, 2) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class SplitCrossAttention:
    """Attention processor of the cross-attention layers (`attn2`)."""

    def __init__(self, layer: int, shared: SharedPlan) -> None:
        self.layer = layer
        self.shared = shared

    def __call__(self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor, **_: Any) -> Tensor:
        """Queries (B, N, C) and context (B, M, D) to (B, N, C).

        A context of zeros would give zero keys and values, and so only the bias of `to_out`. Rows without a reference
        therefore skip the attention.
        """
        plan = self.shared.plan
        assert plan is not None
        rows = plan.rows_with_reference
        mixed = torch.zeros_like(hidden_states)
        if rows:
            queries, context = hidden_states[:rows], encoder_hidden_states[:rows]
            mix = self.whole if plan.split is None else self.split
            mixed[:rows] = mix(plan, attn, queries, context)
        return attn.to_out[0](mixed)

    def branch(
        self,
        plan: AttentionPlan,
        attn: Any,
        queries: Tensor,
        context: Tensor,
        adapter: Branch | None,
        side: Branch | None = None,
    ) -> Tensor:
        """Attention with one adapter, times the layer's reference strength. `to_out` and its bias come later."""

        def keys_and_values(rows: Tensor) -> tuple[Tensor, Tensor]:
            return project(attn.to_k, rows, adapter), project(attn.to_v, rows, adapter)

        if plan.cache is None:
            k, v = keys_and_values(context)
        else:
            k, v = cached(
                plan.cache, (self.layer, adapter, side), lambda: keys_and_values(context[:1]), len(queries)
            )
        return attend(project(attn.to_q, queries, adapter), k, v, attn.heads) * plan.scales[self.layer]

    def whole(self, plan: AttentionPlan, attn: Any, queries: Tensor, context: Tensor) -> Tensor:
        """Attention without a split: every query attends to all tokens."""
        return self.branch(plan, attn, queries, context, plan.whole_adapter, None)

    def split(self, plan: AttentionPlan, attn: Any, queries: Tensor, context: Tensor) -> Tensor:
        """Attends to foreground and background tokens separately, then selects one output per query.

        The mask selects outputs; it is never an attention bias on the keys.
        """
        split = plan.split
        assert split is not None
        foreground_tokens, background_tokens = context.chunk(2, dim=1)
        used = {side: side if side in plan.adapters else None for side in Branch}
        background = self.branch(
            plan, attn, queries, background_tokens, used[Branch.BACKGROUND], Branch.BACKGROUND
        )
        background = background * split.strength.background
        foreground = self.branch(
            plan, attn, queries, foreground_tokens, used[Branch.FOREGROUND], Branch.FOREGROUND
        )
        foreground = foreground * split.strength.foreground
        merge = split.strength.merge
        foreground = foreground * (1 - merge) + background * merge
        return torch.where(self.is_foreground(split, attn, queries), foreground, background)

    def is_foreground(self, split: Split, attn: Any, queries: Tensor) -> Tensor:
        """Which queries are foreground.

        A mask value equal to the threshold is background in layers with LoRA, and foreground in layers without, as in
        the published implementation.
        """
        mask = split.masks[queries.shape[1]]
        mask = mask.repeat(queries.shape[0] // mask.shape[0], 1, 1)
        return mask > split.threshold if has_adapters(attn.to_q) else mask >= split.threshold


class BankedSelfAttention:
    """Attention processor of the self-attention layers (`attn1`), with attention injection where there is a bank."""

    def __init__(self, layer: int, shared: SharedPlan) -> None:
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
        """Attention with the layer's own projections."""
        mixed = attend(attn.to_q(queries), attn.to_k(context), attn.to_v(context), attn.heads)
        return attn.to_out[0](mixed)


def install(unet: Any) -> SharedPlan:
    """Sets both attention processors on every transformer of a UNet, numbered in order, and returns their plan."""
    shared = SharedPlan()
    for layer, transformer in enumerate(transformers_in_order(unet)):
        block = transformer.transformer_blocks[0]
        block.attn1.set_processor(BankedSelfAttention(layer, shared))
        block.attn2.set_processor(SplitCrossAttention(layer, shared))
    return shared

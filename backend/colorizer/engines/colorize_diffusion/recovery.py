"""v1.5's two small networks (arXiv 2502.19937): the threshold embedder and the recovery transformer.

In a background reference the foreground is painted white. The recovery transformer maps its image tokens to tokens of a
complete background. `conditioning` uses both networks.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.embeddings import get_timestep_embedding
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn


def sinusoid(values: Tensor, dim: int) -> Tensor:
    """Sinusoidal embedding (Vaswani et al. 2017, arXiv 1706.03762, section 3.5), with cosines first.

    Args:
        values: (N,).
        dim: size of the embedding; the frequencies are `dim` / 2 powers from 1 to 1/10000.

    Returns:
        (N, dim).
    """
    return get_timestep_embedding(values, dim, flip_sin_to_cos=True, downscale_freq_shift=0)


class CrossAttention(nn.Module):
    """Multi-head cross-attention to a context of the same width, without bias on q, k and v."""

    def __init__(self, dim: int, head_dim: int) -> None:
        super().__init__()
        self.head_dim = head_dim
        self.to_q = nn.Linear(dim, dim, bias=False)
        self.to_k = nn.Linear(dim, dim, bias=False)
        self.to_v = nn.Linear(dim, dim, bias=False)
        self.to_out = nn.Linear(dim, dim)

    def forward(self, queries: Tensor, context: Tensor) -> Tensor:
        """(B, N, dim) queries and (B, M, dim) context to (B, N, dim)."""
        return self.attend(queries, *self.keys_and_values(context))

    def keys_and_values(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (B, M, dim) of a context (B, M, dim)."""
        return self.to_k(context), self.to_v(context)

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attention of queries (B, N, dim) to given keys and values."""
        q, k, v = (
            x.view(*x.shape[:2], -1, self.head_dim).transpose(1, 2)
            for x in (self.to_q(queries), keys, values)
        )
        return self.to_out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class TokenBlock(nn.Module):
    """Pre-norm transformer block: x + attention(LN x, context), then x + MLP(LN x). The context is not normalised."""

    def __init__(self, dim: int, head_dim: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attention = CrossAttention(dim, head_dim)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, dim * 4), nn.SiLU(), nn.Linear(dim * 4, dim))

    def forward(self, tokens: Tensor, context: Tensor) -> Tensor:
        """(B, N, dim) tokens and (B, M, dim) context to (B, N, dim)."""
        return self.attend(tokens, *self.attention.keys_and_values(context))

    def attend(self, tokens: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Like `forward`, with the context's keys and values from `CrossAttention.keys_and_values`."""
        tokens = tokens + self.attention.attend(self.norm1(tokens), keys, values)
        return tokens + self.mlp(self.norm2(tokens))


class RecoveryTransformer(ModelMixin, ConfigMixin):
    """Maps tokens (B, M, dim) of a background with its foreground removed to tokens (B, N, dim) of a complete one."""

    @register_to_config
    def __init__(
        self, dim: int = 1024, num_layers: int = 6, num_tokens: int = 256, head_dim: int = 64
    ) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(num_tokens, dim) * dim**-0.5)
        self.blocks = nn.ModuleList(TokenBlock(dim, head_dim) for _ in range(num_layers))

    def forward(self, context: Tensor) -> Tensor:
        """Cross-attention from N = `num_tokens` learned queries to the context."""
        tokens = self.queries.expand(context.shape[0], -1, -1)
        for block in self.blocks:
            tokens = block(tokens, context)
        return tokens


class ThresholdEmbedder(ModelMixin, ConfigMixin):
    """Embeds a mask threshold (B,) in 0..1 as one token (B, 1, dim), which is added to all tokens of its branch."""

    @register_to_config
    def __init__(self, frequencies: int = 256, dim: int = 1024) -> None:
        super().__init__()
        self.frequencies = frequencies
        self.linear_1 = nn.Linear(frequencies, dim)
        self.linear_2 = nn.Linear(dim, dim)

    def forward(self, thresholds: Tensor) -> Tensor:
        """Sinusoidal embedding of the threshold, then Linear, SiLU, Linear."""
        embedding = sinusoid(thresholds, self.frequencies).to(self.linear_1.weight.dtype)
        return self.linear_2(F.silu(self.linear_1(embedding)))[:, None]

"""ColorFlow's colour guider for PixArt (arXiv 2412.11815, section 3.2; the published sketch models).

The guider is a copy of the first half of PixArt's transformer blocks without cross-attention to text. Submodules have
the published names. Published files also contain `after_proj`, a duplicate of the last adapter, which the conversion
drops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from diffusers import PixArtTransformer2DModel
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.embeddings import PatchEmbed
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.normalization import AdaLayerNormSingle
from torch import Tensor, nn

TRAINED_SIDE = 64
"""Latent side for which the position embedding was defined; larger models interpolate it."""
SIZE_CONDITIONED = 128
"""Latent side of the 1024 px models, which are conditioned on resolution and aspect ratio."""


class PixArtGuider(ModelMixin, ConfigMixin):
    """Computes a residual for each of the transformer's first blocks from the noisy canvas and its condition.

    Args:
        num_attention_heads: heads of each block.
        attention_head_dim: channels of each head.
        in_channels: channels of the noisy latent.
        cond_channels: border latent 4 + mask 1 + centre latent 4.
        num_layers: blocks of the main transformer; the guider has half as many.
        sample_size: latent side that the main transformer was trained with.
        patch_size: side of a token in latent pixels.
    """

    @register_to_config
    def __init__(
        self,
        num_attention_heads: int = 16,
        attention_head_dim: int = 72,
        in_channels: int = 4,
        cond_channels: int = 9,
        num_layers: int = 28,
        sample_size: int = 128,
        patch_size: int = 2,
    ) -> None:
        super().__init__()
        width = num_attention_heads * attention_head_dim
        self.pos_embed = PatchEmbed(
            height=sample_size,
            width=sample_size,
            patch_size=patch_size,
            in_channels=in_channels + cond_channels,
            embed_dim=width,
            interpolation_scale=max(sample_size // TRAINED_SIDE, 1),
        )
        block: dict[str, Any] = {
            "cross_attention_dim": None,
            "activation_fn": "gelu-approximate",
            "attention_bias": True,
            "norm_type": "ada_norm_single",
            "norm_elementwise_affine": False,
            "norm_eps": 1e-6,
        }
        self.transformer_blocks = nn.ModuleList(
            BasicTransformerBlock(width, num_attention_heads, attention_head_dim, **block)
            for _ in range(num_layers // 2)
        )
        self.adapter_linear = nn.ModuleList(nn.Linear(width, width) for _ in self.transformer_blocks)
        self.adaln_single = AdaLayerNormSingle(
            width, use_additional_conditions=sample_size == SIZE_CONDITIONED
        )

    def forward(
        self, latent: Tensor, t: Tensor, condition: Tensor, sizes: dict[str, Tensor | None]
    ) -> tuple[Tensor, ...]:
        """Computes the residuals for one step.

        Args:
            latent: noisy latent of the whole canvas, (B, 4, h, w).
            t: time steps, (B,).
            condition: (B, cond_channels, h, w).
            sizes: `resolution` (B, 2) and `aspect_ratio` (B, 1) of the canvas, see `canvas_sizes`.

        Returns:
            A residual (B, tokens, width) for each of the main transformer's first blocks.
        """
        hidden = self.pos_embed(torch.cat([latent, condition], dim=1))
        time, _ = self.adaln_single(t, sizes, batch_size=len(latent), hidden_dtype=hidden.dtype)
        residuals = []
        for block, adapter in zip(self.transformer_blocks, self.adapter_linear, strict=True):
            hidden = block(hidden, timestep=time)
            residuals.append(adapter(hidden))
        return tuple(residuals)


@contextmanager
def guided(transformer: PixArtTransformer2DModel, residuals: Sequence[Tensor]) -> Iterator[None]:
    """Context in which `transformer` adds residual i after its block i. Later blocks are not changed."""
    with ExitStack() as hooks:
        for block, residual in zip(transformer.transformer_blocks, residuals, strict=False):
            hooks.callback(block.register_forward_hook(lambda _m, _a, out, add=residual: out + add).remove)
        yield


def canvas_sizes(latents: Tensor, scale: int, *, told: bool) -> dict[str, Tensor | None]:
    """Size conditions of the canvas: height and width in px, and height / width.

    Args:
        latents: (B, 4, h, w).
        scale: pixels per latent pixel.
        told: whether the model is size-conditioned; otherwise both are None.
    """
    if not told:
        return {"resolution": None, "aspect_ratio": None}
    height, width = latents.shape[-2] * scale, latents.shape[-1] * scale
    resolution = torch.tensor([[height, width]], dtype=latents.dtype, device=latents.device)
    aspect = torch.tensor([[height / width]], dtype=latents.dtype, device=latents.device)
    return {
        "resolution": resolution.expand(len(latents), -1),
        "aspect_ratio": aspect.expand(len(latents), -1),
    }

"""ColorFlow's colour guider for PixArt: its first half of transformer blocks without text, and how it guides them.

(arXiv 2412.11815, section 3.2; the published sketch models.) Submodules carry the published names; `after_proj`, which
published files hold besides, is a second name of the last adapter and is dropped on conversion.
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
"""Side in latent pixels of the pictures the position table was made for; larger models stretch it."""
SIZE_CONDITIONED = 128
"""The 1024 px models, of this latent side, are told resolution and aspect ratio."""


class PixArtGuider(ModelMixin, ConfigMixin):
    """Reads the noisy canvas and its condition; answers with one residual for each of the first blocks.

    Args:
        num_attention_heads: heads of each block.
        attention_head_dim: channels of each head.
        in_channels: of the noisy latent.
        cond_channels: border latent 4 + mask 1 + centre latent 4.
        num_layers: blocks of the main transformer; the guider has half as many.
        sample_size: latent side the main transformer was trained for.
        patch_size: latent pixels on a side of a token.
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
        """One look at the canvas.

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
    """While open, `transformer` adds each residual after the block of its number; the later blocks stay as they are."""
    with ExitStack() as hooks:
        for block, residual in zip(transformer.transformer_blocks, residuals, strict=False):
            hooks.callback(block.register_forward_hook(lambda _m, _a, out, add=residual: out + add).remove)
        yield


def canvas_sizes(latents: Tensor, scale: int, *, told: bool) -> dict[str, Tensor | None]:
    """What size-conditioned models are told: height and width in px, and height / width.

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

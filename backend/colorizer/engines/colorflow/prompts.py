"""The constant prompt of ColorFlow ("manga", against "") as embeddings made once, so that no text encoder is loaded.

The T5 encoder of the PixArt models alone would need 9.5 GB for one word that never changes.
"""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor


class Prompts(ModelMixin, ConfigMixin):
    """Two prompts' embeddings and which of their tokens count.

    Args:
        tokens: length of each prompt.
        width: of an embedding.
    """

    @register_to_config
    def __init__(self, tokens: int = 77, width: int = 768) -> None:
        super().__init__()
        for name in ("positive", "negative"):
            self.register_buffer(name, torch.zeros(tokens, width))
            self.register_buffer(f"{name}_mask", torch.ones(tokens))

    @classmethod
    def of(
        cls,
        positive: Tensor,
        negative: Tensor,
        positive_mask: Tensor | None = None,
        negative_mask: Tensor | None = None,
    ) -> Prompts:
        """Prompts with these embeddings (tokens, width) and masks (tokens,), 1 where a token counts; None: all."""
        prompts = cls(*positive.shape)
        prompts.positive.copy_(positive)
        prompts.negative.copy_(negative)
        if positive_mask is not None and negative_mask is not None:
            prompts.positive_mask.copy_(positive_mask)
            prompts.negative_mask.copy_(negative_mask)
        return prompts

    def batch(self, *, guided: bool) -> tuple[Tensor, Tensor]:
        """Embeddings (B, tokens, width) and masks (B, tokens): negative and positive, or the positive alone."""
        if not guided:
            return self.positive[None], self.positive_mask[None]
        return torch.stack([self.negative, self.positive]), torch.stack(
            [self.negative_mask, self.positive_mask]
        )

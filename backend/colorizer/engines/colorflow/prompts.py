"""Stored embeddings of ColorFlow's constant prompt "manga" and negative prompt "", so that no text encoder is loaded.

The T5 encoder of the PixArt models alone would need 9.5 GB.
"""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor


class Prompts(ModelMixin, ConfigMixin):
    """The embeddings of both prompts and their attention masks.

    Args:
        tokens: length of each prompt.
        width: width of an embedding.
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
        """Creates prompts from embeddings (tokens, width) and attention masks (tokens,); no mask: all tokens count."""
        prompts = cls(*positive.shape)
        prompts.positive.copy_(positive)
        prompts.negative.copy_(negative)
        if positive_mask is not None and negative_mask is not None:
            prompts.positive_mask.copy_(positive_mask)
            prompts.negative_mask.copy_(negative_mask)
        return prompts

    def batch(self, *, guided: bool) -> tuple[Tensor, Tensor]:
        """Embeddings (B, tokens, width) and masks (B, tokens): negative and positive if guided, else the positive."""
        if not guided:
            return self.positive[None], self.positive_mask[None]
        return torch.stack([self.negative, self.positive]), torch.stack(
            [self.negative_mask, self.positive_mask]
        )

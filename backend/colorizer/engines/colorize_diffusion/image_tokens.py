"""Image tokens of the reference, and text vectors, by CLIP (Radford et al. 2021, arXiv 2103.00020).

As in the papers (v1: arXiv 2401.01456), the tower's last norm and projection are applied to every token, not only to
the class token, and the whole picture is resized to a square without keeping its aspect ratio.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.engines.runtime import device_swap

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def clip_input(picture: Tensor, size: int) -> Tensor:
    """Resizes RGB (B, 3, H, W) in [-1, 1] to (B, 3, size, size) and normalises it for CLIP."""
    # The published weights were trained with both align_corners and antialias.
    square = F.interpolate(picture, (size, size), mode="bicubic", align_corners=True, antialias=True)
    mean, std = (picture.new_tensor(values)[:, None, None] for values in (CLIP_MEAN, CLIP_STD))
    return ((square + 1) / 2 - mean) / std


class ImageTokens:
    """Computes image tokens with transformers' `CLIPVisionModelWithProjection`."""

    def __init__(self, tower: Any) -> None:
        self.tower = tower

    @property
    def count(self) -> int:
        """Number of tokens per picture, including the class token."""
        config = self.tower.config
        return int((config.image_size // config.patch_size) ** 2 + 1)

    def __call__(self, picture: Tensor) -> Tensor:
        """RGB (B, 3, H, W) in [-1, 1], any size, to (B, 1 + N, D): the class token, then one token per patch."""
        tower = self.tower
        device_swap.ensure_on_device(tower)
        pixels = clip_input(picture.float(), tower.config.image_size).to(tower.dtype)
        hidden = tower.vision_model(pixels).last_hidden_state
        tokens: Tensor = tower.visual_projection(tower.vision_model.post_layernorm(hidden))
        return tokens


def text_vectors(encoder: Any, token_ids: Tensor) -> Tensor:
    """Computes unit vectors (B, 1, D) of texts from the penultimate layer.

    Args:
        encoder: transformers' `CLIPTextModelWithProjection`.
        token_ids: (B, L), padded after the end token.
    """
    hidden = encoder(input_ids=token_ids, output_hidden_states=True).hidden_states[-2]
    projected = encoder.text_projection(encoder.text_model.final_layer_norm(hidden))
    end = token_ids.argmax(dim=-1)  # the end token has the largest id
    vectors = projected[torch.arange(len(token_ids), device=end.device), end]
    return F.normalize(vectors, dim=-1)[:, None]

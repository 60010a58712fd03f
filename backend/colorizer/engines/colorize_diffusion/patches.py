"""A fixed transform in place of an autoencoder, for models that are trained on a processor: nothing has to be learned.

Every 8 x 8 patch becomes the lowest frequencies of its cosine transform, six of brightness and three of each colour
difference. What it loses is what regions and lines bring back at the end: sharp edges.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor

PATCH = 8
BRIGHTNESS = ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0))
DIFFERENCE = ((0, 0), (0, 1), (1, 0))
COLOURS = ((0.299, 0.587, 0.114), (-0.169, -0.331, 0.5), (0.5, -0.419, -0.081))
"""Brightness and the two colour differences, of RGB."""
CHANNELS = len(BRIGHTNESS) + 2 * len(DIFFERENCE)
SPREAD = (3.9, 2.4, 2.4, 1.2, 1.2, 1.2) + 2 * (1.3, 0.7, 0.7)
"""About the standard deviation of each patch's mean over our drawings, which the noise schedule expects to be 1, and
twice that of the differences inside a patch: what colour a patch has matters more than what goes on in it."""


class Posterior:
    """A picture's one and only latent, with the words of an autoencoder's posterior."""

    def __init__(self, latent: Tensor) -> None:
        self.mean = latent
        self.std = torch.zeros_like(latent)

    def sample(self, _generator: Any = None) -> Tensor:
        """The latent."""
        return self.mean


class PatchTransform(ModelMixin, ConfigMixin):
    """RGB (B, 3, H, W) in [-1, 1] to latents (B, 12, H/8, W/8) and back; as the pipeline's `vae`."""

    @register_to_config
    def __init__(  # the arguments are what others read in the config
        self,
        latent_channels: int = CHANNELS,  # noqa: ARG002
        scaling_factor: float = 1.0,  # noqa: ARG002
    ) -> None:
        super().__init__()
        basis = torch.stack(
            [torch.einsum("c,yx->cyx", torch.tensor(colour), _cosine(*wave)) for colour, wave in _channels()]
        )
        spread = torch.tensor(SPREAD).view(-1, 1, 1, 1)
        # the inverse leaves out what the kept frequencies can't hold: the pseudo-inverse of the analysis
        inverse = torch.linalg.pinv(basis.flatten(1)).T.reshape(basis.shape)
        self.analysis = torch.nn.Parameter(basis / spread, requires_grad=False)
        self.synthesis = torch.nn.Parameter((inverse * spread).contiguous(), requires_grad=False)

    def encode(self, picture: Tensor) -> Any:
        """What an autoencoder's `encode` gives."""
        return SimpleNamespace(latent_dist=Posterior(F.conv2d(picture, self.analysis, stride=PATCH)))

    def decode(self, latent: Tensor, *, return_dict: bool = True) -> Any:
        """What an autoencoder's `decode` gives."""
        picture = F.conv_transpose2d(latent, self.synthesis, stride=PATCH)
        return SimpleNamespace(sample=picture) if return_dict else (picture,)


def _channels() -> list[tuple[tuple[float, ...], tuple[int, int]]]:
    waves = (BRIGHTNESS, DIFFERENCE, DIFFERENCE)
    return [(colour, wave) for colour, kept in zip(COLOURS, waves, strict=True) for wave in kept]


def _cosine(down: int, across: int) -> Tensor:
    """An orthonormal cosine wave (8, 8)."""

    def wave(frequency: int) -> Tensor:
        places = (torch.arange(PATCH) + 0.5) * math.pi * frequency / PATCH
        return torch.cos(places) * math.sqrt((1 if frequency == 0 else 2) / PATCH)

    return wave(down)[:, None] * wave(across)[None]

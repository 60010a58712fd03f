"""A fixed transform in place of an autoencoder, for small models that are trained on a CPU. Nothing in it is learned.

Every patch of 8 x 8 px is represented by the lowest frequencies of its discrete cosine transform: six of brightness and
three of each colour difference. Sharp edges are lost; the last stage restores them from the regions and the lines.
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
"""Brightness and the two colour differences (YCbCr) as weights of RGB."""
CHANNELS = len(BRIGHTNESS) + 2 * len(DIFFERENCE)
SPREAD = (3.9, 2.4, 2.4, 1.2, 1.2, 1.2) + 2 * (1.3, 0.7, 0.7)
"""What each channel is divided by. The noise schedule expects a standard deviation of 1. For the mean of a patch this
is about its standard deviation over the project's drawings, for the other frequencies about twice theirs, because the
colour of a patch matters more than its detail."""


class Posterior:
    """The latent of a picture, with the interface of an autoencoder's posterior. It is deterministic."""

    def __init__(self, latent: Tensor) -> None:
        self.mean = latent
        self.std = torch.zeros_like(latent)

    def sample(self, _generator: Any = None) -> Tensor:
        """The latent."""
        return self.mean


class PatchTransform(ModelMixin, ConfigMixin):
    """RGB (B, 3, H, W) in [-1, 1] to latents (B, 12, H/8, W/8) and back, with the interface of the pipeline's `vae`."""

    @register_to_config
    def __init__(  # the pipeline reads both arguments from the config
        self,
        latent_channels: int = CHANNELS,  # noqa: ARG002
        scaling_factor: float = 1.0,  # noqa: ARG002
    ) -> None:
        super().__init__()
        basis = torch.stack(
            [torch.einsum("c,yx->cyx", torch.tensor(colour), _cosine(*wave)) for colour, wave in _channels()]
        )
        spread = torch.tensor(SPREAD).view(-1, 1, 1, 1)
        # The synthesis is the pseudo-inverse of the analysis: what the kept frequencies do not contain stays zero.
        inverse = torch.linalg.pinv(basis.flatten(1)).T.reshape(basis.shape)
        self.analysis = torch.nn.Parameter(basis / spread, requires_grad=False)
        self.synthesis = torch.nn.Parameter((inverse * spread).contiguous(), requires_grad=False)

    def encode(self, picture: Tensor) -> Any:
        """Returns an object like the one that an autoencoder's `encode` returns."""
        return SimpleNamespace(latent_dist=Posterior(F.conv2d(picture, self.analysis, stride=PATCH)))

    def decode(self, latent: Tensor, *, return_dict: bool = True) -> Any:
        """Returns an object like the one that an autoencoder's `decode` returns."""
        picture = F.conv_transpose2d(latent, self.synthesis, stride=PATCH)
        return SimpleNamespace(sample=picture) if return_dict else (picture,)


def _channels() -> list[tuple[tuple[float, ...], tuple[int, int]]]:
    waves = (BRIGHTNESS, DIFFERENCE, DIFFERENCE)
    return [(colour, wave) for colour, kept in zip(COLOURS, waves, strict=True) for wave in kept]


def _cosine(down: int, across: int) -> Tensor:
    """Basis function (8, 8) of the orthonormal DCT-II with the given vertical and horizontal frequency."""

    def wave(frequency: int) -> Tensor:
        angles = (torch.arange(PATCH) + 0.5) * math.pi * frequency / PATCH
        return torch.cos(angles) * math.sqrt((1 if frequency == 0 else 2) / PATCH)

    return wave(down)[:, None] * wave(across)[None]

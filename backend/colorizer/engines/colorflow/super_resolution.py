"""ColorFlow's Guided Super-Resolution Pipeline: the small coloured picture made larger along the page's lines.

(arXiv 2412.11815, section 3.3.) Encoder features of colours and page are fused level by level and added while the
colours are decoded. The autoencoder is an unmodified `AutoencoderKL`, watched and led by hooks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from diffusers import AutoencoderKL
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from colorizer.engines.colorflow.condition import encode

BLOCKS = 4
"""Residual blocks per level."""


class FusionNet(ModelMixin, ConfigMixin):
    """Fuses the encoder features of colours and page, level by level (published `MultiResNetModel`).

    Args:
        channels: of the five encoder features, finest first.
    """

    @register_to_config
    def __init__(self, channels: Sequence[int] = (128, 128, 256, 512, 512)) -> None:
        super().__init__()
        # A level's output is added to what enters the decoder's level, which is as wide as the encoder's two below.
        outputs = [*channels[2:], channels[-1], channels[-1]]
        self.two_layer_resnets = nn.ModuleList(
            _FusionLevel(2 * inside, outside) for inside, outside in zip(channels, outputs, strict=True)
        )

    def normalise_by_picture(self, *, on: bool) -> None:
        """Whether to normalise by the picture's own statistics, as the published program always does.

        On real weights this is another function than the stored statistics give, and forbids tiles and batches.
        """
        for module in self.modules():
            if isinstance(module, _PictureNorm):
                module.by_picture = on

    def forward(self, colours: Sequence[Tensor], page: Sequence[Tensor]) -> list[Tensor]:
        """Features of both, finest first, each (1, C, h, w), to what is added while decoding, finest first."""
        pairs = zip(self.two_layer_resnets, colours, page, strict=True)
        return [level(torch.cat([colour, lines], dim=1)) for level, colour, lines in pairs]


class _FusionLevel(nn.Module):
    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        for index in range(BLOCKS):
            block = _FusionBlock(channels_in if index == 0 else channels_out, channels_out)
            self.add_module(f"block{index + 1}", block)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.children():
            x = block(x)
        return x


class _FusionBlock(nn.Module):
    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
        self.bn1 = _PictureNorm(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.bn2 = _PictureNorm(channels_out)
        self.shortcut: nn.Module = nn.Identity()
        if channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, bias=False), _PictureNorm(channels_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (hidden + self.shortcut(x)).relu()


class _PictureNorm(nn.BatchNorm2d):
    """Batch normalisation that can use the statistics of the picture at hand; the stored ones are never changed."""

    by_picture = False

    def forward(self, x: Tensor) -> Tensor:
        if not self.by_picture:
            return super().forward(x)
        return nn.functional.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)


@torch.no_grad()
def upscale(
    vae: AutoencoderKL,
    fusion: FusionNet,
    colours: Tensor,
    page: Tensor,
    noise: Tensor | None = None,
    *,
    parity: bool = False,
) -> Tensor:
    """The coloured picture, redrawn along the page's lines.

    Args:
        colours: the small result, already stretched to the page's size, (1, 3, H, W), [-1, 1].
        page: the prepared page, of the same size and range.
        noise: (1, 4, H/8, W/8), posterior noise as published; None takes the mean.
        parity: as published, where the fusion network was never switched to evaluation.

    Returns:
        (1, 3, H, W), about [-1, 1].
    """
    fusion.normalise_by_picture(on=parity)
    with _encoder_features(vae) as seen_page:
        encode(vae, page)
    with _encoder_features(vae) as seen_colours:
        latents = encode(vae, colours, noise)
    latents = latents.to(vae.dtype)
    with _fed_to_decoder(vae, fusion(seen_colours, seen_page)):
        decoded: Tensor = vae.decode(latents, return_dict=False)[0]
    return decoded


@contextmanager
def _encoder_features(vae: AutoencoderKL) -> Iterator[list[Tensor]]:
    """While open, collects what leaves the encoder's input convolution and each of its levels."""
    features: list[Tensor] = []

    def keep(_module: nn.Module, _args: Any, output: Tensor) -> None:
        features.append(output)

    with ExitStack() as hooks:
        for place in (vae.encoder.conv_in, *vae.encoder.down_blocks):
            hooks.callback(place.register_forward_hook(keep).remove)
        yield features


@contextmanager
def _fed_to_decoder(vae: AutoencoderKL, features: Sequence[Tensor]) -> Iterator[None]:
    """While open, adds the features, deepest first, to what enters the decoder's middle and each of its levels."""

    def adding(feature: Tensor) -> Any:
        return lambda _module, args: (args[0] + feature, *args[1:])

    with ExitStack() as hooks:
        places = (vae.decoder.mid_block, *vae.decoder.up_blocks)
        for place, feature in zip(places, reversed(features), strict=True):
            hooks.callback(place.register_forward_pre_hook(adding(feature)).remove)
        yield

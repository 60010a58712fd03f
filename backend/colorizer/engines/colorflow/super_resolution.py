"""ColorFlow's Guided Super-Resolution Pipeline (arXiv 2412.11815, section 3.3).

It scales the coloured picture up to the page's size, guided by the page's lines: the encoder features of the colours
and of the page are fused level by level and added while the colours are decoded. The autoencoder is an unmodified
`AutoencoderKL`; hooks read its features and add to them.
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
        channels: channels of the five encoder features, finest first.
    """

    @register_to_config
    def __init__(self, channels: Sequence[int] = (128, 128, 256, 512, 512)) -> None:
        super().__init__()
        # A level's output is added to the input of a decoder level, which is as wide as the encoder two levels below.
        outputs = [*channels[2:], channels[-1], channels[-1]]
        self.two_layer_resnets = nn.ModuleList(
            _FusionLevel(2 * inside, outside) for inside, outside in zip(channels, outputs, strict=True)
        )

    def normalise_by_picture(self, *, on: bool) -> None:
        """Sets whether batch norms use the statistics of the current picture, as they always do in the published
        program.

        This is a different function than with the stored statistics, and it does not allow tiles or batches.
        """
        for module in self.modules():
            if isinstance(module, _PictureNorm):
                module.by_picture = on

    def forward(self, colours: Sequence[Tensor], page: Sequence[Tensor]) -> list[Tensor]:
        """Fuses the features of colours and page, (1, C, h, w) each, finest first; returns them in the same order."""
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
    """Batch normalisation that can use the statistics of the current picture. Stored statistics are never changed."""

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
    """Decodes the colours with the fused features of the page.

    Args:
        vae: the autoencoder.
        fusion: the fusion network.
        colours: the coloured picture resized to the page's size, (1, 3, H, W) in [-1, 1].
        page: the prepared page, of the same shape and range.
        noise: posterior noise (1, 4, H/8, W/8), as published; None: posterior mean.
        parity: run the fusion network in training mode, as the published program does by mistake.

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
    """Context that collects the outputs of the encoder's input convolution and of each of its levels."""
    features: list[Tensor] = []

    def keep(_module: nn.Module, _args: Any, output: Tensor) -> None:
        features.append(output)

    with ExitStack() as hooks:
        for place in (vae.encoder.conv_in, *vae.encoder.down_blocks):
            hooks.callback(place.register_forward_hook(keep).remove)
        yield features


@contextmanager
def _fed_to_decoder(vae: AutoencoderKL, features: Sequence[Tensor]) -> Iterator[None]:
    """Context that adds the features, deepest first, to the inputs of the decoder's middle block and of its levels."""

    def adding(feature: Tensor) -> Any:
        return lambda _module, args: (args[0] + feature, *args[1:])

    with ExitStack() as hooks:
        places = (vae.decoder.mid_block, *vae.decoder.up_blocks)
        for place, feature in zip(places, reversed(features), strict=True):
            hooks.callback(place.register_forward_pre_hook(adding(feature)).remove)
        yield

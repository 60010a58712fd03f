"""Screentone for ColorFlow's grey models: ScreenStyle's generator and the decoder of ScreenVAE, as published.

A grey page and its colours become a four-channel screen code, the code becomes dots. Deterministic, by evaluation mode
and no noise, where the published program draws both anew each time. Submodules carry the published names; spectral
normalisation is folded into the weights on conversion (`fold_spectral_norm`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from colorizer.engines.runtime.device_swap import bring
from colorizer.imaging.values import RGB

_GENERATOR_WIDTHS = (48, 96, 192, 384, 384, 384, 384, 384)
_DECODER_WIDTHS = (48, 96, 192, 384, 384, 384, 384)
_DECONVOLVED = 4
"""Outer levels of the decoder that grow by transposed convolution."""
_NOISY = (1, 2, 3)
"""Levels of the decoder that were trained with noise on their output; its bias is left of it."""
_GENERATOR_MULTIPLE = 256
_DECODER_MULTIPLE = 128
_PADDING = (255, 0, 0)
"""The published program means white and fills with red; the norms run over the whole picture, so it matters."""


class ScreenStyle(nn.Module):
    """Both networks, and the way of a page through them."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = ScreenCodeGenerator()
        self.decoder = ScreenDecoder()

    @torch.no_grad()
    def screen(self, page: RGB) -> NDArray[np.uint8]:
        """(H, W, 3) to its screentoned grey picture, (H, W)."""
        height, width = page.shape[:2]
        padding = ((0, -height % _GENERATOR_MULTIPLE), (0, -width % _GENERATOR_MULTIPLE))
        grey = np.pad(np.asarray(Image.fromarray(page).convert("L")), padding, constant_values=255)
        colour = np.empty((*grey.shape, 3), np.uint8)
        colour[:] = _PADDING
        colour[:height, :width] = page
        planes = np.concatenate([grey[..., None], colour], axis=2).transpose(2, 0, 1)
        bring(self)
        place = next(self.parameters())
        seen = torch.from_numpy(planes.astype(np.float32) / 127.5 - 1)[None].to(place)
        dots = self._decode(self.generator(seen))
        light = (seen[:, :1] + 1) / 2
        # The grey picture is multiplied in twice, as published: once before the dots are cut off, once after.
        shown = (((dots + 1) * light - 1).clamp(-1, 1) + 1) / 2 * light
        levels = (shown[0, 0, :height, :width] * 255).to(torch.uint8)
        return levels.cpu().numpy()

    def _decode(self, code: Tensor) -> Tensor:
        """(1, 4, H, W) to dots (1, 1, H, W); always padded by at least one pixel, as published."""
        height, width = code.shape[-2:]
        bottom, right = (_DECODER_MULTIPLE - side % _DECODER_MULTIPLE for side in (height, width))
        padded = F.pad(code, (0, right, 0, bottom), mode="replicate")
        return self.decoder(padded)[..., :height, :width]


class ScreenCodeGenerator(nn.Module):
    """Published `G_RGB2INTSCR`: (B, 4, H, W) of grey, red, green, blue in [-1, 1] to a screen code in [-1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.model: nn.Module = _AddingLevel(len(_GENERATOR_WIDTHS) - 1, None)
        for level in reversed(range(len(_GENERATOR_WIDTHS) - 1)):
            self.model = _AddingLevel(level, self.model)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return torch.tanh(self.model(x))


class ScreenDecoder(nn.Module):
    """Published `ScreenVAE` decoder: a screen code (B, 4, H, W) to dots (B, 1, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.model: nn.Module = _JoiningLevel(len(_DECODER_WIDTHS) - 1, None)
        for level in reversed(range(len(_DECODER_WIDTHS) - 1)):
            self.model = _JoiningLevel(level, self.model)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.model(x)


class _PictureLayerNorm(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[1:])


def _activation() -> nn.Module:
    return nn.LeakyReLU(0.2)


def _padded(channels_in: int, channels_out: int, side: int = 3, stride: int = 1) -> list[nn.Module]:
    return [nn.ReplicationPad2d(side // 2), nn.Conv2d(channels_in, channels_out, side, stride)]


def _grown(channels_in: int, channels_out: int) -> list[nn.Module]:
    bilinear = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
    return [bilinear, nn.Conv2d(channels_in, channels_out, 1)]


class _AddingLevel(nn.Module):
    """One level of the generator around its inner levels; its input comes back added, once activated."""

    def __init__(self, level: int, inner: nn.Module | None) -> None:
        super().__init__()
        width = _GENERATOR_WIDTHS[level]
        outside = _GENERATOR_WIDTHS[level - 1] if level else 4
        self.outermost = level == 0
        hidden = width if self.outermost else outside
        before = [] if self.outermost else [_activation()]
        normed = [] if self.outermost or inner is None else [_PictureLayerNorm()]
        middle = [] if inner is None else [inner]
        after = [] if self.outermost else [_PictureLayerNorm()]
        self.model = nn.Sequential(
            *before,
            *_padded(outside, width, stride=2),
            *normed,
            *middle,
            _activation(),
            *_grown(width, hidden),
            _PictureLayerNorm(),
            _activation(),
            *_padded(hidden, outside),
            *after,
        )

    def forward(self, x: Tensor) -> Tensor:
        new = self.model(x)
        if self.outermost:
            return new
        if new.shape[-2:] != x.shape[-2:]:
            new = F.interpolate(new, x.shape[-2:], mode="nearest")
        return new + F.leaky_relu(x, 0.2)


class _JoiningLevel(nn.Module):
    """One level of the decoder around its inner levels; its input comes back beside, once activated."""

    def __init__(self, level: int, inner: nn.Module | None) -> None:
        super().__init__()
        width = _DECODER_WIDTHS[level]
        outside = _DECODER_WIDTHS[level - 1] if level else 4
        self.outermost = level == 0
        hidden = width if self.outermost else outside
        inside = width if inner is None else 2 * width
        grown: list[nn.Module] = _grown(inside, hidden)
        if level < _DECONVOLVED:
            grown = [nn.ConvTranspose2d(inside, hidden, 4, stride=2, padding=1)]
        last = _padded(hidden, 1, side=7) if self.outermost else _padded(hidden, outside)
        self.model = nn.Sequential(
            *([] if self.outermost else [_activation()]),
            *_padded(outside, width, stride=2),
            *([] if self.outermost or inner is None else [_PictureLayerNorm()]),
            *([] if inner is None else [inner]),
            _activation(),
            *grown,
            _PictureLayerNorm(),
            _activation(),
            *last,
            *([] if self.outermost else [_PictureLayerNorm()]),
        )
        self.noise_bias = nn.Parameter(torch.zeros(outside)) if level in _NOISY else None

    def forward(self, x: Tensor) -> Tensor:
        new = self.model(x)
        if self.outermost:
            return new
        if self.noise_bias is not None:
            # Noise was trained on the first half of the channels only.
            first = torch.arange(new.shape[1], device=new.device) < new.shape[1] // 2
            new = new + (self.noise_bias * first)[:, None, None]
        if new.shape[-2:] != x.shape[-2:]:
            new = F.interpolate(new, x.shape[-2:], mode="nearest")
        return torch.cat([new, F.leaky_relu(x, 0.2)], dim=1)


def fold_spectral_norm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A published state dict with W = W_orig / (u W v) in place of its spectrally normalised weights."""
    folded = {}
    for key, value in state.items():
        stem, _, kind = key.rpartition("weight_")
        if not stem or kind not in ("orig", "u", "v"):
            folded[key] = value
        elif kind == "orig":
            left, right = state[f"{stem}weight_u"], state[f"{stem}weight_v"]
            folded[f"{stem}weight"] = value / (left @ value.flatten(1) @ right)
    return folded


def without_unused_noise(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict without the noise blocks that never run; the decoder's biases under our name.

    The decoder's noisy levels are `model.model.2`, `model.model.2.model.4` and `model.model.2.model.4.model.4`.
    """
    noisy = {"model.model." + ".model.".join(["2", "4", "4"][:depth]): depth for depth in _NOISY}
    kept = {}
    for key, value in state.items():
        level, found, name = key.partition(".noiseblock.")
        if not found:
            kept[key] = value
        elif level in noisy and name == "bias":
            kept[f"{level}.noise_bias"] = value.flatten()
    return kept

"""Screentone for ColorFlow's grey models: ScreenStyle's generator and the decoder of ScreenVAE, as published.

The generator converts a grey page and its colours to a four-channel screen code, which the decoder converts to dots.
Both run in evaluation mode and without noise, so the result is deterministic; the published program leaves dropout
and noise on. Submodules have the published names; the conversion folds spectral normalisation into the weights
(`fold_spectral_norm`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from colorizer.engines.runtime.device_swap import ensure_on_device
from colorizer.imaging.values import RGB

_GENERATOR_WIDTHS = (48, 96, 192, 384, 384, 384, 384, 384)
_DECODER_WIDTHS = (48, 96, 192, 384, 384, 384, 384)
_DECONVOLVED = 4
"""Outer levels of the decoder that upsample by transposed convolution."""
_NOISY = (1, 2, 3)
"""Levels of the decoder that were trained with noise on their output. Only the noise's bias is used here."""
_GENERATOR_MULTIPLE = 256
_DECODER_MULTIPLE = 128
_PADDING = (255, 0, 0)
"""Padding colour. The published program pads with red instead of white by mistake. It matters for parity, because the
norms are computed over the whole picture."""


class ScreenStyle(nn.Module):
    """Generator and decoder, applied to a page."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = ScreenCodeGenerator()
        self.decoder = ScreenDecoder()

    @torch.no_grad()
    def screen(self, page: RGB) -> NDArray[np.uint8]:
        """Converts a page (H, W, 3) to a screentoned grey picture (H, W)."""
        height, width = page.shape[:2]
        padding = ((0, -height % _GENERATOR_MULTIPLE), (0, -width % _GENERATOR_MULTIPLE))
        grey = np.pad(np.asarray(Image.fromarray(page).convert("L")), padding, constant_values=255)
        colour = np.empty((*grey.shape, 3), np.uint8)
        colour[:] = _PADDING
        colour[:height, :width] = page
        planes = np.concatenate([grey[..., None], colour], axis=2).transpose(2, 0, 1)
        ensure_on_device(self)
        place = next(self.parameters())
        seen = torch.from_numpy(planes.astype(np.float32) / 127.5 - 1)[None].to(place)
        dots = self._decode(self.generator(seen))
        light = (seen[:, :1] + 1) / 2
        # As published, the result is multiplied by the grey picture twice: before and after clamping the dots.
        shown = (((dots + 1) * light - 1).clamp(-1, 1) + 1) / 2 * light
        levels = (shown[0, 0, :height, :width] * 255).to(torch.uint8)
        return levels.cpu().numpy()

    def _decode(self, code: Tensor) -> Tensor:
        """Decodes a screen code (1, 4, H, W) to dots (1, 1, H, W); padded by at least one pixel, as published."""
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
    """One level of the generator with its inner levels. The skip connection adds the activated input."""

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
    """One level of the decoder with its inner levels. The skip connection concatenates the activated input."""

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
            # Only the first half of the channels was trained with noise.
            first = torch.arange(new.shape[1], device=new.device) < new.shape[1] // 2
            new = new + (self.noise_bias * first)[:, None, None]
        if new.shape[-2:] != x.shape[-2:]:
            new = F.interpolate(new, x.shape[-2:], mode="nearest")
        return torch.cat([new, F.leaky_relu(x, 0.2)], dim=1)


def fold_spectral_norm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Replaces spectrally normalised weights of a published state dict by W = W_orig / (u W v) (arXiv 1802.05957)."""
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
    """Removes noise blocks that are never used from a state dict and renames the biases of those that are.

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

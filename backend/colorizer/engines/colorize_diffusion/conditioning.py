"""Computes the denoiser's conditions from pictures and settings, for every mode of the three versions.

Conditions do not depend on the time step and are computed once per picture, with one row each; `guidance` repeats the
rows. v1 and v1.5 follow the v1.5 paper (arXiv 2502.19937: split cross-attention, modes Bg2Fig and Fig2Fig), v2 follows
its own (arXiv 2504.06895: background and style encoder, skip injection, style modulation).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.engines.colorize_diffusion.attention import Split, level_masks
from colorizer.engines.colorize_diffusion.manipulation import manipulate_local
from colorizer.engines.colorize_diffusion.reference_encoder import size_embedding
from colorizer.engines.colorize_diffusion.settings import Branch, DiffusionSettings, Modes, Version
from colorizer.engines.colorize_diffusion.sketch_encoder import null_sketch

BOTH_SIDES = frozenset(Branch)


@dataclass(frozen=True)
class Pictures:
    """A sketch and its references as tensors with one row: RGB in [-1, 1], masks about 0..1."""

    sketch: Tensor
    """(1, 3, H, W), lines +1 on background -1; H and W are multiples of 64."""
    reference: Tensor | None = None
    """(1, 3, h, w), any size."""
    background: Tensor | None = None
    """(1, 3, h, w), any size: replaces the reference's own background."""
    sketch_mask: Tensor | None = None
    """(1, 1, H, W), 1 = foreground."""
    reference_mask: Tensor | None = None
    """(1, 1, h, w), the size of the reference; 1 = foreground."""
    region_colours: Tensor | None = None
    """(1, 3, H, W), for models that were trained with them; see the module `region_colours`."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the result, px."""
        return self.sketch.shape[-2], self.sketch.shape[-1]


@dataclass(frozen=True)
class SketchResiduals:
    """The sketch encoder's residual maps, finest first."""

    sketch: Sequence[Tensor]
    none: Sequence[Tensor]
    """Residuals of the null sketch (see `sketch_encoder.null_sketch`), for sketch guidance."""


@dataclass(frozen=True)
class Conditions:
    """All inputs of the denoiser except the latent and the time step, one row each."""

    tokens: Tensor
    """Image tokens (1, N, D). With a split: the foreground's tokens, then the background's, (1, 2 N, D)."""
    residuals: SketchResiduals
    scales: Sequence[float]
    """Reference strength of each cross-attention."""
    split: Split | None = None
    adapters: frozenset[Branch] = frozenset()
    whole_adapter: Branch | None = None
    """See `attention.AttentionPlan`."""
    background: Sequence[Tensor] | None = None
    """Token maps of the background encoder (v2)."""
    style: Sequence[Tensor] | None = None
    """Vectors of the style encoder (v2)."""
    region_colours: Tensor | None = None
    """Latent of the region colours, (1, C, H/8, W/8)."""


@dataclass
class Networks:
    """The networks that compute conditions; None if a version lacks one."""

    image_tokens: Callable[[Tensor], Tensor]
    """Maps a picture (1, 3, h, w) to its class token and local tokens (1, 1 + N, D)."""
    encode: Callable[[Tensor], Tensor]
    """Maps a picture (1, 3, H, W) to a scaled latent (1, C, H/8, W/8)."""
    sketch_encoder: Any
    recovery: Any = None
    threshold_embedder: Any = None
    background_encoder: Any = None
    style_encoder: Any = None


def foreground_painted_out(reference: Tensor, mask: Tensor, threshold: float) -> Tensor:
    """Returns the reference with its foreground (mask at or above the threshold) painted white."""
    return torch.where(mask < threshold, reference, torch.ones_like(reference))


def scale_down(tensor: Tensor, factor: float) -> Tensor:
    """Scales (B, C, H, W) by a factor below 1: bicubic without antialiasing, not clamped."""
    return F.interpolate(tensor, scale_factor=factor, mode="bicubic", align_corners=False)


def latent_mask(mask: Tensor) -> Tensor:
    """Scales the sketch's mask (1, 1, H, W) to latent size (1, 1, H/8, W/8)."""
    return scale_down(mask, 1 / 8)


def squash(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Resizes to (H, W) without keeping the aspect ratio and without antialiasing.

    The style and background encoders were trained with pictures resized this way.
    """
    return F.interpolate(picture, size, mode="bicubic", align_corners=False)


def resized(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Resizes to (H, W) without keeping the aspect ratio, with antialiasing; used for attention injection."""
    return F.interpolate(picture, size, mode="bicubic", align_corners=False, antialias=True)


class Conditioner:
    """Computes the conditions for one version."""

    def __init__(self, version: Version, networks: Networks) -> None:
        self.version = version
        self.networks = networks
        self.split_before = False
        """Whether an earlier run used the LoRAs. The published v2 leaves the foreground LoRA on after such a run."""

    def prepare(
        self, pictures: Pictures, settings: DiffusionSettings, text: Callable[[str], Tensor] | None = None
    ) -> Conditions:
        """Computes the conditions of one picture.

        Args:
            pictures: the sketch and its references.
            settings: modes, strengths, text edits.
            text: maps a prompt to its unit vector (1, 1, D); needed for text edits only.
        """
        full = self.reference_tokens(pictures)
        if settings.edits and text is not None:
            full = manipulate_local(full, settings.edits, text, parity=settings.parity)
        tokens = full[:, 1:]
        make = self.prepare_v2 if self.version is Version.V2 else self.prepare_split
        conditions = make(pictures, settings, tokens, self.residuals(pictures, settings))
        if pictures.region_colours is None:
            return conditions
        return replace(conditions, region_colours=self.networks.encode(pictures.region_colours))

    def reference_tokens(self, pictures: Pictures) -> Tensor:
        """Class and local tokens of the reference; zeros without a reference."""
        if pictures.reference is not None:
            return self.networks.image_tokens(pictures.reference)
        return torch.zeros_like(self.networks.image_tokens(torch.zeros_like(pictures.sketch)))

    def residuals(self, pictures: Pictures, settings: DiffusionSettings) -> SketchResiduals:
        """Residuals of the sketch and of the null sketch, times the sketch strength."""
        encode, strength = self.networks.sketch_encoder, settings.sketch_strength
        sketch = pictures.sketch.to(encode.dtype)
        return SketchResiduals(
            [residual * strength for residual in encode(sketch)],
            [residual * strength for residual in encode(null_sketch(sketch))],
        )

    def background_picture(self, pictures: Pictures, settings: DiffusionSettings) -> Tensor:
        """The background picture, or else the reference with its foreground painted white."""
        if pictures.background is not None:
            return pictures.background
        assert pictures.reference is not None
        assert pictures.reference_mask is not None
        return foreground_painted_out(
            pictures.reference, pictures.reference_mask, settings.thresholds.reference
        )

    def split(self, pictures: Pictures, settings: DiffusionSettings) -> Split:
        """The division of the picture by the sketch's mask."""
        assert pictures.sketch_mask is not None
        mask = latent_mask(pictures.sketch_mask)
        levels = len(self.networks.sketch_encoder.config.block_out_channels)
        return Split(level_masks(mask, levels), settings.thresholds.sketch, settings.strength)

    def prepare_split(
        self, pictures: Pictures, settings: DiffusionSettings, tokens: Tensor, residuals: SketchResiduals
    ) -> Conditions:
        """Conditions of v1 (split attention without LoRA) and v1.5 (arXiv 2502.19937: Bg2Fig, Fig2Fig)."""
        modes = settings.modes
        foreground = modes.foreground and self.version is Version.V1_5
        if not (foreground or modes.background):
            return Conditions(tokens, residuals, settings.scales)
        if modes.background:
            tokens = torch.cat(self.branch_tokens(pictures, settings, tokens), dim=1)
        if foreground and (settings.parity or not modes.background):
            # The published program also repeats tokens that are already split, so that both branches attend to all.
            tokens = tokens.repeat(1, 2, 1)
        used = {Branch.FOREGROUND: foreground, Branch.BACKGROUND: modes.background}
        adapters = frozenset(side for side in Branch if used[side])
        split = self.split(pictures, settings)
        return Conditions(tokens, residuals, settings.scales, split, adapters)

    def branch_tokens(self, pictures: Pictures, settings: DiffusionSettings, tokens: Tensor) -> list[Tensor]:
        """Foreground and background tokens.

        v1.5 adds the embedded mask thresholds to both, and passes the background tokens through the recovery
        transformer unless the artist gave a background picture.
        """
        background = self.networks.image_tokens(self.background_picture(pictures, settings))[:, 1:]
        if self.version is Version.V1_5:
            thresholds = settings.thresholds
            tokens = tokens + self.threshold_token(thresholds.sketch, tokens)
            background = background + self.threshold_token(thresholds.reference, tokens)
            if pictures.background is None:
                background = self.networks.recovery(background)
        return [tokens, background]

    def threshold_token(self, threshold: float, like: Tensor) -> Tensor:
        """The embedded threshold (1, 1, D)."""
        return self.networks.threshold_embedder(like.new_tensor([threshold], dtype=torch.float32))

    def prepare_v2(
        self, pictures: Pictures, settings: DiffusionSettings, tokens: Tensor, residuals: SketchResiduals
    ) -> Conditions:
        """Conditions of v2 (arXiv 2504.06895): background enhance, style enhance, both, or neither.

        `modes.foreground` alone only splits the attention, with the same tokens for both branches and without LoRA.
        """
        modes, scales = settings.modes, settings.scales
        behind = self.background_tokens(pictures, modes, settings)
        style, latent = None, None
        if modes.style:
            style, latent = self.style(pictures, settings, tokens, behind)
        if not modes.split:
            whole = Branch.FOREGROUND if settings.parity and self.split_before else None
            return Conditions(tokens, residuals, scales, whole_adapter=whole, style=style)
        split = self.split(pictures, settings)
        if behind is None or not modes.background:
            return Conditions(tokens.repeat(1, 2, 1), residuals, scales, split, style=style)
        self.split_before = True
        context = tokens if pictures.background is None or modes.style else behind
        background = self.background(pictures, settings, context, latent)
        both = torch.cat([tokens, behind], dim=1)
        return Conditions(both, residuals, scales, split, BOTH_SIDES, background=background, style=style)

    def background_tokens(
        self, pictures: Pictures, modes: Modes, settings: DiffusionSettings
    ) -> Tensor | None:
        """Tokens of the background, where a mode of v2 needs them; else None."""
        if not modes.background and (pictures.background is None or not modes.style):
            return None
        return self.networks.image_tokens(self.background_picture(pictures, settings))[:, 1:]

    def style(
        self, pictures: Pictures, settings: DiffusionSettings, tokens: Tensor, behind: Tensor | None
    ) -> tuple[list[Tensor], Tensor | None]:
        """Style vectors of the reference, merged with those of a background picture; and that picture's latent."""
        assert pictures.reference is not None
        vectors, _ = self.style_of(pictures.reference, pictures.size, tokens)
        if pictures.background is None:
            return vectors, None
        assert behind is not None
        others, latent = self.style_of(pictures.background, pictures.size, behind)
        merge = settings.strength.merge
        return [a * (1 - merge) + b * merge for a, b in zip(vectors, others, strict=True)], latent

    def style_of(self, picture: Tensor, size: tuple[int, int], tokens: Tensor) -> tuple[list[Tensor], Tensor]:
        """Style vectors of one picture, and its latent."""
        latent = self.networks.encode(squash(picture, size))
        y = size_embedding((picture.shape[-2], picture.shape[-1]), size).to(latent.device)
        return self.networks.style_encoder(latent, tokens, y), latent

    def background(
        self, pictures: Pictures, settings: DiffusionSettings, context: Tensor, latent: Tensor | None
    ) -> list[Tensor]:
        """Background features; `latent` is the background picture's latent if `style` has already computed it."""
        picture = self.background_picture(pictures, settings)
        if latent is None:
            latent = self.networks.encode(squash(picture, pictures.size))
        y = size_embedding((picture.shape[-2], picture.shape[-1]), pictures.size).to(latent.device)
        maps = self.networks.background_encoder(latent, context, y)
        return [one * settings.background_factor for one in maps]

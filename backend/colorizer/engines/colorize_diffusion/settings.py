"""The user's settings for a picture coloured by ColorizeDiffusion.

Frozen dataclasses that do not need torch, so that the settings can be listed without importing it. The `*_scales`
functions compute the reference strengths of the sixteen cross-attentions by group.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

NUM_TRANSFORMERS = 16


class Version(str, Enum):
    """The published versions: arXiv 2401.01456 (v1), 2502.19937 (v1.5), 2504.06895 (v2)."""

    V1 = "v1"
    V1_5 = "v1.5"
    V2 = "v2"


class Prediction(str, Enum):
    """What the network predicts; the values are diffusers'."""

    EPSILON = "epsilon"
    V = "v_prediction"


class Branch(str, Enum):
    """The two branches of split attention; the values are the names of the peft adapters."""

    FOREGROUND = "foreground"
    BACKGROUND = "background"


@dataclass(frozen=True)
class BranchStrength:
    """Weights of the two branches of split attention (published names: foreground, background and merging scale)."""

    foreground: float = 1.0
    background: float = 1.0
    merge: float = 0.0
    """Share of the background branch in the foreground's output, 0..1."""


ENCODER_BLOCKS = (0, 1, 2, 3, 4, 5)
MIDDLE_BLOCKS = (2, 3, 10, 11, 12)
LOW_BLOCKS = (4, 5, 7, 8, 9)
BOTTOM_BLOCKS = (6,)
HIGH_BLOCKS = (0, 1, 13, 14, 15)


def uniform_scales(strength: float) -> tuple[float, ...]:
    """The same reference strength in every cross-attention."""
    return (strength,) * NUM_TRANSFORMERS


def level_scales(encoder: float, middle: float, low: float) -> tuple[float, ...]:
    """Reference strengths by the published groups: where they overlap, the later wins; blocks 6 and 13 to 15 stay 1.

    `group_scales` covers all blocks without overlap.
    """
    scales = [1.0] * NUM_TRANSFORMERS
    for blocks, scale in ((ENCODER_BLOCKS, encoder), (MIDDLE_BLOCKS, middle), (LOW_BLOCKS, low)):
        for block in blocks:
            scales[block] = scale
    return tuple(scales)


def group_scales(high: float, middle: float, low: float, bottom: float) -> tuple[float, ...]:
    """Reference strengths of all sixteen cross-attentions by the level of the UNet."""
    scales = [1.0] * NUM_TRANSFORMERS
    groups = ((HIGH_BLOCKS, high), (MIDDLE_BLOCKS, middle), (LOW_BLOCKS, low), (BOTTOM_BLOCKS, bottom))
    for blocks, scale in groups:
        for block in blocks:
            scales[block] = scale
    return tuple(scales)


@dataclass(frozen=True)
class Modes:
    """The three switches of the published program. With all of them off, it is the papers' vanilla mode."""

    foreground: bool = False
    """v1.5: Bg2Fig, with `background` Fig2Fig. v2: split attention without LoRA."""
    background: bool = False
    """v2: background enhance. v1.5: with `foreground` Fig2Fig."""
    style: bool = False
    """v2: style enhance."""

    @property
    def split(self) -> bool:
        """Whether foreground and background have attention branches of their own."""
        return self.foreground or self.background


@dataclass(frozen=True)
class Thresholds:
    """Mask values, 0..1, above which a pixel is foreground."""

    sketch: float = 0.05
    reference: float = 0.5


@dataclass(frozen=True)
class Guidance:
    """Classifier-free guidance (arXiv 2207.12598). A scale of 1 or less switches a term off."""

    reference: float = 4.0
    sketch: float = 1.0
    start: float = 0.0
    """Share of the denoising from which the reference acts, 0..1."""
    end: float = 1.0
    """Share of the denoising up to which the reference acts, 0..1."""
    pause_start: float = -0.05
    pause_end: float = -0.05
    """Shares of the denoising between which the reference does not act; negative: no pause."""

    def sees_reference(self, timestep: float, num_train_timesteps: int) -> bool:
        """Whether the window is open at a time step."""
        way = 1 - timestep / (num_train_timesteps - 1)
        paused = self.pause_start <= way <= self.pause_end
        return self.start <= way <= self.end and not paused


@dataclass(frozen=True)
class Injection:
    """Attention injection: self-attention also attends to the noised reference (see `attention`)."""

    fidelity: float = 0.5
    control: float = 0.0
    """Strength of the reference's own residuals in the forward pass on the reference."""
    start: float = 0.0
    """Share of the denoising from which injection acts, 0..1."""


@dataclass(frozen=True)
class Edit:
    """A text-based manipulation of the reference's tokens (see `manipulation`)."""

    target: str
    control: str
    anchor: str | None = None
    scale: float = 0.0
    enhance: bool = False
    thresholds: tuple[float, float, float, float] = (0.5, 0.55, 0.65, 0.95)


@dataclass(frozen=True)
class DiffusionSettings:
    """All settings of a result except the pictures, the sampler and the seed."""

    modes: Modes = Modes()
    thresholds: Thresholds = Thresholds()
    strength: BranchStrength = BranchStrength()
    scales: tuple[float, ...] = uniform_scales(1.0)
    """Reference strength of each cross-attention."""
    sketch_strength: float = 1.0
    background_factor: float = 1.0
    """Strength of the background encoder's features (v2)."""
    guidance: Guidance = Guidance()
    injection: Injection | None = None
    edits: tuple[Edit, ...] = field(default=())
    parity: bool = False
    """Whether to reproduce the published program's bugs; only for comparisons with it."""

"""What a person can choose for one ColorizeDiffusion picture, beside the pictures themselves.

Plain frozen values and nothing that needs torch, so that a list of choices can be shown without loading it. The
`*_scales` functions know the groups of the sixteen cross-attentions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

NUM_TRANSFORMERS = 16


class Version(str, Enum):
    """The published generations."""

    V1 = "v1"
    V1_5 = "v1.5"
    V2 = "v2"


class Prediction(str, Enum):
    """What the network was trained to predict; the values are diffusers'."""

    EPSILON = "epsilon"
    V = "v_prediction"


class Branch(str, Enum):
    """The two sides of split attention; the values are the names of the peft adapters."""

    FOREGROUND = "foreground"
    BACKGROUND = "background"


@dataclass(frozen=True)
class BranchStrength:
    """What split attention weighs its two sides with (paper: foreground, background and merging scale)."""

    foreground: float = 1.0
    background: float = 1.0
    merge: float = 0.0
    """How much of the background's attention is mixed into the foreground, 0..1."""


ENCODER_BLOCKS = (0, 1, 2, 3, 4, 5)
MIDDLE_BLOCKS = (2, 3, 10, 11, 12)
LOW_BLOCKS = (4, 5, 7, 8, 9)
BOTTOM_BLOCKS = (6,)
HIGH_BLOCKS = (0, 1, 13, 14, 15)


def uniform_scales(strength: float) -> tuple[float, ...]:
    """The same reference strength in every cross-attention."""
    return (strength,) * NUM_TRANSFORMERS


def level_scales(encoder: float, middle: float, low: float) -> tuple[float, ...]:
    """The published groups, which overlap: later ones win, and blocks 6 and 13-15 stay at 1. See `group_scales`."""
    scales = [1.0] * NUM_TRANSFORMERS
    for blocks, scale in ((ENCODER_BLOCKS, encoder), (MIDDLE_BLOCKS, middle), (LOW_BLOCKS, low)):
        for block in blocks:
            scales[block] = scale
    return tuple(scales)


def group_scales(high: float, middle: float, low: float, bottom: float) -> tuple[float, ...]:
    """Reference strengths by latent level, for all sixteen."""
    scales = [1.0] * NUM_TRANSFORMERS
    groups = ((HIGH_BLOCKS, high), (MIDDLE_BLOCKS, middle), (LOW_BLOCKS, low), (BOTTOM_BLOCKS, bottom))
    for blocks, scale in groups:
        for block in blocks:
            scales[block] = scale
    return tuple(scales)


@dataclass(frozen=True)
class Modes:
    """The three switches; none of them is the papers' vanilla mode."""

    foreground: bool = False
    """v1.5: Bg2Fig, with `background` Fig2Fig. v2: split attention without LoRA."""
    background: bool = False
    """v2: background enhance. v1.5: with `foreground` Fig2Fig."""
    style: bool = False
    """v2: style enhance."""

    @property
    def split(self) -> bool:
        """Whether the picture is divided into two sides."""
        return self.foreground or self.background


@dataclass(frozen=True)
class Thresholds:
    """Where masks become foreground, 0..1."""

    sketch: float = 0.05
    reference: float = 0.5


@dataclass(frozen=True)
class Guidance:
    """Classifier-free guidance; a scale of 1 or less switches its term off."""

    reference: float = 4.0
    sketch: float = 1.0
    start: float = 0.0
    """The reference acts from this share of the way on, 0..1."""
    end: float = 1.0
    """The reference acts up to this share of the way."""
    pause_start: float = -0.05
    pause_end: float = -0.05
    """The reference does not act between these shares of the way."""

    def sees_reference(self, timestep: float, num_train_timesteps: int) -> bool:
        """Whether the window is open at a time step."""
        way = 1 - timestep / (num_train_timesteps - 1)
        paused = self.pause_start <= way <= self.pause_end
        return self.start <= way <= self.end and not paused


@dataclass(frozen=True)
class Injection:
    """Attention injection: the self-attention also sees the noised reference."""

    fidelity: float = 0.5
    control: float = 0.0
    """Strength of the reference's own residuals in the pass that reads it."""
    start: float = 0.0
    """Share of the way after which it acts, 0..1."""


@dataclass(frozen=True)
class Edit:
    """One text manipulation of the reference's tokens (see `manipulation`)."""

    target: str
    control: str
    anchor: str | None = None
    scale: float = 0.0
    enhance: bool = False
    thresholds: tuple[float, float, float, float] = (0.5, 0.55, 0.65, 0.95)


@dataclass(frozen=True)
class DiffusionSettings:
    """Everything that decides a result beside the pictures, the sampler and the seed."""

    modes: Modes = Modes()
    thresholds: Thresholds = Thresholds()
    strength: BranchStrength = BranchStrength()
    scales: tuple[float, ...] = uniform_scales(1.0)
    """Reference strength per cross-attention."""
    sketch_strength: float = 1.0
    background_factor: float = 1.0
    """Strength of the background encoder's features (v2)."""
    guidance: Guidance = Guidance()
    injection: Injection | None = None
    edits: tuple[Edit, ...] = field(default=())
    parity: bool = False
    """Reproduce the published program's faults; for comparing with it only."""

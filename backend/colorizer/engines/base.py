"""The interface of an engine: its description, its request, its result.

Pictures are numpy arrays, uint8, sRGB, row-major. RGBA is (H, W, 4), not premultiplied; masks are (H, W), 255 =
foreground. Engines do not know HTTP, Krita or files; `colorizer.server` and `colorizer.cli` call them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from colorizer.imaging.values import (
    Blend,
    Check,
    Correction,
    Layer,
    Mask,
    Picture,
    Place,
    PlaceKind,
    Role,
    Swap,
)
from colorizer.protocol.engines import USUAL_STEPS, EngineInfo, ModelInfo
from colorizer.protocol.modes import Mode
from colorizer.protocol.options import Options

if TYPE_CHECKING:
    from colorizer.imaging.region_table import RegionTable
    from colorizer.imaging.regions import Regions

__all__ = [
    "Binding",
    "Blend",
    "Check",
    "ColorizeRequest",
    "Correction",
    "USUAL_STEPS",
    "Engine",
    "EngineInfo",
    "Layer",
    "Mask",
    "Mode",
    "ModelInfo",
    "Options",
    "Picture",
    "Place",
    "PlaceKind",
    "Reference",
    "Report",
    "Result",
    "Role",
    "Swap",
]


@dataclass(frozen=True)
class Reference:
    """A picture to take colours from, and its foreground mask (None: the engine finds the foreground)."""

    picture: Picture
    mask: Mask | None = None


@dataclass(frozen=True)
class Binding:
    """Binds the region at `x`, `y` (px of the canvas) to the colour at a point of a reference (px of its picture)."""

    x: int
    y: int
    reference: int
    """Index into the references."""
    reference_x: int
    reference_y: int


@dataclass(frozen=True)
class ColorizeRequest:
    """All inputs of a result. The same request gives the same bytes on the same machine."""

    sketch: Picture
    references: tuple[Reference, ...]
    mode: Mode = Mode.WHOLE
    sketch_mask: Mask | None = None
    background: Picture | None = None
    """A reference for the background only; replaces the references' background."""
    hints: Picture | None = None
    """What the artist painted on the sketch's canvas: where alpha is > 127, the region below gets that colour."""
    bindings: tuple[Binding, ...] = ()
    corrections: tuple[Correction, ...] = ()
    """Colours chosen for regions of an earlier result. Hints and bindings in the same region take precedence."""
    swaps: tuple[Swap, ...] = ()
    """Palette edits. `colorizer.engines.last_stage` applies them to the finished result, never an engine."""
    model: str = ""
    seed: int = 0
    options: Options = field(default_factory=Options)


@dataclass(frozen=True)
class Result:
    """Result layers from bottom to top, with the engine's report."""

    layers: tuple[Layer, ...]
    report: dict[str, Any] = field(default_factory=dict)
    """JSON values: `palette` (list of "#rrggbb"), `regions`, `doubtful_regions`, `unpainted_pixels`, ..."""
    check: Check | None = None
    """Doubtful places to check, if the engine knows them."""
    regions: Regions | None = None
    """The regions enclosed by the sketch's lines, if the engine computed them."""
    table: RegionTable | None = None
    """The painted regions and their likely colours, if the engine knows them. Such an engine applies the request's
    corrections itself; for other engines `colorizer.engines.last_stage` applies them."""


class Report(Protocol):
    """How an engine reports progress. Each call may raise `colorizer.errors.Cancelled`; engines must not catch it."""

    def stage(self, name: str, done: int = 0, total: int = 1) -> None:
        """Reports that `done` of `total` steps of the named stage are finished. To be called at least once a second."""

    def preview(self, picture: Callable[[], Picture]) -> None:
        """Offers an intermediate picture; `picture` is called only if the preview is shown."""


class Engine(Protocol):
    """One colouring system."""

    @property
    def info(self) -> EngineInfo:
        """Describes the engine and its models. Cheap: loads neither torch nor weights."""

    def weights(self, model: str = "") -> Path | None:
        """The weights file whose hash is written to the record of a result; None if there is no model."""

    def load(self, device: str, model: str = "") -> None:
        """Loads the weights onto a torch device name ("cpu", "cuda", "mps", "xpu"). Does nothing when loaded."""

    def colorize(self, request: ColorizeRequest, report: Report) -> Result:
        """Colours one sketch. Raises `InvalidInput` for a problem that the artist can solve."""

    def foreground_mask(self, picture: Picture, report: Report) -> Mask:
        """Finds the foreground of a sketch or a reference."""

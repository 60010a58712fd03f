"""The interface of an engine: its description, its request, its result.

Pictures are numpy arrays, uint8, sRGB, row-major: RGBA is (H, W, 4) and not premultiplied, masks are (H, W) with
255 = foreground. No engine knows HTTP, Krita or files; `colorizer.server` and `colorizer.cli` call them.
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
    """A picture to take colours from, and where its foreground is (None: the engine decides)."""

    picture: Picture
    mask: Mask | None = None


@dataclass(frozen=True)
class Binding:
    """This region takes that spot's colour: `x`, `y` in px of the canvas, the spot in px of a reference's picture."""

    x: int
    y: int
    reference: int
    """Index into the references."""
    reference_x: int
    reference_y: int


@dataclass(frozen=True)
class ColorizeRequest:
    """Everything that decides a result. The same request gives the same bytes on the same machine."""

    sketch: Picture
    references: tuple[Reference, ...]
    mode: Mode = Mode.WHOLE
    sketch_mask: Mask | None = None
    background: Picture | None = None
    """A picture for the background alone; takes the place of the references' background."""
    hints: Picture | None = None
    """On the sketch's canvas: where its alpha is > 127, its colour is meant for the region below."""
    bindings: tuple[Binding, ...] = ()
    corrections: tuple[Correction, ...] = ()
    """Of regions of an earlier result, which the artist pointed at; hints and bindings that lie there count more."""
    swaps: tuple[Swap, ...] = ()
    """Made in the finished result by `colorizer.engines.last_stage`, never by an engine."""
    model: str = ""
    seed: int = 0
    options: Options = field(default_factory=Options)


@dataclass(frozen=True)
class Result:
    """Result layers from bottom to top, and what an engine has to say about them."""

    layers: tuple[Layer, ...]
    report: dict[str, Any] = field(default_factory=dict)
    """JSON values: `palette` (list of "#rrggbb"), `regions`, `doubtful_regions`, `unpainted_pixels`, ..."""
    check: Check | None = None
    """Where to look, from engines that know."""
    regions: Regions | None = None
    """As the sketch's lines enclose them, from engines that found them anyway."""
    table: RegionTable | None = None
    """The regions as they were painted and their likely colours, from engines that know. Such an engine heeds the
    request's corrections; for any other `colorizer.engines.last_stage` makes them."""


class Report(Protocol):
    """How an engine reports its progress. Each call may raise `colorizer.errors.Cancelled`: let it pass through."""

    def stage(self, name: str, done: int = 0, total: int = 1) -> None:
        """Says that `done` of `total` steps of the named stage are finished; call at least once a second."""

    def preview(self, picture: Callable[[], Picture]) -> None:
        """Offers an intermediate picture; `picture` is only called when somebody wants it."""


class Engine(Protocol):
    """One colouring system."""

    @property
    def info(self) -> EngineInfo:
        """What it can do. Cheap: answers without loading torch or weights."""

    def weights(self, model: str = "") -> Path | None:
        """The file of weights whose hash is in the record of a result; None where there is no model."""

    def load(self, device: str, model: str = "") -> None:
        """Loads the weights onto a torch device name ("cpu", "cuda", "mps", "xpu"). Does nothing when loaded."""

    def colorize(self, request: ColorizeRequest, report: Report) -> Result:
        """Colours one sketch. Raises `InvalidInput` for what the artist can put right."""

    def foreground_mask(self, picture: Picture, report: Report) -> Mask:
        """Finds the foreground of a sketch or a reference."""

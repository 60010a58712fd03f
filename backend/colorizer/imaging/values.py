"""The values that pass through the backend: pictures, masks, result layers, and what is said about them.

Pictures are numpy arrays, uint8, sRGB, row-major, not premultiplied; masks have 255 where the foreground is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from colorizer.imaging.roles import Blend, PlaceKind, Role

__all__ = [
    "Blend",
    "Check",
    "Correction",
    "DocumentLayer",
    "Earlier",
    "Layer",
    "LayerState",
    "MadeFrom",
    "Mask",
    "Picture",
    "Place",
    "PlaceKind",
    "RGB",
    "Redo",
    "Role",
    "Swap",
]

Picture = NDArray[np.uint8]
"""(H, W, 4) RGBA, not premultiplied."""

RGB = NDArray[np.uint8]
"""(H, W, 3), sRGB, nothing transparent."""

Mask = NDArray[np.uint8]
"""(H, W), 255 = foreground."""


@dataclass(frozen=True)
class Layer:
    """One result layer, placed at `x`, `y` on the canvas (px from the top left)."""

    name: str
    role: Role
    pixels: Picture
    x: int = 0
    y: int = 0
    blend: Blend = Blend.NORMAL
    opacity: float = 1.0
    clip: bool = False
    """Shown only where what is below it in the group is opaque (Krita's "inherit alpha")."""
    mask: Mask | None = None
    """Same size as `pixels`; becomes a mask on the layer that can be painted."""
    mask_name: str = ""


@dataclass(frozen=True)
class Swap:
    """One palette colour takes another's place, exactly. Both are "#rrggbb", lower case."""

    before: str
    after: str


@dataclass(frozen=True)
class Correction:
    """The region at `x`, `y` (px of the canvas) gets this colour, "#rrggbb", or none at all."""

    x: int
    y: int
    colour: str | None

    @property
    def rgba(self) -> tuple[int, int, int, int]:
        """The pixel that the region is filled with."""
        if self.colour is None:
            return 0, 0, 0, 0
        red, green, blue = bytes.fromhex(self.colour[1:])
        return red, green, blue, 255


@dataclass(frozen=True)
class LayerState:
    """One layer of an earlier result: as it was delivered, and as it is in the document now. Canvas size, RGBA."""

    role: Role
    delivered: Picture
    now: Picture


@dataclass(frozen=True)
class Redo:
    """An earlier result that is to be repaired where something changed."""

    changed: Mask
    """(H, W), not 0 where a mask, a hint or a binding is another one than for the earlier result."""
    layers: tuple[LayerState, ...]
    selection: Mask | None = None
    """(H, W); below 128 nothing is repaired."""


@dataclass(frozen=True)
class MadeFrom:
    """What decides a result beside its settings, on the canvas; None where there is none."""

    sketch: Picture | None = None
    hints: Picture | None = None
    chosen_mask: Mask | None = None
    """The sketch's foreground as the artist chose it."""
    sketch_mask: Mask | None = None
    """The one that the engine was given: that, and what was painted on the result's own masks."""


@dataclass(frozen=True)
class Earlier:
    """One state of a result, on the canvas: its flat layers with their masks, and what it was made from."""

    layers: tuple[Layer, ...]
    made_from: MadeFrom
    spots: tuple[tuple[int, int], ...] = ()
    """x, y of bindings that came or went since."""
    everywhere: bool = False
    """Whether a reference's mask is another one now."""


@dataclass(frozen=True)
class DocumentLayer:
    """A layer of an applied result as it is in the document now, on the canvas."""

    role: Role
    pixels: Picture | None
    """None where it is empty."""
    mask: Mask | None


@dataclass(frozen=True)
class Place:
    """A rectangle of the canvas, px, that somebody should look at."""

    kind: PlaceKind
    x: int
    y: int
    width: int
    height: int
    confidence: float
    """0..1, of the least sure region in it."""


@dataclass(frozen=True)
class Check:
    """Where a result may be wrong."""

    mask: Mask
    """(H, W), 255 = look here."""
    places: tuple[Place, ...]
    """The largest first."""
    confidence: NDArray[np.uint8] | None = None
    """(h, w), a small copy of the canvas: how sure each place is, 255 = sure. For evaluation; it isn't sent."""

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
    "Layer",
    "LayerState",
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

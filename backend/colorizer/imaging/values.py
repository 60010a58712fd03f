"""The values that are passed through the backend: pictures, masks, result layers and their descriptions.

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
"""(H, W, 3), sRGB, opaque."""

Mask = NDArray[np.uint8]
"""(H, W), 255 = foreground."""


@dataclass(frozen=True)
class Layer:
    """One result layer at `x`, `y` on the canvas, in pixels from the top left."""

    name: str
    role: Role
    pixels: Picture
    x: int = 0
    y: int = 0
    blend: Blend = Blend.NORMAL
    opacity: float = 1.0
    clip: bool = False
    """Whether it is visible only where the layers below it in the group are opaque (Krita's "inherit alpha")."""
    mask: Mask | None = None
    """Of the same size as `pixels`; becomes a paintable mask of the layer."""
    mask_name: str = ""


@dataclass(frozen=True)
class Swap:
    """Replaces the palette colour `before` by `after`; both are "#rrggbb" in lower case."""

    before: str
    after: str


@dataclass(frozen=True)
class Correction:
    """Gives the region at `x`, `y` of the canvas, in pixels, this colour, "#rrggbb"; None makes it transparent."""

    x: int
    y: int
    colour: str | None

    @property
    def rgba(self) -> tuple[int, int, int, int]:
        """The pixel value for filling the region."""
        if self.colour is None:
            return 0, 0, 0, 0
        red, green, blue = bytes.fromhex(self.colour[1:])
        return red, green, blue, 255


@dataclass(frozen=True)
class LayerState:
    """One layer of an earlier result as it was delivered and as it is in the document now; RGBA, canvas size."""

    role: Role
    delivered: Picture
    now: Picture


@dataclass(frozen=True)
class Redo:
    """An earlier result that is to be coloured again only where something has changed."""

    changed: Mask
    """(H, W), not 0 where a mask, a hint or a binding has changed since the earlier result."""
    layers: tuple[LayerState, ...]
    selection: Mask | None = None
    """(H, W); pixels where it is below 128 stay unchanged."""


@dataclass(frozen=True)
class MadeFrom:
    """The pictures that determine a result, besides its settings, on the canvas; None if there is none."""

    sketch: Picture | None = None
    hints: Picture | None = None
    chosen_mask: Mask | None = None
    """The sketch's foreground as the artist chose it."""
    sketch_mask: Mask | None = None
    """The mask that the engine was given: `chosen_mask` with the changes painted on the result's masks."""


@dataclass(frozen=True)
class Earlier:
    """One state of a result, on the canvas: its flat layers with their masks, and the pictures it was made from."""

    layers: tuple[Layer, ...]
    made_from: MadeFrom
    spots: tuple[tuple[int, int], ...] = ()
    """The positions of bindings that were added or removed since."""
    everywhere: bool = False
    """Whether a reference's mask has changed, which affects the whole picture."""


@dataclass(frozen=True)
class DocumentLayer:
    """A layer of an applied result in its present state in the document, on the canvas."""

    role: Role
    pixels: Picture | None
    """None if the layer is empty."""
    mask: Mask | None


@dataclass(frozen=True)
class Place:
    """A rectangle of the canvas, in pixels, that the artist should check."""

    kind: PlaceKind
    x: int
    y: int
    width: int
    height: int
    confidence: float
    """0..1, the lowest confidence of the regions in it."""


@dataclass(frozen=True)
class Check:
    """The parts of a result that may be wrong."""

    mask: Mask
    """(H, W), 255 = to be checked."""
    places: tuple[Place, ...]
    """The places, the largest first."""
    confidence: NDArray[np.uint8] | None = None
    """(h, w), in the size of a small copy of the canvas: the confidence of each pixel, 255 = certain. It is for
    evaluation and isn't sent to the docker."""

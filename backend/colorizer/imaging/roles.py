"""What layers and places of a result are called, apart from `values` so that the HTTP process needs no numpy."""

from __future__ import annotations

from enum import Enum


class Role(str, Enum):
    """What a result layer is for."""

    BACKGROUND = "background"
    FOREGROUND = "figure"
    SHADING = "shading"
    LIGHT = "light"
    MASK = "mask"
    KEY_STROKES = "key_strokes"
    """Marks for Krita's Colorize Mask, see `colorizer.imaging.key_strokes`; never shown."""


class Blend(str, Enum):
    """Blend modes of result layers, in OpenRaster's words without the `svg:` prefix."""

    NORMAL = "normal"
    MULTIPLY = "multiply"
    SCREEN = "screen"
    ADDITION = "addition"


class PlaceKind(str, Enum):
    """Why somebody should look at a place."""

    DOUBTFUL = "doubtful"
    UNPAINTED = "unpainted"
    LEAK = "leak"

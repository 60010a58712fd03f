"""The names of layers and places of a result, in a module of their own so that the HTTP process needs no numpy."""

from __future__ import annotations

from enum import Enum


class Role(str, Enum):
    """The purpose of a result layer."""

    BACKGROUND = "background"
    FOREGROUND = "figure"
    SHADING = "shading"
    LIGHT = "light"
    MASK = "mask"
    KEY_STROKES = "key_strokes"
    """Marks for Krita's Colorize Mask, see `colorizer.imaging.key_strokes`; never shown."""


class Blend(str, Enum):
    """The blend modes of result layers, with OpenRaster's names without the `svg:` prefix."""

    NORMAL = "normal"
    MULTIPLY = "multiply"
    SCREEN = "screen"
    ADDITION = "addition"


class PlaceKind(str, Enum):
    """The reason to check a place."""

    DOUBTFUL = "doubtful"
    UNPAINTED = "unpainted"
    LEAK = "leak"

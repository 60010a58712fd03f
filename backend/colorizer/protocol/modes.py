"""The modes (DESIGN section 5), apart from `base` so that the command line knows them without loading numpy."""

from __future__ import annotations

from enum import Enum


class Mode(str, Enum):
    """What is coloured, and from what (DESIGN section 5)."""

    WHOLE = "whole"
    SPLIT = "split"
    FOREGROUND = "foreground"
    BACKGROUND = "background"

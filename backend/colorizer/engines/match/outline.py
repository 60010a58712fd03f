"""The lines and regions of a sketch, from which the match engine and its sequences start."""

from __future__ import annotations

from dataclasses import dataclass

from colorizer.imaging.coloured import ColouredLines
from colorizer.imaging.lines import Ink
from colorizer.imaging.regions import Regions
from colorizer.imaging.values import Mask


@dataclass(frozen=True)
class Outline:
    """The lines and regions of a sketch."""

    ink: Ink
    mask: Mask | None
    """The artist's mask; None if there is none or it is empty."""
    enclosed: Regions
    """The regions enclosed by the lines."""
    regions: Regions
    """The same regions, divided along the mask."""
    coloured: ColouredLines | None
    """The kind of its coloured lines; None if there are no coloured lines beside black ones."""

"""What the lines of a sketch say by themselves: where the match engine and its sequences begin."""

from __future__ import annotations

from dataclasses import dataclass

from colorizer.imaging.coloured import ColouredLines
from colorizer.imaging.lines import Ink
from colorizer.imaging.regions import Regions
from colorizer.imaging.values import Mask


@dataclass(frozen=True)
class Outline:
    """What the lines of a sketch say, before anything is coloured."""

    ink: Ink
    mask: Mask | None
    """The artist's, where it says something."""
    enclosed: Regions
    """The regions as the lines enclose them."""
    regions: Regions
    """The same, divided along the mask."""
    coloured: ColouredLines | None
    """What its coloured lines are; None where there are none beside black ones."""

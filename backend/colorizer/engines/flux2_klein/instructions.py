"""The instruction that goes with the pictures. FLUX.2 counts them: image 1 is the line art, the rest follow in order.

A text of the artist's own takes the place of the whole instruction; nothing is added to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Subject(str, Enum):
    """What of the line art is to be coloured."""

    WHOLE = "whole"
    FOREGROUND = "figure"
    BACKGROUND = "background"


_TASKS = {
    Subject.WHOLE: "Color the line art in image 1",
    Subject.FOREGROUND: "Color the characters of the line art in image 1 and leave everything around them white",
    Subject.BACKGROUND: "Color the background of the line art in image 1, everything except the characters",
}
_LINES = (
    "Keep the composition, the framing and every line of image 1 exactly where they are:"
    " nothing is moved, scaled, cropped, redrawn, added or left out."
)
_COLORS = "Use exactly the same colors, even inside each outlined area, with soft shading."


@dataclass(frozen=True)
class Shown:
    """Which pictures are shown after the line art, in this order."""

    references: int
    """Pictures of references; one may be a sheet of several."""
    hints: bool = False
    """Colour marks on the line art."""
    previous: bool = False
    """The page or frame before, coloured."""

    @property
    def count(self) -> int:
        """All pictures, the line art among them."""
        return 1 + self.references + self.hints + self.previous


def instruction(subject: Subject, shown: Shown) -> str:
    """What the model is told, in English: its text encoder has read little else about pictures."""
    sentences = [f"{_TASKS[subject]}{_like(shown.references)}.", _COLORS]
    place = 1 + shown.references
    if shown.hints:
        place += 1
        sentences.append(
            f"Image {place} shows the same line art with color marks: an area with a mark has that color."
        )
    if shown.previous:
        place += 1
        sentences.append(
            f"Image {place} is the picture before, already colored: whatever appears in both has the same color."
        )
    return " ".join([*sentences, _LINES])


def _like(references: int) -> str:
    if not references:
        return ""
    if references == 1:
        return " like image 2, which shows the same characters and things in color"
    names = [str(place) for place in range(2, 2 + references)]
    return f" like images {', '.join(names[:-1])} and {names[-1]}, which show the same characters and things in color"

"""The instruction for the model. FLUX.2 numbers the input pictures: image 1 is the line art, the others follow in
order.

A text written by the artist replaces the whole instruction; nothing is added to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Subject(str, Enum):
    """The part of the line art to colour."""

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
    """The input pictures after the line art, in this order."""

    references: int
    """Number of pictures with references; a picture may be a sheet of several references."""
    hints: bool = False
    """Whether there is a picture of the line art with colour hints."""
    previous: bool = False
    """Whether there is the previous page or frame, coloured."""

    @property
    def count(self) -> int:
        """Number of all input pictures, including the line art."""
        return 1 + self.references + self.hints + self.previous


def instruction(subject: Subject, shown: Shown) -> str:
    """The instruction, in English, the language that the text encoder knows best."""
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

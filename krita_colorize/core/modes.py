"""The four modes of a sketch layer, with their titles and tooltips."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Mode(str, Enum):
    """What is coloured; the values are those of the protocol."""

    WHOLE = "whole"
    SPLIT = "split"
    FOREGROUND = "foreground"
    BACKGROUND = "background"


@dataclass(frozen=True)
class ModeWords:
    """A mode's title in the combo box, and its tooltip."""

    title: str
    tooltip: str


WORDS = {
    Mode.WHOLE: ModeWords("Whole picture", "Colours the whole sketch from the whole reference."),
    Mode.SPLIT: ModeWords(
        "Fore- and background apart",
        "Colours the foreground from the reference's foreground, and the background from its background.",
    ),
    Mode.FOREGROUND: ModeWords(
        "Foreground only",
        "Colours the foreground and leaves the background clear. The reference may have a background: it is ignored.",
    ),
    Mode.BACKGROUND: ModeWords("Background only", "Colours the background and leaves the foreground clear."),
}

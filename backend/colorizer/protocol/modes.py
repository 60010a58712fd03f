"""The modes of colouring, in a module of their own so that the command line can use them without importing numpy."""

from __future__ import annotations

from enum import Enum


class Mode(str, Enum):
    """What is coloured: everything from the whole reference (`WHOLE`), foreground and background from the reference's
    own (`SPLIT`), or only one of them.
    """

    WHOLE = "whole"
    SPLIT = "split"
    FOREGROUND = "foreground"
    BACKGROUND = "background"

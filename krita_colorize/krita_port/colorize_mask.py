"""Creates a Colorize Mask with the key strokes of a result, as editable flat colours (Krita 5.2 and later).

A Colorize Mask follows the lines of its own layer, so it is added to a hidden copy of the sketch layer; the artist's
layer isn't changed. Krita computes the mask's fill in the background, without an undo step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from krita import Document, ManagedColor, Node

from krita_colorize.core.port import KeyStroke
from krita_colorize.krita_port import wrappers
from krita_colorize.qt import QtGui

if TYPE_CHECKING:
    from krita import ColorizeMask

CLEAR_ALPHA = 128
"""The alpha of key strokes for the areas that stay transparent."""


def add(scratch: Document, layer: Node, name: str) -> None:
    """Adds a mask without key strokes to a layer of a hidden document."""
    mask = scratch.createColorizeMask(name)
    layer.setChildNodes([mask])
    # Over the copied lines, not behind them, because the artist's own lines are above the group.
    mask.setBlendingMode("normal")
    mask.setLimitToDeviceBounds(False)
    mask.setEditKeyStrokes(False)
    layer.setVisible(False)


def fill(group: Node, strokes: Sequence[KeyStroke]) -> None:
    """Sets the key strokes of the mask in a group that has been added to its document, and lets Krita fill it.

    This must not be done earlier: Krita 5.2.9 crashes with key strokes from a document that has been closed.
    """
    found = next(node for node, _ in wrappers.walk(group) if node.type() == "colorizemask")
    mask = cast("ColorizeMask", found)
    managed = [ManagedColor.fromQColor(QtGui.QColor.fromRgb(stroke.colour)) for stroke in strokes]
    clear = [number for number, stroke in enumerate(strokes) if stroke.colour >> 24 == CLEAR_ALPHA]
    mask.initializeKeyStrokeColors(managed, clear[0] if clear else -1)
    for stroke, colour in zip(strokes, managed, strict=True):
        for mark in stroke.marks:
            mask.setKeyStrokePixelData(mark.data, colour, mark.x, mark.y, mark.width, mark.height)
    mask.updateMask(True)

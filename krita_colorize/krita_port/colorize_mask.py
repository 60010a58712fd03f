"""Krita's own Colorize Mask, with the key strokes of a result: flats that stay editable (Krita 5.2 and later).

A hidden copy of the sketch layer carries it, because a Colorize Mask follows the lines of its own layer, and the
artist's is never touched. Krita fills it in the background; that is no undo step.
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
"""The alpha of marks where nothing is to be painted."""


def add(scratch: Document, layer: Node, name: str) -> None:
    """Hangs a mask without key strokes on a layer of a hidden document."""
    mask = scratch.createColorizeMask(name)
    layer.setChildNodes([mask])
    # Over the copied lines, not behind them: the artist's own lines lie above the group.
    mask.setBlendingMode("normal")
    mask.setLimitToDeviceBounds(False)
    mask.setEditKeyStrokes(False)
    layer.setVisible(False)


def fill(group: Node, strokes: Sequence[KeyStroke]) -> None:
    """Gives the mask in a group that is in its document its key strokes, and has Krita fill it.

    Only now: with key strokes from a document that has been closed Krita 5.2.9 crashes.
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

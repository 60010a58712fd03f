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
from krita_colorize.qt import QtCore, QtGui

if TYPE_CHECKING:
    from krita import ColorizeMask

CLEAR_ALPHA = 128
"""The alpha of key strokes for the areas that stay transparent."""
SETTLED_MS = 500
"""Time after which Krita has handled that layers were added."""


def add(scratch: Document, layer: Node, name: str) -> None:
    """Adds a mask without key strokes to a layer of a hidden document."""
    mask = scratch.createColorizeMask(name)
    layer.setChildNodes([mask])
    # Over the copied lines, not behind them, because the artist's own lines are above the group.
    mask.setBlendingMode("normal")
    mask.setLimitToDeviceBounds(False)
    mask.setEditKeyStrokes(False)
    layer.setVisible(False)


def set_key_strokes(group: Node, strokes: Sequence[KeyStroke]) -> None:
    """Sets the key strokes of the mask in a group that has been added to its document.

    This must not be done earlier: Krita 5.2.9 crashes with key strokes from a document that has been closed.
    """
    mask = _mask_in(group)
    managed = [ManagedColor.fromQColor(QtGui.QColor.fromRgb(stroke.colour)) for stroke in strokes]
    clear = [number for number, stroke in enumerate(strokes) if stroke.colour >> 24 == CLEAR_ALPHA]
    mask.initializeKeyStrokeColors(managed, clear[0] if clear else -1)
    for stroke, colour in zip(strokes, managed, strict=True):
        for mark in stroke.marks:
            mask.setKeyStrokePixelData(mark.data, colour, mark.x, mark.y, mark.width, mark.height)


def fill_soon(document: Document, group_id: str) -> None:
    """Lets Krita fill the mask in a group once it has handled that the group was added. If it still does that while it
    fills, Krita 6.0.4 crashes on a busy machine, in about one of eight tries."""

    def fill() -> None:
        if document in wrappers.documents():
            group = wrappers.find_node(document, group_id)
            if group is not None:
                _mask_in(group).updateMask(True)

    QtCore.QTimer.singleShot(SETTLED_MS, fill)


def _mask_in(group: Node) -> ColorizeMask:
    found = next(node for node, _ in wrappers.walk(group) if node.type() == "colorizemask")
    return cast("ColorizeMask", found)

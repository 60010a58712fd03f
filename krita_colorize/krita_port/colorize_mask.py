"""Krita's own Colorize Mask, with the key strokes of a result: flats that stay editable (Krita 5.2 and later).

A hidden copy of the sketch layer carries it, because a Colorize Mask follows the lines of its own layer, and the
artist's is never touched. Krita fills it in the background; that is no undo step.
"""

from __future__ import annotations

from typing import Any

from krita import Document, ManagedColor, Node

from krita_colorize.core.port import Pixels
from krita_colorize.krita_port import wrappers
from krita_colorize.qt import QtCore, QtGui

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


def fill(group: Node, marks: Pixels) -> None:
    """Gives the mask in a group that is in its document its key strokes, and has Krita fill it.

    Only now: with key strokes from a document that has been closed Krita 5.2.9 crashes.
    """
    mask: Any = next(node for node, _ in wrappers.walk(group) if node.type() == "colorizemask")
    data = bytes(marks.data)  # the image only borrows it
    image = QtGui.QImage(data, marks.width, marks.height, QtGui.QImage.Format.Format_ARGB32)
    colours = sorted(set(memoryview(data).cast("I")) - {0})
    managed = [ManagedColor.fromQColor(QtGui.QColor.fromRgb(colour)) for colour in colours]
    clear = [number for number, colour in enumerate(colours) if colour >> 24 == CLEAR_ALPHA]
    mask.initializeKeyStrokeColors(managed, clear[0] if clear else -1)
    for colour, owner in zip(colours, managed, strict=True):
        mask.setKeyStrokePixelData(_only(image, colour), owner, marks.x, marks.y, marks.width, marks.height)
    mask.updateMask(True)


def _only(image: QtGui.QImage, colour: int) -> bytes:
    """One byte a pixel: 255 where the image has exactly this colour (0xAARRGGBB)."""
    mode = QtCore.Qt.MaskMode.MaskInColor
    grey = image.createMaskFromColor(colour, mode).convertToFormat(QtGui.QImage.Format.Format_Grayscale8)
    bits = grey.constBits()
    assert bits is not None
    raw, step, width = bits.asstring(grey.bytesPerLine() * grey.height()), grey.bytesPerLine(), grey.width()
    return raw if step == width else b"".join(raw[row : row + width] for row in range(0, len(raw), step))

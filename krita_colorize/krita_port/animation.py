"""Animated layers: reads their keyframes and pixels, and makes new layers with the same keyframes.

Krita has no function for making keyframes at given times, but a copy of a layer has the layer's keyframes. The copy is
made and filled in a clone of the document, where moving the playhead isn't visible, and is added to the document as one
undo step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from krita import Document, Node

from krita_colorize.core.port import Kind, Pixels
from krita_colorize.krita_port import snapshot, wrappers
from krita_colorize.krita_port.kinds import kind
from krita_colorize.krita_port.scratch import ColorSpace, Scratch, is_srgb8, rectangle
from krita_colorize.qt import QtCore


def times(document: Document, node: Node) -> Sequence[int]:
    """The times (frame numbers from 0) of a layer's keyframes, in order; of a group, those of the layer in it that has
    all keyframes of the group. Empty if no layer has all of them, because a new layer can only copy the keyframes of
    one layer."""
    return _timed(document, node)[1]


def _timed(document: Document, node: Node) -> tuple[Node, Sequence[int]]:
    """The layer that has all keyframes of a layer or group, and their times."""
    inside = [one for one, _ in wrappers.walk(node) if kind(one) is Kind.PAINT and one.animated()]
    animated = [node] if node.animated() and kind(node) is not Kind.GROUP else inside
    last = max(document.fullClipRangeEndTime(), document.animationLength())
    found = [(one, [t for t in range(last + 1) if one.hasKeyframeAtTime(t)]) for one in animated]
    together = {time for _, those in found for time in those}
    return next(((one, those) for one, those in found if len(those) == len(together)), (node, []))


def read(document: Document, node: Node, time: int, scratch: Scratch) -> Pixels:
    """Reads a layer's pixels at a time (frame number), without other layers."""
    with _clone(document) as copy:
        _go_to(copy, time)
        found = wrappers.find_node(copy, wrappers.node_id(node))
        assert found is not None, "a clone has the layers of its document"
        return snapshot.read_shown(copy, found, scratch)


@contextmanager
def copy_of(
    document: Document, node: Node, name: str, frames: Mapping[int, Pixels], scratch: Scratch
) -> Iterator[Node]:
    """Yields a copy of an animated layer with the same keyframes and new pixels, to be added to the document within the
    `with` block. Keyframes whose time isn't in `frames` (time: pixels) are cleared."""
    with _clone(document) as copy:
        source = wrappers.find_node(copy, wrappers.node_id(node))
        assert source is not None, "a clone has the layers of its document"
        timed, keyframes = _timed(copy, source)
        new = timed.duplicate()
        _bare(new, name)
        copy.rootNode().addChildNode(new, None)
        for time in keyframes:
            _go_to(copy, time)
            _write(new, frames.get(time), scratch)
        new.remove()
        del source, timed
        yield new
        del new


@contextmanager
def _clone(document: Document) -> Iterator[Document]:
    copy = document.clone()
    try:
        yield copy
    finally:
        copy.setModified(False)
        copy.close()


def _go_to(copy: Document, time: int) -> None:
    copy.setCurrentTime(time)
    copy.waitForDone()  # waits only for the clone; the artist's strokes continue


def _bare(node: Node, name: str) -> None:
    """Removes a layer's masks and resets the properties that change how its pixels look."""
    node.setChildNodes([])
    node.setName(name)
    node.setOpacity(255)
    node.setInheritAlpha(False)
    node.setVisible(True)
    node.setLocked(False)
    if node.blendingMode() != "normal":
        node.setBlendingMode("normal")


def _write(node: Node, pixels: Pixels | None, scratch: Scratch) -> None:
    old = node.bounds()
    if not old.isEmpty():
        pixel = len(node.pixelData(old.x(), old.y(), 1, 1).data())
        node.setPixelData(bytes(pixel * old.width() * old.height()), *rectangle(old))
    if pixels is not None and pixels.data:
        area = QtCore.QRect(pixels.x, pixels.y, pixels.width, pixels.height)
        space = ColorSpace.of(node)
        seen = scratch.adapted(pixels, space)
        data = seen.data if is_srgb8(space) else scratch.from_srgb8(seen, space)
        node.setPixelData(data, *rectangle(area))

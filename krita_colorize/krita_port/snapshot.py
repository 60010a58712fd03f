"""Reads the pixels of single layers without any effect on the document: no undo step, no flicker, no modified mark.

Visible layers are read from the document. Hidden layers are read from a clone of the document, in which they are made
visible (a clone shares the pixels and is cheap). All functions are safe during a stroke. The pixels include the layer's
opacity, but no layer styles and blend modes.
"""

from __future__ import annotations

from collections.abc import Iterable

from krita import Document, GroupLayer, Node

from krita_colorize.core.port import Kind, Pixels
from krita_colorize.krita_port import wrappers
from krita_colorize.krita_port.kinds import kind
from krita_colorize.krita_port.scratch import EMPTY, ColorSpace, Scratch, is_srgb8, read_cropped, rectangle
from krita_colorize.qt import QtCore

FINGERPRINT_SIDE = 32
"""Longer side of the thumbnail in a fingerprint, in pixels."""


def read(document: Document, node: Node, scratch: Scratch) -> Pixels:
    """Reads a layer or mask of an open document, cropped to its content inside the canvas."""
    if not _needs_clone(node):
        return _read_node(node, _canvas(document), scratch)
    copy = document.clone()
    try:
        return read_shown(copy, node, scratch)
    finally:
        copy.close()


def read_shown(copy: Document, node: Node, scratch: Scratch) -> Pixels:
    """Reads a layer from a clone of its document, in which it is made visible first."""
    shown = _without_onion_skins(copy, _show(copy, wrappers.node_id(node)))
    if not _is_plain(shown):
        copy.refreshProjection()
    return _read_node(shown, _canvas(copy), scratch)


def read_own(document: Document, node: Node, scratch: Scratch, box: QtCore.QRect | None = None) -> Pixels:
    """Reads a paint layer's own pixels, in a box (image pixels) or on the whole canvas, without its masks and opacity;
    other layers like `read`."""
    if kind(node) is not Kind.PAINT:
        return read(document, node, scratch)
    canvas = _canvas(document) if box is None else box.intersected(_canvas(document))
    space = ColorSpace.of(node)
    if is_srgb8(space):
        return read_cropped(node, canvas)
    area = node.bounds().intersected(canvas)
    raw = node.pixelData(*rectangle(area)).data() if not area.isEmpty() else b""
    return scratch.read_srgb8(raw, space, area) if raw else EMPTY


def read_merged(document: Document, box: QtCore.QRect, scratch: Scratch) -> Pixels:
    """Reads the projection of an open document in a box inside the canvas."""
    space, raw = ColorSpace.of(document), document.pixelData(*rectangle(box)).data()
    if is_srgb8(space):
        return Pixels(box.width(), box.height(), raw, box.x(), box.y())
    return scratch.read_srgb8(raw, space, box)


def fingerprint(document: Document, node: Node) -> bytes:
    """The canvas size, the layer's bounds and a thumbnail of the layer, as bytes. Every resizing, cropping, mirroring,
    rotation or scaling of the canvas changes one of them, and so do most strokes on the layer."""
    box = node.bounds()
    image = node.thumbnail(FINGERPRINT_SIDE, FINGERPRINT_SIDE)
    data = b"".join(
        image.pixel(x, y).to_bytes(4, "big") for y in range(image.height()) for x in range(image.width())
    )
    return repr((document.width(), document.height(), *rectangle(box))).encode("ascii") + data


def has_selection(document: Document) -> bool:
    """Whether an open document has a selection."""
    selection = document.selection()
    return selection is not None and selection.width() > 0 and selection.height() > 0


def read_selection(document: Document) -> Pixels:
    """The selection of an open document, one byte per pixel of the canvas; empty if there is no selection."""
    selection = document.selection()
    if selection is None or not has_selection(document):
        return EMPTY
    width, height = document.width(), document.height()
    return Pixels(width, height, selection.pixelData(0, 0, width, height).data())


def _canvas(document: Document) -> QtCore.QRect:
    return QtCore.QRect(0, 0, document.width(), document.height())


def _needs_clone(node: Node) -> bool:
    if kind(node) in (Kind.MASK, Kind.OTHER) or _is_plain(node):
        return False
    return (
        _is_pass_through(node) or bool(_animated(node)) or not all(step.visible() for step in _upwards(node))
    )


def _is_plain(node: Node) -> bool:
    """Whether it is a paint layer without masks, which looks like its own pixels."""
    return kind(node) is Kind.PAINT and not wrappers.children(node)


def _is_pass_through(node: Node) -> bool:
    return isinstance(node, GroupLayer) and node.passThroughMode()


def _upwards(node: Node) -> Iterable[Node]:
    step: Node | None = node
    while step is not None:
        yield step
        step = step.parentNode()


def _animated(node: Node) -> list[Node]:
    """The paint layers in a node that may show onion skins."""
    found = [node, *(child for child, _ in wrappers.walk(node))]
    return [one for one in found if kind(one) is Kind.PAINT and one.animated()]


def _without_onion_skins(copy: Document, node: Node) -> Node:
    """Replaces animated layers by still ones in a clone, because Krita includes onion skins in the pixels of groups and
    of layers with masks, and plugins can't switch them off. Returns the node or its replacement."""
    for animated in _animated(node):
        still = _still(copy, animated)
        same = wrappers.node_id(animated) == wrappers.node_id(node)
        parent = animated.parentNode()
        assert parent is not None, "a layer in an image has a parent"
        parent.addChildNode(still, animated)
        animated.setVisible(False)
        node = still if same else node
    return node


def _still(copy: Document, animated: Node) -> Node:
    still = copy.createNode(animated.name(), "paintlayer")
    space = ColorSpace.of(animated)
    if ColorSpace.of(still) != space:
        still.setColorSpace(space.model, space.depth, space.profile)
    area = animated.bounds().intersected(_canvas(copy))
    if not area.isEmpty():
        still.setPixelData(animated.pixelData(*rectangle(area)).data(), *rectangle(area))
    still.setOpacity(animated.opacity())
    still.setInheritAlpha(animated.inheritAlpha())
    still.setVisible(animated.visible())
    if animated.blendingMode() != "normal":
        still.setBlendingMode(animated.blendingMode())
    masks = [mask.duplicate() for mask in wrappers.children(animated)]
    if masks:
        still.setChildNodes(masks)
    return still


def _show(copy: Document, layer_id: str) -> Node:
    node = wrappers.find_node(copy, layer_id)
    assert node is not None, "a clone has the layers of its document"
    for step in _upwards(node):
        step.setVisible(True)
        if isinstance(step, GroupLayer):
            step.setPassThroughMode(False)
    return node


def _read_node(node: Node, canvas: QtCore.QRect, scratch: Scratch) -> Pixels:
    if kind(node) is Kind.OTHER:
        return EMPTY
    if kind(node) is Kind.MASK:
        data = node.pixelData(*rectangle(canvas)).data()
        return Pixels(canvas.width(), canvas.height(), data)
    space = ColorSpace.of(node)
    if _is_plain(node) and is_srgb8(space):
        pixels = read_cropped(node, canvas)
    else:
        area = node.bounds().intersected(canvas) if _is_plain(node) else canvas
        raw = node.projectionPixelData(*rectangle(area)).data()
        pixels = scratch.read_srgb8(raw, space, area) if raw else EMPTY
    return _with_opacity(pixels, node.opacity())


def _with_opacity(pixels: Pixels, opacity: int) -> Pixels:
    """Scales alpha by Krita's opacity (0..255)."""
    if opacity == 255 or not pixels.data:
        return pixels
    table = bytes((alpha * opacity + 127) // 255 for alpha in range(256))
    data = bytearray(pixels.data)
    data[3::4] = data[3::4].translate(table)
    return Pixels(pixels.width, pixels.height, data, pixels.x, pixels.y)

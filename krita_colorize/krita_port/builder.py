"""Makes layers and adds them to a document as exactly one undo step.

Krita has no undo macros, but a finished tree of layers can be added in one step. The tree is made in a hidden document
of the same size and colour space, rendered there, and moved to the artist's document by a single `addChildNode`; Krita
then blends it with its neighbours without recomputing the rest of the picture. This must not happen during a stroke, so
the caller checks `pen.busy()` first. No layer of the artist is changed, moved or renamed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from krita import Document, Krita, Node

from krita_colorize.core.port import KEY_STROKES, NewGroup, NewLayer, Pixels
from krita_colorize.krita_port import animation, colorize_mask, snapshot, wrappers
from krita_colorize.krita_port.blending import Blending
from krita_colorize.krita_port.capabilities import Capabilities
from krita_colorize.krita_port.scratch import SRGB8, ColorSpace, Scratch, is_srgb8
from krita_colorize.qt import QtCore

TEMPLATE = Path(__file__).with_name("mask_template.kra")
"""A document with one transparency mask. In Krita 5.1 `createNode` makes masks without pixels, so this is copied."""

BEHIND = "behind"
"""Krita's blend mode that shows a layer only where the layers below are transparent, as if it were below them."""


class LayerBuilder:
    """Creates layers and inserts them; one object per port."""

    def __init__(self, scratch: Scratch, capabilities: Capabilities) -> None:
        self._scratch = scratch
        self._blending = Blending(scratch)
        self._capabilities = capabilities
        self._template: Document | None = None

    def possible(self, document: Document, sketch: Node, group: NewGroup) -> NewGroup:
        """The group as this Krita can create it: a layer of key strokes gets the sketch's pixels for its Colorize Mask,
        or is left out before Krita 5.2."""
        layers = group.layers
        if not self._capabilities.colorize_masks:
            layers = tuple(layer for layer in layers if layer.role != KEY_STROKES)
        elif any(layer.role == KEY_STROKES for layer in layers):
            lines = snapshot.read(document, sketch, self._scratch)
            layers = tuple(
                replace(layer, pixels=lines) if layer.role == KEY_STROKES else layer for layer in layers
            )
        return replace(group, layers=layers)

    def insert_group(self, document: Document, sketch: Node, group: NewGroup) -> str:
        """Inserts a group (returned by `possible`) below or above the sketch layer; returns its id."""
        above, group = _placed(sketch, group)
        inserted = self._insert(document, above, lambda scratch: self._make_group(scratch, document, group))
        made = wrappers.find_node(document, inserted)
        strokes = next((layer.key_strokes for layer in group.layers if layer.role == KEY_STROKES), None)
        if made is not None and strokes is not None:
            colorize_mask.set_key_strokes(made, strokes)
            colorize_mask.fill_soon(document, inserted)
        return inserted

    def insert_layer(self, document: Document, above: Node, layer: NewLayer) -> str:
        """Inserts a paint layer above another layer; returns its id."""
        space = ColorSpace.of(document)
        return self._insert(
            document, above, lambda scratch: self._make_layer(scratch, document, layer, space)
        )

    def insert_animated(
        self, document: Document, sketch: Node, layer: NewGroup, pictures: Mapping[int, Pixels]
    ) -> str:
        """Inserts a layer with the sketch's keyframes and new pixels (by time) below or above the sketch; returns its
        id. Of `layer`, only name, blend mode and position are used."""
        above, layer = _placed(sketch, layer)
        with animation.copy_of(document, sketch, layer.name, pictures, self._scratch) as node:
            self._blend(node, layer.blend, document)
            inserted = _hand_over(document, above, node)
            del node
        return inserted

    def prepare(self) -> None:
        """Opens the template of masks if this Krita needs it."""
        if not self._capabilities.transparency_masks:
            self._template_mask()

    def close(self) -> None:
        """Closes cached documents."""
        if self._template is not None:
            self._template.close()
            self._template = None

    def _insert(self, document: Document, above: Node, make: Callable[[Document], Node]) -> str:
        with self._scratch.document(ColorSpace.of(document)) as scratch:
            node = make(scratch)
            if node.type() == "grouplayer":
                _compose(scratch, node, document)
            inserted = _hand_over(document, above, node)
            # `node` still refers to the hidden document; using it after that has been closed crashes Krita.
            del node
        return inserted

    def _make_group(self, scratch: Document, document: Document, group: NewGroup) -> Node:
        node = scratch.createGroupLayer(group.name)
        space = space_in(document)
        node.setChildNodes([self._make_layer(scratch, document, layer, space) for layer in group.layers])
        self._blend(node, group.blend, document)
        return node

    def _make_layer(self, scratch: Document, document: Document, layer: NewLayer, space: ColorSpace) -> Node:
        """Makes a layer in the colour space `space` for a document."""
        node = scratch.createNode(layer.name, "paintlayer")
        _paint(node, self._scratch.adapted(layer.pixels, ColorSpace.of(document)), space)
        node.setOpacity(round(layer.opacity * 255))
        node.setInheritAlpha(layer.clip)
        self._blend(node, layer.blend, document)
        if layer.role == KEY_STROKES:
            colorize_mask.add(scratch, node, layer.name)
        elif layer.mask is not None:
            node.setChildNodes([self._make_mask(scratch, layer.mask, layer.mask_name)])
        return node

    def _blend(self, node: Node, blend: str, document: Document) -> None:
        """Sets a blend mode other than `normal`, which new layers have: setting even the same one adds an undo step."""
        if blend != "normal":
            node.setBlendingMode(self._blending.mode(blend, ColorSpace.of(document)))

    def _make_mask(self, scratch: Document, mask: Pixels, name: str) -> Node:
        if self._capabilities.transparency_masks:
            node = scratch.createTransparencyMask(name)
        else:
            node = self._template_mask().duplicate()
            node.setName(name)
        if mask.data:
            node.setPixelData(mask.data, mask.x, mask.y, mask.width, mask.height)
        return node

    def _template_mask(self) -> Node:
        if self._template is None:
            opened = Krita.instance().openDocument(str(TEMPLATE))
            if opened is None:
                raise LookupError("A part of the plugin is missing. Install Krita Colorize again.")
            self._template = opened.clone()
            opened.close()
        masks = [n for n, _ in wrappers.walk(self._template.rootNode()) if n.type() == "transparencymask"]
        return masks[0]


def _compose(scratch: Document, group: Node, document: Document) -> None:
    """Has Krita compute the projection of a new group; after `addChildNode` alone the group would look empty.

    Adding the layers one by one to a group that is already in the hidden image takes half the time, but then Krita
    ignores the masks of all layers but the last, and crashes if that has a mask.
    """
    root = scratch.rootNode()
    scratch.resizeImage(0, 0, document.width(), document.height())
    root.setChildNodes([group])
    scratch.refreshProjection()
    # The group must leave the hidden document, so that it can be added to another one.
    root.setChildNodes([])


def space_in(document: Document) -> ColorSpace:
    """The colour space of a result's layers: the document's if that is RGB, otherwise sRGB. Repairs write to layers
    by converting them to another RGB profile (see `replace`), which is exact; between CMYK profiles it isn't. The
    group has the document's colour space, so that blend modes have the same effect as elsewhere in it."""
    space = ColorSpace.of(document)
    return space if space.model == "RGBA" else SRGB8


def _paint(node: Node, pixels: Pixels, space: ColorSpace) -> None:
    """Fills a layer of the hidden document with an sRGB picture, converted to a colour space."""
    if not is_srgb8(ColorSpace.of(node)):
        node.setColorSpace(SRGB8.model, SRGB8.depth, SRGB8.profile)
    if pixels.data:
        node.setPixelData(pixels.data, pixels.x, pixels.y, pixels.width, pixels.height)
    if not is_srgb8(space):
        node.setColorSpace(space.model, space.depth, space.profile)


def _placed(sketch: Node, group: NewGroup) -> tuple[Node, NewGroup]:
    """The layer above which a group is inserted, and the group with the blend mode that it needs there."""
    if group.above:
        return sketch, group
    below = _below(sketch)
    if below is not None:
        return below, group
    # Krita's `addChildNode` can't add a lowest layer. With the blend mode Behind, a group above the lowest layer looks
    # the same as below it. A group with the blend mode Multiply looks the same above and below.
    return sketch, replace(group, blend=BEHIND if group.blend == "normal" else group.blend)


def _hand_over(document: Document, above: Node, node: Node) -> str:
    """Adds a finished node without a parent to the document, as one undo step; returns its id."""
    parent = above.parentNode()
    if parent is None:
        raise LookupError("The layer is no longer in the picture. Choose another one.")
    active = document.activeNode()
    inserted = wrappers.node_id(node)
    added = parent.addChildNode(node, above)
    assert added, "a node without a parent can be added"
    if active is not None:
        activate_soon(document, wrappers.node_id(active))
    return inserted


def _below(node: Node) -> Node | None:
    """The layer directly below another one in the same group."""
    parent = node.parentNode()
    siblings = wrappers.children(parent) if parent is not None else []
    ids = [wrappers.node_id(sibling) for sibling in siblings]
    place = ids.index(wrappers.node_id(node)) if wrappers.node_id(node) in ids else 0
    return siblings[place - 1] if place > 0 else None


def activate_soon(document: Document, layer_id: str) -> None:
    """Selects a layer after the event loop has run, because only then Krita itself selects a new layer."""

    def activate() -> None:
        if document in wrappers.documents():
            node = wrappers.find_node(document, layer_id)
            if node is not None:
                document.setActiveNode(node)

    QtCore.QTimer.singleShot(0, activate)

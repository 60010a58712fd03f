"""Writes pixels into existing layers as exactly one undo step; their ids, names and masks stay the same.

Krita's `setPixelData` can't be undone and conflicts with the undo steps of strokes. A conversion of a layer's colour
space can be undone: it gives the layer new storage and keeps the old one with its history. So the layers are converted
to an equivalent colour space with the same values, and the pixels are written into the new storage. Converting a group
converts all layers in it as one undo step ("Convert Layer Color Space").

At A4 and 300 dpi the conversion takes Krita 0.3 CPU seconds for each layer, most of it for colours that don't change,
and 0.2 s for the display. No other function of Krita can be undone exactly as one step and keeps ids and masks:
`Filter.startFilter` and filling a selection support only one colour and also take 0.2 s; merging or replacing layers
makes a new layer in two steps.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace as changed

from krita import Document, Krita, Node

from krita_colorize.core.port import Kind, Pixels
from krita_colorize.krita_port import wrappers
from krita_colorize.krita_port.kinds import kind
from krita_colorize.krita_port.scratch import SRGB8, ColorSpace, Scratch, is_srgb8, rectangle
from krita_colorize.qt import QtCore

TWINS = (
    (SRGB8.profile, "sRGB built-in", "Artifex Software sRGB ICC Profile"),
    ("sRGB-elle-V2-g10.icc", "krita-2.5, lcms sRGB built-in with linear gamma TRC", "scRGB (linear)"),
    ("Gray-D50-elle-V2-srgbtrc.icc", "Gray-D50-elle-V4-srgbtrc.icc"),
    ("Gray-D50-elle-V2-g10.icc", "Gray-D50-elle-V4-g10.icc"),
    ("Lab identity built-in", "Lab2Lab"),
)
"""Groups of equivalent profiles, by name; not every Krita has all of them."""

NEXT_DEPTH = {"U8": "U16", "U16": "F32", "F16": "F32", "F32": "U16"}
"""The channel depth to convert to if no equivalent profile is left. It can represent all values
of the previous one, except after F32."""


def replace(document: Document, changes: Sequence[tuple[Node, Pixels]], scratch: Scratch) -> None:
    """Writes rectangles (sRGB) into paint layers. Raises `ValueError` if they aren't in the same group."""
    nodes = [node for node, _ in changes]
    if not nodes:
        return
    if any(kind(node) is not Kind.PAINT for node in nodes):
        raise ValueError("only paint layers can be written to")
    carrier = _carrier(nodes)
    spaces = [ColorSpace.of(node) for node in nodes]
    # The carrier's own colour space can't be chosen, because then Krita does nothing.
    target = _twin(spaces[0], {*spaces, ColorSpace.of(carrier)})
    asked = [scratch.adapted(pixels, ColorSpace.of(document)) for _, pixels in changes]
    written = [_converted(pixels, target, scratch) for pixels in asked]
    kept = [_kept(node, space, target) for node, space in zip(nodes, spaces, strict=True)]
    carrier.setColorSpace(target.model, target.depth, target.profile)
    for node, old, new in zip(nodes, kept, written, strict=True):
        for area, data in (old, new):
            if data:
                node.setPixelData(data, *rectangle(area))
    document.refreshProjection()


def _carrier(nodes: Sequence[Node]) -> Node:
    """The node to convert: a single layer, or the group of several layers."""
    parents = [node.parentNode() for node in nodes]
    first = parents[0]
    if first is None:
        raise LookupError("The layer is no longer in the picture. Choose another one.")
    if len({wrappers.node_id(node) for node in nodes}) == 1:
        return nodes[0]
    if first.parentNode() is not None and all(parent == first for parent in parents):
        return first
    raise ValueError("the layers are not in one group")


def _twin(space: ColorSpace, taken: Set[ColorSpace]) -> ColorSpace:
    """A colour space that is equivalent to this one and isn't in `taken`."""
    there = Krita.instance().profiles(space.model, space.depth)
    names = [name for twins in TWINS if space.profile in twins for name in twins if name in there]
    candidates = [changed(space, profile=name) for name in names]
    candidates.append(changed(space, depth=NEXT_DEPTH[space.depth]))
    candidates.append(changed(space, depth=NEXT_DEPTH[NEXT_DEPTH[space.depth]]))
    return next(candidate for candidate in candidates if candidate not in taken)


def _kept(node: Node, space: ColorSpace, target: ColorSpace) -> tuple[QtCore.QRect, bytes | bytearray]:
    """The pixels that have to be written back so that rounding changes no byte; empty if Krita doesn't round."""
    area = node.bounds()
    same_depth = space.depth == target.depth
    exact = is_srgb8(space) and same_depth
    if area.isEmpty() or exact or not (same_depth or (space.depth, target.depth) == ("U8", "U16")):
        return area, b""
    raw = node.pixelData(*rectangle(area)).data()
    return area, raw if same_depth else _widened(raw)


def _widened(raw: bytes) -> bytearray:
    """Converts 8 bits per channel to 16 bits: 0xAB becomes 0xABAB."""
    wide = bytearray(2 * len(raw))
    wide[0::2] = wide[1::2] = raw
    return wide


def _converted(pixels: Pixels, space: ColorSpace, scratch: Scratch) -> tuple[QtCore.QRect, bytes | bytearray]:
    area = QtCore.QRect(pixels.x, pixels.y, pixels.width, pixels.height)
    if is_srgb8(space) or not pixels.data:
        return area, pixels.data
    return area, scratch.from_srgb8(pixels, space)

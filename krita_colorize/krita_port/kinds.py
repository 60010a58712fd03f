"""Maps Krita's node types to the docker's kinds of layers."""

from __future__ import annotations

from krita import Node

from krita_colorize.core.port import Kind

KINDS = {
    "paintlayer": Kind.PAINT,
    "grouplayer": Kind.GROUP,
    "vectorlayer": Kind.VECTOR,
    "clonelayer": Kind.CLONE,
    "filelayer": Kind.FILE,
    "filllayer": Kind.FILL,
    "transparencymask": Kind.MASK,
    "selectionmask": Kind.MASK,
}


def kind(node: Node) -> Kind:
    """The kind of a layer or mask."""
    return KINDS.get(node.type(), Kind.OTHER)

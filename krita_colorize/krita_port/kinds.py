"""Krita's node types in the docker's words."""

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
    """What a layer or mask is to the docker."""
    return KINDS.get(node.type(), Kind.OTHER)

"""Lists and finds libkis's Python objects without leaking memory. All lists from Krita must be passed through `owned`.

Krita's lists give their elements to Python with a reference that is never released; `sip.transferback` returns it.
These functions don't change documents.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any, TypeVar

from krita import Document, Krita, Node, Window

from krita_colorize.qt import QtCore

T = TypeVar("T")

_sip = importlib.import_module(QtCore.__name__.partition(".")[0] + ".sip")


def owned(wrappers: list[T]) -> list[T]:
    """The same list; its elements are freed when Python drops them."""
    for wrapper in wrappers:
        _sip.transferback(wrapper)
    return wrappers


def gone(qobject: Any) -> bool:
    """Whether the C++ object behind a Qt wrapper has been deleted."""
    return bool(_sip.isdeleted(qobject))


def documents() -> list[Document]:
    """All open documents."""
    return owned(Krita.instance().documents())


def windows() -> list[Window]:
    """All main windows."""
    return owned(Krita.instance().windows())


def children(node: Node) -> list[Node]:
    """A node's children, bottom to top."""
    return owned(node.childNodes())


def walk(node: Node, depth: int = 0) -> Iterator[tuple[Node, int]]:
    """Everything below `node` with its depth: top first, children after their group."""
    for child in reversed(children(node)):
        yield child, depth
        yield from walk(child, depth + 1)


def node_id(node: Node) -> str:
    """A node's id, which stays the same while the node exists and in the saved file."""
    return node.uniqueId().toString()


def find_node(document: Document, layer_id: str) -> Node | None:
    """The layer or mask of that id."""
    return next((node for node, _ in walk(document.rootNode()) if node_id(node) == layer_id), None)

"""Keys for open documents. Using a closed document crashes Krita, so every look-up checks whether it is open.

A key is made at the first request and is valid while the document is open. Krita has no keys: a document may have no
file name, or the same one as another document, and two copies of a file have the same layer ids.
"""

from __future__ import annotations

import itertools
from pathlib import PurePath

from krita import Document, Node

from krita_colorize.core.port import DocumentInfo
from krita_colorize.krita_port import wrappers


class Documents:
    """Maps open documents to keys and keys to documents."""

    def __init__(self) -> None:
        self._known: dict[str, Document] = {}
        self._numbers = itertools.count(1)

    def key(self, document: Document) -> str:
        """The key of an open document."""
        self._forget_closed()
        for key, known in self._known.items():
            if known == document:
                return key
        key = f"document-{next(self._numbers)}"
        self._known[key] = document
        return key

    def find(self, key: str) -> Document:
        """The open document of that key. Raises LookupError if it has been closed."""
        self._forget_closed()
        if key not in self._known:
            raise LookupError("The picture has been closed. Open it again and repeat.")
        return self._known[key]

    def node(self, key: str, layer_id: str) -> Node:
        """A layer of an open document. Raises LookupError if document or layer no longer exist."""
        node = wrappers.find_node(self.find(key), layer_id)
        if node is None:
            raise LookupError("The layer is no longer in the picture. Choose another one.")
        return node

    def info(self, document: Document) -> DocumentInfo:
        """The data on an open document that the docker needs."""
        return DocumentInfo(
            key=self.key(document),
            name=PurePath(document.fileName()).name or document.name(),
            width=document.width(),
            height=document.height(),
            color_model=document.colorModel(),
            color_depth=document.colorDepth(),
        )

    def _forget_closed(self) -> None:
        opened = wrappers.documents()
        self._known = {key: document for key, document in self._known.items() if document in opened}

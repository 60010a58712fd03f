"""Notes in a document: Krita's annotations, saved inside the .kra under `krita_colorize/`.

Callers pass documents that are known to be open: Krita crashes on a closed one. Writing marks the document as modified.
"""

from __future__ import annotations

from krita import Document

from krita_colorize.qt import QtCore

PREFIX = "krita_colorize/"


def read(document: Document, name: str) -> bytes | None:
    """What `write` stored, or None."""
    if PREFIX + name not in document.annotationTypes():
        return None
    return document.annotation(PREFIX + name).data()


def write(document: Document, name: str, data: bytes) -> None:
    """Stores bytes under a name; they replace what was there."""
    document.setAnnotation(PREFIX + name, "Krita Colorize", QtCore.QByteArray(data))

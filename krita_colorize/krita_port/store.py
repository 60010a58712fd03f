"""Stores data in a document as Krita's annotations, which are saved in the .kra under `krita_colorize/`.

The document must be open: Krita crashes if it is closed. Writing marks the document as modified.
"""

from __future__ import annotations

from krita import Document

from krita_colorize.qt import QtCore

PREFIX = "krita_colorize/"


def read(document: Document, name: str) -> bytes | None:
    """The data that `write` has stored, or None."""
    if PREFIX + name not in document.annotationTypes():
        return None
    return document.annotation(PREFIX + name).data()


def write(document: Document, name: str, data: bytes) -> None:
    """Stores bytes under a name, replacing earlier ones."""
    document.setAnnotation(PREFIX + name, "Krita Colorize", QtCore.QByteArray(data))

"""Notes in a document which colour was asked for where another one was written, and reads layers by that note.

A repair compares what lies in a layer with what was delivered: that must be the same colour, see `gamut`. The note is
one of `store`'s and is missing in RGB documents.
"""

from __future__ import annotations

import json

from krita import Document

from krita_colorize.core.port import Pixels
from krita_colorize.krita_port import store
from krita_colorize.krita_port.gamut import FlatColours, recoloured

NOTE = "colours.json"


def note(document: Document, colours: FlatColours | None) -> None:
    """Adds what was written to the document's note."""
    if colours is None:
        return
    known = _read(document)
    new = {written: asked for asked, written in colours.written.items() if asked != written}
    if not new.keys() <= known.keys():
        store.write(document, NOTE, json.dumps(new | known).encode("utf-8"))


def asked(document: Document, pixels: Pixels) -> Pixels:
    """A layer's picture in the colours that were asked for."""
    known = _read(document) if pixels.channels == 4 else {}
    if not known:
        return pixels
    return recoloured(pixels, lambda colours: [known.get(colour, colour) for colour in colours])


def _read(document: Document) -> dict[int, int]:
    """Asked for by written; empty where the note is missing or was written by somebody else."""
    try:
        found = json.loads(store.read(document, NOTE) or b"{}")
        return {int(written): int(asked) & 0xFFFFFF for written, asked in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}

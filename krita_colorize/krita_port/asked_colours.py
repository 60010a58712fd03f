"""Stores in a document the wanted colour of each written colour, and maps the pixels of layers back to wanted colours.

In documents that aren't RGB, the written colours differ from the wanted ones, to make up for Krita's conversion (see
`gamut`). A repair compares a layer's pixels with the delivered ones, so it needs the wanted colours. They are stored
with `store`; RGB documents have no such annotation.
"""

from __future__ import annotations

import json

from krita import Document

from krita_colorize.core.port import Pixels
from krita_colorize.krita_port import store
from krita_colorize.krita_port.gamut import FlatColours, recoloured

NOTE = "colours.json"


def note(document: Document, colours: FlatColours | None) -> None:
    """Adds the written colours to the document's annotation; None, for RGB documents, adds nothing."""
    if colours is None:
        return
    known = _read(document)
    new = {written: asked for asked, written in colours.written.items() if asked != written}
    if not new.keys() <= known.keys():
        store.write(document, NOTE, json.dumps(new | known).encode("utf-8"))


def asked(document: Document, pixels: Pixels) -> Pixels:
    """A layer's pixels with every written colour replaced by the wanted one; masks are unchanged."""
    known = _read(document) if pixels.channels == 4 else {}
    if not known:
        return pixels
    return recoloured(pixels, lambda colours: [known.get(colour, colour) for colour in colours])


def _read(document: Document) -> dict[int, int]:
    """The wanted colour of each written one (0xRRGGBB); empty if the annotation is missing or can't be read."""
    try:
        found = json.loads(store.read(document, NOTE) or b"{}")
        return {int(written): int(asked) & 0xFFFFFF for written, asked in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}

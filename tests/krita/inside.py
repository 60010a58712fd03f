"""Runs inside Krita: what the tests' functions find there. `conftest.py` imports it into every session.

`port` is the real port without a window; `new_document` makes documents; the rest is short for what tests say often.
"""

import hashlib

from krita import Krita, Selection  # noqa: F401 - the tests' functions use it

from krita_colorize.core import key_strokes
from krita_colorize.core.port import KEY_STROKES, SELECTION_ID, Kind, NewGroup, NewLayer, Pixels  # noqa: F401
from krita_colorize.krita_port import wrappers
from krita_colorize.krita_port.port import LibKisPort

SPACES = {
    "RGBA U8": ("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc"),
    "RGBA U8 linear": ("RGBA", "U8", "sRGB-elle-V2-g10.icc"),
    "RGBA U16": ("RGBA", "U16", ""),
    "RGBA F16": ("RGBA", "F16", ""),
    "RGBA F32": ("RGBA", "F32", ""),
    "GRAYA U8": ("GRAYA", "U8", ""),
    "GRAYA U16": ("GRAYA", "U16", ""),
    "CMYKA U8": ("CMYKA", "U8", ""),
    "CMYKA U16": ("CMYKA", "U16", ""),
    "LABA U16": ("LABA", "U16", ""),
}

port = LibKisPort()


def new_document(space="RGBA U8", width=60, height=40, resolution=72):
    """An open document with one clear paint layer, and its key; the resolution is in pixels per inch."""
    document = Krita.instance().createDocument(width, height, "drawing", *SPACES[space], float(resolution))
    white = document.topLevelNodes()[0]
    document.rootNode().addChildNode(document.createNode("Lines", "paintlayer"), None)
    white.remove()
    document.refreshProjection()
    document.setModified(False)
    return document, port.documents.key(document)


def close(document):
    """Closes without asking."""
    document.setModified(False)
    document.close()


def id_of(node):
    """A node's id as the port gives it."""
    return wrappers.node_id(node)


def find(document, name):
    """A node by its name."""
    return next(node for node, _ in wrappers.walk(document.rootNode()) if node.name() == name)


def add(document, node, parent=None):
    """Adds a node on top of a group or of the document; returns it."""
    (parent or document.rootNode()).addChildNode(node, None)
    document.refreshProjection()
    return find(document, node.name())


def fill(node, bgra, x, y, width, height):
    """Paints a rectangle of an 8-bit RGBA layer."""
    node.setPixelData(bytes(bgra) * (width * height), x, y, width, height)


def solid(bgra, width, height, x=0, y=0):
    """A picture of one colour."""
    return Pixels(width, height, bytes(bgra) * (width * height), x, y)


def mask(value, width, height, x=0, y=0):
    """A mask of one value."""
    return Pixels(width, height, bytes([value]) * (width * height), x, y)


def key_stroke_layer(marks, width, height):
    """What becomes a Colorize Mask, from a picture of its marks."""
    strokes = key_strokes.split(Pixels(width, height, marks))
    return NewLayer("Colorize Mask", Pixels(0, 0, b""), role=KEY_STROKES, key_strokes=strokes)


def pixel(document, x, y):
    """One pixel of the whole picture as B, G, R, A in sRGB."""
    colour = document.projection(x, y, 1, 1).pixelColor(0, 0)
    return [colour.blue(), colour.green(), colour.red(), colour.alpha()]


def digest(node, width=200, height=200):
    """SHA-256 of a layer's own bytes."""
    return hashlib.sha256(node.pixelData(0, 0, width, height).data()).hexdigest()


def place(pixels):
    """What a snapshot says about itself, without its data."""
    return [pixels.x, pixels.y, pixels.width, pixels.height, pixels.channels]


def tree(parent):
    """Names below a node, bottom to top, children in lists."""
    return [[n.name(), tree(n)] if wrappers.children(n) else n.name() for n in wrappers.children(parent)]


class Stage:
    """The stage of `port_contract` in real Krita."""

    def __init__(self):
        self.port = port
        self.documents = {}

    def open(self, width, height):
        document, key = new_document(width=width, height=height)
        self.documents[key] = document
        return key

    def paint(self, key, name, bgra, x, y, width, height):
        document = self.documents[key]
        node = add(document, document.createNode(name, "paintlayer"))
        if width and height:
            fill(node, bgra, x, y, width, height)
        document.refreshProjection()
        return id_of(node)

    def modified(self, key):
        return self.documents[key].modified()

    def settle(self, key):
        self.documents[key].setModified(False)

    def close(self, key):
        close(self.documents[key])

"""Hidden documents, in which pixels are converted and new layers are made without effects on the artist's document.

Krita converts colours only inside a document, and every conversion is an undo step of that document. A clone of a tiny
document takes a millisecond to make and doesn't appear in Krita's lists; it is closed after each use.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from krita import Document, Krita, Node

from krita_colorize.core.port import Pixels
from krita_colorize.krita_port.gamut import FlatColours
from krita_colorize.qt import QtCore


@dataclass(frozen=True)
class ColorSpace:
    """A colour space, by Krita's names of its model, depth and profile."""

    model: str
    depth: str
    profile: str

    @classmethod
    def of(cls, owner: Document | Node) -> ColorSpace:
        """The colour space of a document or a layer. Krita crashes if it is a mask without a parent."""
        return cls(owner.colorModel(), owner.colorDepth(), owner.colorProfile())


SRGB8 = ColorSpace("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc")

SRGB_PROFILES = frozenset(
    {SRGB8.profile, "sRGB built-in", "Artifex Software sRGB ICC Profile", "sRGB IEC61966-2.1"}
)
"""Profiles equal to sRGB at 8 bits: Krita's conversion between them changes none of the 2^24 colours."""

EMPTY = Pixels(0, 0, b"")


def is_srgb8(space: ColorSpace) -> bool:
    """Whether pixels of this colour space needn't be converted."""
    return (space.model, space.depth) == ("RGBA", "U8") and space.profile in SRGB_PROFILES


class Scratch:
    """Makes hidden documents; one object per port."""

    def __init__(self) -> None:
        self._base: dict[ColorSpace, Document] = {}
        self._flat: dict[ColorSpace, FlatColours] = {}

    @contextmanager
    def document(self, space: ColorSpace) -> Iterator[Document]:
        """Yields a hidden document of that colour space. Its layers can't be used after the `with` block."""
        copy = self._template(space).clone()
        try:
            yield copy
        finally:
            copy.setModified(False)
            copy.close()

    def prepare(self) -> None:
        """Makes the hidden document for the most common colour space in advance."""
        self._template(SRGB8)

    def close(self) -> None:
        """Closes cached documents."""
        for document in self._base.values():
            document.close()
        self._base.clear()

    def read_srgb8(self, raw: bytes, space: ColorSpace, area: QtCore.QRect) -> Pixels:
        """Converts raw pixels of an area (image pixels) to BGRA8 sRGB, cropped to the non-transparent pixels."""
        with self.document(SRGB8) as document:
            node = document.createNode("pixels", "paintlayer")
            if space != SRGB8:
                node.setColorSpace(space.model, space.depth, space.profile)
            node.setPixelData(raw, *rectangle(area))
            if not is_srgb8(space):
                node.setColorSpace(SRGB8.model, SRGB8.depth, SRGB8.profile)
            return read_cropped(node, area)

    def from_srgb8(self, pixels: Pixels, space: ColorSpace) -> bytes:
        """Converts a BGRA8 sRGB picture to raw pixels of another colour space."""
        area = pixels.x, pixels.y, pixels.width, pixels.height
        with self.document(SRGB8) as document:
            node = document.createNode("pixels", "paintlayer")
            node.setPixelData(pixels.data, *area)
            node.setColorSpace(space.model, space.depth, space.profile)
            return node.pixelData(*area).data()

    def adapted(self, pixels: Pixels, space: ColorSpace) -> Pixels:
        """The sRGB picture with flat colours that look as wanted once converted to a colour space; see `gamut`."""
        colours = self.flat_colours(space)
        return pixels if colours is None else colours.adapted(pixels)

    def flat_colours(self, space: ColorSpace) -> FlatColours | None:
        """The flat colours for a colour space; None for RGB, where Krita's conversions are exact."""
        if space.model == "RGBA":
            return None
        if space not in self._flat:
            self._flat[space] = FlatColours(
                lambda row: self._there_and_back(row, space), gray=space.model == "GRAYA"
            )
        return self._flat[space]

    def _there_and_back(self, row: bytes, space: ColorSpace) -> bytes:
        """Converts a row of sRGB pixels to a colour space and back."""
        area = 0, 0, len(row) // 4, 1
        with self.document(SRGB8) as document:
            node = document.createNode("pixels", "paintlayer")
            node.setPixelData(row, *area)
            for one in (space, SRGB8):
                node.setColorSpace(one.model, one.depth, one.profile)
            return node.pixelData(*area).data()

    def _template(self, space: ColorSpace) -> Document:
        if space not in self._base:
            made = Krita.instance().createDocument(1, 1, "", space.model, space.depth, space.profile, 72.0)
            self._base[space] = made.clone()
            made.setModified(False)
            made.close()
        return self._base[space]


def rectangle(area: QtCore.QRect) -> tuple[int, int, int, int]:
    """x, y, width and height, as arguments for Krita's functions."""
    return area.x(), area.y(), area.width(), area.height()


def read_cropped(node: Node, area: QtCore.QRect) -> Pixels:
    """A paint layer's pixels inside an area, cropped to the non-transparent ones, as stored with 4 bytes per pixel."""
    content = node.bounds().intersected(area)
    if content.isEmpty():
        return EMPTY
    data = node.pixelData(*rectangle(content)).data()
    return Pixels(content.width(), content.height(), data, content.x(), content.y())

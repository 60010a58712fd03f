"""Blend modes in subtractive colour spaces (CMYK): Krita before 5.2 applies them to amounts of ink, not of light.

For example, white (no ink) multiplied by a colour stays white there. The intended effect then needs another blend mode.
"""

from __future__ import annotations

from krita import Document, Node

from krita_colorize.krita_port.scratch import SRGB8, ColorSpace, Scratch

OF_INK = {"multiply": "screen", "screen": "multiply", "add": "linear_burn"}
"""For each blend mode, the one with the same effect if Krita applies it to amounts of ink."""


class Blending:
    """Chooses blend modes by testing once per colour space how this Krita blends; one object per port."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._mixes_ink: dict[ColorSpace, bool] = {}

    def mode(self, blend: str, space: ColorSpace) -> str:
        """Krita's composite op that has the same effect in a document of this colour space as `blend` in sRGB."""
        if space.model != "CMYKA" or blend not in OF_INK:
            return blend
        if space not in self._mixes_ink:
            self._mixes_ink[space] = self._stays_white(space)
        return OF_INK[blend] if self._mixes_ink[space] else blend

    def _stays_white(self, space: ColorSpace) -> bool:
        """Whether white multiplied by black gives white."""
        with self._scratch.document(space) as document:
            white, black = (_pixel(document, space, light) for light in (255, 0))
            black.setBlendingMode("multiply")
            paper = white.pixelData(0, 0, 1, 1).data()
            document.rootNode().setChildNodes([white, black])
            document.refreshProjection()
            return bytes(document.pixelData(0, 0, 1, 1).data()) == bytes(paper)


def _pixel(document: Document, space: ColorSpace, light: int) -> Node:
    node = document.createNode("pixel", "paintlayer")
    node.setColorSpace(SRGB8.model, SRGB8.depth, SRGB8.profile)
    node.setPixelData(bytes((light, light, light, 255)), 0, 0, 1, 1)
    node.setColorSpace(space.model, space.depth, space.profile)
    return node

"""Blend modes in colour spaces of ink: Krita before 5.2 mixes the amounts of ink there, not the light that they leave.

White, no ink, multiplied with a colour then stays white. The same mode of the light that is left has another name.
"""

from __future__ import annotations

from krita import Document, Node

from krita_colorize.krita_port.scratch import SRGB8, ColorSpace, Scratch

OF_INK = {"multiply": "screen", "screen": "multiply", "add": "linear_burn"}
"""What to call a blend mode where amounts of ink are mixed."""


class Blending:
    """Knows how this Krita blends; one per port."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._mixes_ink: dict[ColorSpace, bool] = {}

    def mode(self, blend: str, space: ColorSpace) -> str:
        """Krita's composite op that looks in a document of this colour space as `blend` does in sRGB."""
        if space.model != "CMYKA" or blend not in OF_INK:
            return blend
        if space not in self._mixes_ink:
            self._mixes_ink[space] = self._stays_white(space)
        return OF_INK[blend] if self._mixes_ink[space] else blend

    def _stays_white(self, space: ColorSpace) -> bool:
        """Whether white multiplied with black is white."""
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

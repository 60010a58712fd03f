"""Flat colours for documents that aren't RGB, chosen so that they look as wanted after Krita's conversion.

Krita converts with the perceptual rendering intent, which compresses the gamut at each conversion: a CMYK colour that
is read as sRGB and converted to CMYK again becomes darker. The colours of flat pictures are therefore replaced by
those that look most similar to the wanted ones after the conversion; they are found by fixed-point iteration.
Pictures with more than `MAX_COLOURS` colours stay unchanged. This module only computes; `scratch` does Krita's
conversions and keeps one `FlatColours` per colour space.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from krita_colorize.core.port import Pixels
from krita_colorize.qt import QtCore, QtGui

MAX_COLOURS = 255
"""Pictures with more colours are no flat pictures and stay unchanged."""

_ROUNDS = 32
_STEP = 0.7
"""Fraction of the error that one iteration corrects; more would overshoot where the profile is steep."""

_ENOUGH, _FAR = 2, 60
"""Squared distances in 8-bit levels: below the first a difference is invisible; above the second the colour is out of
the gamut, and trying its neighbours is useless."""


Channels = tuple[int, int, int]
"""Blue, green, red."""


class _Try(NamedTuple):
    """A tried colour, and how far its conversion is from the wanted one (`error`: squared, `off`: per channel)."""

    error: float
    colour: Channels
    off: Channels


class FlatColours:
    """Finds and caches the colours to write in one colour space.

    `shown` converts a row of opaque sRGB pixels (B, G, R, A; 8 bits) to the colour space and back; `gray` says that the
    space has no colours.
    """

    def __init__(self, shown: Callable[[bytes], bytes], *, gray: bool) -> None:
        self._shown = shown
        self._gray = gray
        self.written: dict[int, int] = {}
        """The written colour (0xRRGGBB) for each wanted one."""

    def adapted(self, pixels: Pixels) -> Pixels:
        """The picture with every colour replaced by the colour to write."""
        return recoloured(pixels, self._instead_of)

    def _instead_of(self, colours: Sequence[int]) -> list[int]:
        new = [colour for colour in dict.fromkeys(colours) if colour not in self.written]
        # Krita converts colours to gray with its own weights; only gray pixels can look the same afterwards.
        searched = [colour for colour in new if not self._gray or _is_gray(colour)]
        self.written |= {colour: colour for colour in new}
        if searched:
            self.written |= dict(zip(searched, self._search(searched), strict=True))
        return [self.written[colour] for colour in colours]

    def _search(self, colours: Sequence[int]) -> list[int]:
        """For each colour (0xRRGGBB) the one that is most similar to it after the conversion."""
        wanted = [_channels(colour) for colour in colours]
        guess = [[float(value) for value in channels] for channels in wanted]
        best = [_Try(float("inf"), channels, (0, 0, 0)) for channels in wanted]
        for _ in range(_ROUNDS):
            tries = self._try(
                [(_rounded(one), channels) for one, channels in zip(guess, wanted, strict=True)]
            )
            best = [min(pair, key=lambda one: one.error) for pair in zip(best, tries, strict=True)]
            if not any(one.error for one in best):
                break
            for one, values in zip(tries, guess, strict=True):
                values[:] = [
                    min(255.0, max(0.0, value + _STEP * off))
                    for value, off in zip(values, one.off, strict=True)
                ]
        return [_colour(one.colour) for one in self._refined(best, wanted)]

    def _refined(self, found: list[_Try], wanted: Sequence[Channels]) -> list[_Try]:
        """The best of each colour and its neighbours, which the iteration can miss because of rounding."""
        near = [
            (
                number,
                _rounded([value + step for value, step in zip(found[number].colour, steps, strict=True)]),
            )
            for number in range(len(found))
            if _ENOUGH < found[number].error < _FAR
            for steps in itertools.product((-1, 0, 1), repeat=3)
        ]
        tries = self._try([(colour, wanted[number]) for number, colour in near])
        for (number, _), one in zip(near, tries, strict=True):
            found[number] = min(found[number], one, key=lambda one: one.error)
        return found

    def _try(self, pairs: Sequence[tuple[Channels, Channels]]) -> list[_Try]:
        """Converts colours and computes their differences from the wanted ones."""
        if not pairs:
            return []
        row = self._shown(b"".join(bytes((*colour, 255)) for colour, _ in pairs))
        tries = []
        for number, (colour, wanted) in enumerate(pairs):
            blue, green, red = (one - row[4 * number + channel] for channel, one in enumerate(wanted))
            tries.append(_Try(float(blue**2 + green**2 + red**2), colour, (blue, green, red)))
        return tries


def recoloured(pixels: Pixels, instead_of: Callable[[Sequence[int]], Sequence[int]]) -> Pixels:
    """A picture with its colours (0xRRGGBB) replaced and its alpha unchanged; unchanged if it has too many colours."""
    if not pixels.data:
        return pixels
    size = pixels.width, pixels.height
    opaque = QtGui.QImage(bytes(pixels.data), *size, pixels.width * 4, QtGui.QImage.Format.Format_RGB32)
    no_dither = QtCore.Qt.ImageConversionFlag.AvoidDither
    indexed = opaque.convertToFormat(QtGui.QImage.Format.Format_Indexed8, no_dither)
    colours = [colour & 0xFFFFFF for colour in indexed.colorTable()]
    if len(colours) > MAX_COLOURS:
        return pixels
    instead = list(instead_of(colours))
    if instead == colours:
        return pixels
    indexed.setColorTable([0xFF000000 | colour for colour in instead])
    changed = indexed.convertToFormat(QtGui.QImage.Format.Format_ARGB32)
    bits = changed.constBits()
    assert bits is not None, "a picture with pixels has bytes"
    data = bytearray(bits.asstring(len(pixels.data)))
    data[3::4] = pixels.data[3::4]
    return replace(pixels, data=data)


def _channels(colour: int) -> Channels:
    return colour & 0xFF, colour >> 8 & 0xFF, colour >> 16


def _rounded(channels: Sequence[float]) -> Channels:
    blue, green, red = (min(255, max(0, round(value))) for value in channels)
    return blue, green, red


def _colour(channels: Channels) -> int:
    blue, green, red = channels
    return red << 16 | green << 8 | blue


def _is_gray(colour: int) -> bool:
    return len(set(_channels(colour))) == 1

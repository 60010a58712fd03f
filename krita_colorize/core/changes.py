"""Where two pictures or masks differ, and what a repair made of them. Bytes in, bytes out; no numpy in Krita's Python.

Works on whole bands of rows as large integers and byte slices, which costs some ten milliseconds a megapixel. Slow
all the same: for worker threads. What a region is and what a change reaches is the backend's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from krita_colorize.core.edits import Binding
from krita_colorize.core.geometry import placed
from krita_colorize.core.port import Pixels

BAND_BYTES = 1 << 20
"""Large integers keep the interpreter's lock: a megabyte takes about a millisecond."""

_ALL = bytes([0]) + b"\xff" * 255
_INVERTED = bytes(range(255, -1, -1))


@dataclass(frozen=True)
class Masks:
    """The masks inside an applied result, as large as the canvas; None where that side has none."""

    foreground: Pixels | None = None
    background: Pixels | None = None


def differing(before: Pixels | None, after: Pixels | None, width: int, height: int) -> Pixels:
    """A mask of the canvas's size: 255 where two masks, or two pictures (or nothing), on it differ."""
    channels = (before.channels if before else 0) or (after.channels if after else 0) or 1
    first, second = (_on_canvas(pixels, width, height, channels) for pixels in (before, after))
    step = max(1, BAND_BYTES // (width * channels)) * width * channels
    bands = (
        _nonzero(_xor(first[start : start + step], second[start : start + step]), channels)
        for start in range(0, len(first), step)
    )
    return Pixels(width, height, b"".join(bands))


def either(masks: Iterable[Pixels]) -> Pixels:
    """Where any of these masks, all of one size, is not 0; at least one is given."""
    first, *others = masks
    data = bytes(first.data)
    for mask in others:
        data = b"".join(
            _integer_or(data[start : start + BAND_BYTES], mask.data[start : start + BAND_BYTES])
            for start in range(0, len(data), BAND_BYTES)
        )
    return Pixels(first.width, first.height, data, first.x, first.y)


def overlapping(first: Pixels, second: Pixels) -> bool:
    """Whether two masks of one size are both 255 anywhere."""
    starts = range(0, len(first.data), BAND_BYTES)
    bands = ((mask.data[start : start + BAND_BYTES] for mask in (first, second)) for start in starts)
    return any(int.from_bytes(one, "big") & int.from_bytes(other, "big") for one, other in bands)


def dots(before: Sequence[Binding], after: Sequence[Binding], width: int, height: int) -> Pixels:
    """A mask of the canvas's size with a pixel at the place of every binding that came or went."""
    data = bytearray(width * height)
    for binding in set(before) ^ set(after):
        if binding.x < width and binding.y < height:
            data[binding.y * width + binding.x] = 255
    return Pixels(width, height, data)


def sketch_mask(chosen: Pixels | None, base: Masks, now: Masks, width: int, height: int) -> Pixels | None:
    """The foreground mask that counts now: the chosen one (else the result's own), with what was painted since on the
    result's masks; what was painted on the background's mask counts where the foreground's wasn't painted."""
    start = chosen or now.foreground
    if start is None:
        return None if now.background is None else _inverted(now.background)
    result = placed(start, 0, 0, width, height)
    if now.background is not None and base.background is not None:
        painted = differing(base.background, now.background, width, height)
        result = merged(result, _inverted(now.background), painted)
    if now.foreground is not None and base.foreground is not None:
        result = merged(result, now.foreground, differing(base.foreground, now.foreground, width, height))
    return result


def merged(below: Pixels, above: Pixels, where: Pixels) -> Pixels:
    """`above` where the mask `where` is 255, else `below`: masks or pictures of one size, the mask 0 or 255."""
    channels = below.channels or 1
    step = BAND_BYTES * channels
    bands = []
    for start in range(0, len(below.data), step):
        low, high = below.data[start : start + step], above.data[start : start + step]
        select = where.data[start // channels : (start + step) // channels]
        bands.append(_select(low, high, _spread(select, channels)))
    return Pixels(below.width, below.height, b"".join(bands), below.x, below.y)


def delivered_after(delivered: Pixels, now: Pixels, answer: Pixels, width: int, height: int) -> Pixels:
    """What counts as delivered once `answer` has been put into the layer `now`: the answer where it changed the
    layer. Elsewhere it stays, so that the artist's strokes are still known as such the next time."""
    before = placed(now, answer.x, answer.y, answer.width, answer.height)
    written = differing(
        Pixels(answer.width, answer.height, before.data), Pixels(answer.width, answer.height, answer.data),
        answer.width, answer.height,
    )  # fmt: skip
    whole = placed(delivered, 0, 0, width, height)
    here = placed(answer, 0, 0, width, height)
    there = placed(Pixels(answer.width, answer.height, written.data, answer.x, answer.y), 0, 0, width, height)
    return merged(whole, here, there)


def _on_canvas(pixels: Pixels | None, width: int, height: int, channels: int) -> bytes | bytearray:
    if pixels is None or not pixels.data:
        return bytes(width * height * channels)
    return placed(pixels, 0, 0, width, height).data


def _inverted(mask: Pixels) -> Pixels:
    return Pixels(mask.width, mask.height, bytes(mask.data).translate(_INVERTED), mask.x, mask.y)


def _nonzero(band: bytes, channels: int) -> bytes:
    """255 for each pixel of which a channel isn't 0."""
    total = int.from_bytes(band[::channels], "little")
    for channel in range(1, channels):
        total |= int.from_bytes(band[channel::channels], "little")
    return total.to_bytes(len(band) // channels, "little").translate(_ALL)


def _spread(mask: bytes | bytearray, channels: int) -> bytes | bytearray:
    """Each byte repeated for every channel."""
    spread = bytearray(len(mask) * channels)
    for channel in range(channels):
        spread[channel::channels] = mask
    return spread


def _xor(first: bytes | bytearray, second: bytes | bytearray) -> bytes:
    difference = int.from_bytes(first, "little") ^ int.from_bytes(second, "little")
    return difference.to_bytes(len(first), "little")


def _integer_or(first: bytes | bytearray, second: bytes | bytearray) -> bytes:
    together = int.from_bytes(first, "little") | int.from_bytes(second, "little")
    return together.to_bytes(len(first), "little")


def _select(low: bytes | bytearray, high: bytes | bytearray, mask: bytes | bytearray) -> bytes:
    below, above = int.from_bytes(low, "little"), int.from_bytes(high, "little")
    chosen = below ^ ((below ^ above) & int.from_bytes(mask, "little"))
    return chosen.to_bytes(len(low), "little")

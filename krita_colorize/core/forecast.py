"""Forecasts what a repair or a palette edit will change, to be shown until the backend's answer is there.

The backend decides (docs/wire.md, "redo"); the forecast is only shown for a moment and never written. It takes a
result's regions: those under new strokes of the hint layer, those with new bindings, or those of an edited colour, and
the regions that were recognised as the same part. Slow: for worker threads.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby

from krita_colorize.core import corrections, region_map
from krita_colorize.core.geometry import placed
from krita_colorize.core.port import Pixels
from krita_colorize.core.region_map import CLEAR, RegionMap, pixel_of
from krita_colorize.core.repair import CLEAR_HINTS, State
from krita_colorize.core.request import Pictures, Request, wire_bindings
from krita_colorize.core.result import Result

MOST_PIXELS = 40_000_000
"""On larger canvases there is no forecast, because it needs several copies of the layers."""

MOST_ROWS = 256
"""Number of the hint layer's changed rows that are looked at."""

GRAZED = 0.1
"""Fraction of the new strokes below which a region counts as only touched."""

SPOT = 0.004
"""Half the side of a binding's spot, as a fraction of the reference's longer side."""

_PIECE = 64
"""Length in pixels of the pieces of rows that are compared as a whole."""

_MAGENTA = 0xFF00FF
_OPAQUE = 128


def repaired(
    where: RegionMap, state: State, request: Request, pictures: Pictures, layers: Mapping[str, Pixels]
) -> dict[str, Pixels]:
    """The pixels that a repair will probably change, by role.

    Args:
        where: the regions of the result.
        state: the result, and the pictures it was made from.
        request: the repair's request.
        pictures: the repair's pictures.
        layers: the present pixels of the result's layers, by role.
    """
    colours = bound(where, request, pictures, state.result.request)
    hints = hinted(where, state.base.get("hints") if pictures.hints else None, pictures.hints)
    colours |= {region: f"#{colour:06x}" for region, colour in hints.items()}
    swaps = {swap.before: swap.after for swap in request.settings.swaps}
    pixels = {region: pixel_of(swaps.get(colour, colour)) for region, colour in colours.items()}
    if request.settings.options.advanced.get(CLEAR_HINTS):
        pixels |= {region: CLEAR for region, colour in hints.items() if colour == _MAGENTA}
    for region in tuple(pixels):
        for other in where.same(region):
            pixels.setdefault(other, pixels[region])
    return _repainted(where, pixels, state.result, layers)


def recoloured(
    where: RegionMap, result: Result, edits: Mapping[str, str], layers: Mapping[str, Pixels]
) -> dict[str, Pixels]:
    """The pixels that a palette edit (shown colour: new colour) will probably change, by role."""
    after = {pixel_of(before): pixel_of(colour) for before, colour in edits.items()}
    pixels = {}
    for region, (x, y) in where.places(range(len(where.likely))).items():
        layer = layers.get(where.role(region))
        now = layer.pixel(x, y) if layer is not None else None
        if now in after:
            pixels[region] = after[now]
    return _repainted(where, pixels, result, layers)


def hinted(where: RegionMap, before: Pixels | None, now: Pixels | None) -> dict[int, int]:
    """The colour (0xRRGGBB) of each region under the strokes that were painted on the hint layer since `before`.

    Only the middle of a stroke counts, because strokes often extend a little beyond their region."""
    found: dict[int, Counter[int]] = {}
    for x, y, colour in _strokes(before, now):
        region = where.at(x, y)
        if region >= 0:
            found.setdefault(region, Counter())[colour] += 1
    least = GRAZED * sum(counts.total() for counts in found.values())
    return {
        region: counts.most_common(1)[0][0] for region, counts in found.items() if counts.total() >= least
    }


def bound(where: RegionMap, request: Request, pictures: Pictures, before: Request) -> dict[int, str]:
    """The colour ("#rrggbb") of each region with a binding that `before` didn't have."""
    known = set(before.settings.bindings)
    new = tuple(one for one in request.settings.bindings if one not in known)
    request = replace(request, settings=replace(request.settings, bindings=new))
    found = {}
    for one in wire_bindings(request, pictures):
        region = where.at(one["x"], one["y"])
        picture = pictures.references[one["reference"]][0]
        colour = spot_colour(picture, one["reference_x"], one["reference_y"])
        if region >= 0 and colour:
            found[region] = colour
    return found


def spot_colour(picture: Pixels, x: int, y: int) -> str:
    """The colour ("#rrggbb") around a position in a reference: the pixel that is nearest to the median; "" if all are
    transparent."""
    reach = max(1, round(SPOT * max(picture.width, picture.height)))
    left, top = max(0, x - reach), max(0, y - reach)
    right, bottom = min(picture.width, x + reach + 1), min(picture.height, y + reach + 1)
    part = placed(replace(picture, x=0, y=0), left, top, right - left, bottom - top).data
    pixels = [
        bytes(part[start : start + 3]) for start in range(0, len(part), 4) if part[start + 3] >= _OPAQUE
    ]
    if not pixels:
        return ""
    median = [sorted(channel)[len(channel) // 2] for channel in zip(*pixels, strict=True)]

    def away(pixel: bytes) -> int:
        return sum(abs(value - middle) for value, middle in zip(pixel, median, strict=True))

    return "#" + min(pixels, key=away)[::-1].hex()


def _strokes(before: Pixels | None, now: Pixels | None) -> Iterator[tuple[int, int, int]]:
    """The middle pixel (x, y, 0xRRGGBB) of each piece of a row that was painted since `before`."""
    if now is None or not now.data:
        return
    new, stride = now.data, now.width * 4
    old = placed(before, *now.box).data if before is not None and before.data else bytes(len(new))
    rows = range(now.height)
    changed = [row for row in rows if _row(new, row, stride) != _row(old, row, stride)]
    for row in changed[:: max(1, len(changed) // MOST_ROWS)]:
        for start in range(row * stride, (row + 1) * stride, _PIECE * 4):
            end = min(start + _PIECE * 4, (row + 1) * stride)
            if new[start:end] != old[start:end]:
                first = now.x + (start - row * stride) // 4
                yield from _pieces(new[start:end], old[start:end], first, now.y + row)


def _row(data: bytes | bytearray, row: int, stride: int) -> bytes | bytearray:
    return data[row * stride : (row + 1) * stride]


def _pieces(
    new: bytes | bytearray, old: bytes | bytearray, left: int, y: int
) -> Iterator[tuple[int, int, int]]:
    words = zip(array("I", bytes(new)), array("I", bytes(old)), strict=True)
    painted = [after if after != before and after >> 24 >= _OPAQUE else 0 for after, before in words]
    place = 0
    for word, run in groupby(painted):
        length = len(list(run))
        if word:
            yield left + place + length // 2, y, word & 0xFFFFFF
        place += length


def _repainted(
    where: RegionMap, pixels: Mapping[int, bytes], result: Result, layers: Mapping[str, Pixels]
) -> dict[str, Pixels]:
    found: dict[str, Pixels] = {}
    for role in {where.role(region) for region in pixels} & layers.keys():
        mine = {region: pixel for region, pixel in pixels.items() if where.role(region) == role}
        delivered = corrections.delivered_layer(result, role)
        part = None
        if delivered is not None:
            part = region_map.repainted(where, mine, layers[role], delivered[1])
        if part is not None:
            found[role] = part
    return found

"""The regions of a result: the region at a pixel, its possible colours, and the regions that are the same part.

It also repaints regions exactly, in the pixels that haven't changed since the result was applied. Regions are stored as
runs of pixels in reading order, so that look-up and repainting of an A4 page at 300 dpi take milliseconds. It uses only
the standard library.
"""

from __future__ import annotations

import itertools
import sys
from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from krita_colorize.core import edits
from krita_colorize.core.bundle import Blob, Bundle, Format, Packed
from krita_colorize.core.geometry import placed
from krita_colorize.core.port import BACKGROUND, FOREGROUND, Pixels
from krita_colorize.core.result import Result

_ROW = 2048
"""Width of the picture that contains the runs, in 32-bit words."""

CLEAR = bytes(4)
"""A transparent pixel (B, G, R, A)."""


@dataclass(frozen=True)
class RegionMap:
    """The regions of a canvas of `width` x `height` pixels; run i has `counts[i]` pixels of the region `labels[i]`."""

    width: int
    height: int
    counts: array[int]
    labels: array[int]
    likely: Sequence[Sequence[str]]
    """For each region its colour, then other likely ones, the most likely first: "#rrggbb", before swaps; empty if it
    has none."""
    alike: Sequence[Sequence[int]]
    """For each region those that were recognised as the same part."""
    background: frozenset[int]

    def at(self, x: int, y: int) -> int:
        """The region at a pixel of the canvas, -1 if there is none."""
        if not (0 <= x < self.width and 0 <= y < self.height):
            return -1
        label = self.labels[bisect_right(self._starts, y * self.width + x) - 1]
        return label if label < len(self.likely) else -1

    def role(self, region: int) -> str:
        """The role of the layer that shows a region."""
        return BACKGROUND if region in self.background else FOREGROUND

    def same(self, region: int) -> tuple[int, ...]:
        """A region and the regions on the same layer that were recognised as the same part."""
        others = [other for other in self.alike[region] if self.role(other) == self.role(region)]
        return (region, *(other for other in others if other != region))

    def rows(self, regions: Collection[int]) -> Iterator[tuple[int, int, int]]:
        """The pixels of regions as pieces of rows of the canvas: y, left, right (exclusive)."""
        width, runs = self.width, (run for region in set(regions) for run in self._runs.get(region, ()))
        for run in sorted(runs):
            start = self._starts[run]
            end = start + self.counts[run]
            while start < end:
                y, left = divmod(start, width)
                right = min(width, left + end - start)
                yield y, left, right
                start += right - left

    def places(self, regions: Collection[int]) -> dict[int, tuple[int, int]]:
        """An inner pixel (x, y) of each region: the middle of its longest run."""
        found = {}
        for region in set(regions) & self._runs.keys():
            longest = max(self._runs[region], key=lambda run: min(self.counts[run], self.width))
            y, left = divmod(self._starts[longest], self.width)
            found[region] = ((left + min(left + self.counts[longest], self.width)) // 2, y)
        return found

    @cached_property
    def _runs(self) -> dict[int, list[int]]:
        """The runs of each region, in reading order."""
        found: dict[int, list[int]] = {}
        for run, label in enumerate(self.labels):
            found.setdefault(label, []).append(run)
        return found

    @cached_property
    def _starts(self) -> list[int]:
        return list(itertools.accumulate(self.counts, initial=0))[:-1]


def read(result: Result) -> RegionMap | None:
    """Decodes a result's regions, on the present canvas; None if it has none or they are invalid. Slow: for worker
    threads."""
    entry = result.bundle.header.get("regions")
    if not isinstance(entry, dict):
        return None
    try:
        runs, words = entry["labels"]["runs"], _words(result.bundle.blob(entry["labels"]["blob"]).data)
        made = (result.origin or result).request
        found = _map(entry, made.width, made.height, words[:runs], words[runs : 2 * runs])
        return found if result.placement is None else _moved(found, result)
    except (KeyError, TypeError, ValueError, IndexError):
        return None


def added(bundle: Bundle, entry: Mapping[str, Any], where: RegionMap) -> Bundle:
    """Adds regions to a result's bundle: `entry` is their header entry, whose labels are replaced by those of
    `where`."""
    words = array("I", [*where.counts, *where.labels])
    words.extend([0] * (-len(words) % _ROW))
    packed = Packed.of(Blob(Format.BGRA8, _ROW, len(words) // _ROW, _bytes(words)))
    labels = {"blob": len(bundle.packed), "runs": len(where.counts)}
    header = {**bundle.header, "regions": {**entry, "labels": labels}}
    return Bundle(header, (*bundle.packed, packed))


def runs_of(data: bytes | bytearray) -> tuple[array[int], array[int]]:
    """Run-length encodes the 32-bit words of a picture; returns the lengths and the words."""
    counts, values = array("I"), array("I")
    for value, run in itertools.groupby(memoryview(data).cast("B").cast("I")):
        values.append(value)
        counts.append(sum(1 for _ in run))
    return counts, values


def _words(data: bytes | bytearray) -> array[int]:
    words = array("I")
    words.frombytes(data)
    if sys.byteorder == "big":
        words.byteswap()
    return words


def _bytes(words: array[int]) -> bytes:
    if sys.byteorder == "big":
        words = array("I", words)
        words.byteswap()
    return words.tobytes()


def repainted(
    where: RegionMap, colours: Mapping[int, bytes], now: Pixels, delivered: Pixels
) -> Pixels | None:
    """The bounding box of regions in a layer, with their new `colours` (B, G, R, A) in the pixels that are as
    delivered, so that the artist's strokes stay. `now` and `delivered` are the layer's present and delivered pixels.
    None if nothing changes. Slow: for worker threads."""
    regions_of: dict[bytes, list[int]] = {}
    for region, pixel in colours.items():
        regions_of.setdefault(pixel, []).append(region)
    pieces = [(pixel, *piece) for pixel, regions in regions_of.items() for piece in where.rows(regions)]
    if not pieces:
        return None
    left, right = min(piece[2] for piece in pieces), max(piece[3] for piece in pieces)
    top, bottom = min(piece[1] for piece in pieces), max(piece[1] for piece in pieces) + 1
    size = (left, top, right - left, bottom - top)
    before, was = placed(now, *size).data, placed(delivered, *size).data
    after = bytearray(before)
    for pixel, y, start, end in pieces:
        first = ((y - top) * size[2] + start - left) * 4
        _fill(after, was, first, first + (end - start) * 4, pixel)
    return None if after == before else Pixels(size[2], size[3], after, left, top)


def filled(where: RegionMap, regions: Collection[int], pixel: bytes, picture: Pixels) -> Pixels:
    """A picture with `pixel` (B, G, R, A) in all pixels of regions that are inside it. Slow: for worker threads."""
    data = bytearray(picture.data)
    for y, left, right in where.rows(regions):
        row, start, end = y - picture.y, max(0, left - picture.x), min(picture.width, right - picture.x)
        if 0 <= row < picture.height and start < end:
            first = (row * picture.width + start) * 4
            data[first : first + (end - start) * 4] = pixel * (end - start)
    return replace(picture, data=data)


def _fill(pixels: bytearray, was: bytes | bytearray, start: int, end: int, pixel: bytes) -> None:
    """Fills a piece of a row, except pixels that differ from `was`."""
    if pixels[start:end] == was[start:end]:
        pixels[start:end] = pixel * ((end - start) // 4)
        return
    for place in range(start, end, 4):
        if pixels[place : place + 4] == was[place : place + 4]:
            pixels[place : place + 4] = pixel


def pixel_of(colour: str) -> bytes:
    """Converts "#rrggbb" to B, G, R, A; "" is transparent."""
    return bytes.fromhex(colour[1:])[::-1] + b"\xff" if colour else CLEAR


def _map(
    entry: Mapping[str, Any], width: int, height: int, counts: array[int], labels: array[int]
) -> RegionMap:
    colours = edits.read_colours(entry["colours"])
    likely = [[colours[index] for index in indices] for indices in entry["likely"]]
    fits = len(entry["alike"]) == len(likely) and len(colours) == len(entry["colours"])
    if not fits or not counts or len(counts) != len(labels) or sum(counts) != width * height:
        raise ValueError("the lists don't fit each other")
    known = range(len(likely))
    alike = [[int(other) for other in others if other in known] for others in entry["alike"]]
    return RegionMap(width, height, counts, labels, likely, alike, frozenset(entry["background"]))


def _moved(found: RegionMap, result: Result) -> RegionMap:
    """The regions on a changed canvas; added pixels belong to no region."""
    placement, size, beyond = result.placement, result.request, len(found.likely)
    assert placement is not None
    words = array("I")
    for label, count in zip(found.labels, found.counts, strict=True):
        words.extend([label + 1] * count)
    moved = placement.moved(Pixels(found.width, found.height, words.tobytes()))
    counts, numbers = runs_of(placed(moved, 0, 0, size.width, size.height).data)
    labels = array("I", [number - 1 if number else beyond for number in numbers])
    return replace(found, width=size.width, height=size.height, counts=counts, labels=labels)

"""Divides a sheet into parts that are coloured separately, and joins their results.

A sheet is a comic page, a small figure on a large canvas, or a single picture with lettering. Its parts are the panels
(`panels`) or the drawn area with a margin. Lettering (`lettering`) is removed from the sketch before colouring. Gutters
and speech bubbles (regions that contain lettering) stay paper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.errors import NothingToColour
from colorizer.imaging.check import MOST_PLACES
from colorizer.imaging.lettering import SIDE, find_lettering
from colorizer.imaging.lines import Ink, find_ink
from colorizer.imaging.panels import find_panels
from colorizer.imaging.paper import has_dark_paper
from colorizer.imaging.regions import Regions
from colorizer.imaging.table import without_table
from colorizer.imaging.values import Check, Layer, Mask, Picture, Role

_SMALL, _MARGIN = 0.6, 0.12
"""Size of the drawn area up to which it is coloured without the rest of the canvas, as a fraction of the longer side;
the margin around it, as a fraction."""
_ROOM = 12.0
"""Largest area of a speech bubble, as a multiple of its lettering's area."""
_MOST = 0.4
"""Largest area of a speech bubble, as a fraction of its picture."""
_COARSE = 2048
"""Longer side, in pixels, of the small copy of a whole page's regions."""
_PAPER_SIDE = 256


@dataclass(frozen=True)
class SheetPart:
    """A part of a sheet that is coloured as a separate picture: a rectangle of the canvas, in pixels."""

    x: int
    y: int
    width: int
    height: int
    mask: Mask | None
    """(height, width), 255 = belongs to the part. None: the whole rectangle does, and its edge is continued outside."""
    words: NDArray[np.uint8]
    """(h, w), in the size of a small copy: the number 1.. of the block of lettering at each pixel, 0 elsewhere."""

    @property
    def box(self) -> tuple[slice, slice]:
        """Its rows and columns on the canvas."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)


@dataclass(frozen=True)
class Sheet:
    """A canvas divided into parts."""

    sketch: Picture
    """The sketch without lettering."""
    parts: tuple[SheetPart, ...]
    panels: int
    """The number of panels; 0 if it isn't a comic page."""
    paper: tuple[int, int, int]
    """The colour of areas that stay paper: that of the sketch's own paper."""


def read_sheet(sketch: Picture, ink_of: Callable[[Picture], Ink] = find_ink) -> Sheet | None:
    """Divides a sketch into parts; None if it is a single picture, as most are.

    Args:
        sketch: (H, W, 4).
        ink_of: `find_ink`, perhaps with a cache.
    """
    sketch = without_table(sketch)
    height, width = sketch.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(sketch, size, interpolation=cv2.INTER_AREA) if scale < 1 else sketch
    try:
        ink = ink_of(small)
    except NothingToColour:
        return None
    lettering = find_lettering(ink)
    words = np.zeros(ink.shape, np.uint8) if lettering is None else lettering.letters
    clean = sketch if lettering is None else _erased(sketch, words)
    panels = find_panels(small, np.where(words > 0, np.uint8(0), ink))
    if panels is not None:
        masks = [panels.mask(number, width, height) for number in range(1, panels.count + 1)]
        parts = tuple(_part(cv2.boundingRect(mask), mask, words, scale) for mask in masks)
        drawn = (cv2.resize(ink, panels.labels.shape[::-1], interpolation=cv2.INTER_AREA) > 60).view(np.uint8)
        frames = [panels.bare_frame(number, drawn) for number in range(1, panels.count + 1)]
        clean = _erased(_only(clean, masks), np.maximum.reduce(frames))
        return Sheet(clean, parts, len(parts), _paper(sketch))
    if lettering is not None:
        words = lettering.sure_blocks(ink > 60)
        clean = _erased(sketch, words) if words.any() else sketch
    drawn = cv2.boundingRect(((ink > 60) & (words == 0)).view(np.uint8))
    box = _around(drawn, scale, width, height)
    if box is None and not words.any():
        return None
    part = _part(box or (0, 0, width, height), None, words, scale)
    return Sheet(clean, (part,), 0, _paper(sketch))


def find_bubbles(part: SheetPart, regions: Regions) -> NDArray[np.bool_]:
    """(n,): the regions of a part that are speech bubbles or captions."""
    bubbles = np.zeros(regions.count, bool)
    if not part.words.any():
        return bubbles
    size = regions.coarse.shape[::-1]
    words = cv2.resize(part.words, size, interpolation=cv2.INTER_NEAREST)
    blocks = np.unique(words[words > 0])
    area = np.bincount(regions.coarse.ravel(), minlength=regions.count)
    room = np.zeros(regions.count)
    for block in blocks:
        x, y, wide, tall = cv2.boundingRect((words == block).view(np.uint8))
        inside = np.bincount(regions.coarse[y : y + tall, x : x + wide].ravel(), minlength=regions.count)
        room[inside.argmax()] += wide * tall
    bubbles = (room > 0) & (area <= _ROOM * room) & (area <= _MOST * regions.coarse.size)
    if bubbles.any():  # regions enclosed in a bubble belong to it
        outlines = cv2.findContours(
            bubbles[regions.coarse].view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )[0]
        filled = np.zeros(regions.coarse.shape, np.uint8)
        cv2.drawContours(filled, outlines, -1, 255, cv2.FILLED)
        bubbles |= regions.shares(filled) > 0.9
    return bubbles


def join_layers(
    sheet: Sheet, results: Sequence[Sequence[Layer]], papers: Sequence[Mask], *, tinted: bool
) -> tuple[Layer, ...]:
    """Joins the parts' layers to layers of the whole canvas, bottom to top.

    Args:
        sheet: the sheet.
        results: the layers of every part; empty if nothing is drawn in it.
        papers: a mask (height, width) for every part, 255 = stays paper.
        tinted: whether gutters get the most frequent colour of their surroundings instead of staying paper.
    """
    kinds: dict[Role, Layer] = {}
    for layers in results:
        kinds = {layer.role: layer for layer in layers} | kinds
    order = [role for role in (Role.BACKGROUND, Role.FOREGROUND, Role.SHADING, Role.LIGHT) if role in kinds]
    return tuple(_joined(sheet, kinds[role], results, papers, tinted=tinted) for role in order)


def _joined(
    sheet: Sheet, kind: Layer, results: Sequence[Sequence[Layer]], papers: Sequence[Mask], *, tinted: bool
) -> Layer:
    """Joins all layers of one role to a layer of the canvas's size."""
    shape = sheet.sketch.shape[:2]
    flat = kind.role in (Role.BACKGROUND, Role.FOREGROUND)
    shown = np.uint8(255 if kind.role is Role.BACKGROUND else 0)
    paper = np.array((*sheet.paper, 255) if flat else (0, 0, 0, 0), np.uint8)
    pixels = np.broadcast_to(paper, (*shape, 4)).copy()
    mask = None if kind.mask is None else np.full(shape, shown)
    colours: dict[int, int] = {}
    for part, layers, stays in zip(sheet.parts, results, papers, strict=True):
        layer = next((one for one in layers if one.role is kind.role), None)
        if layer is None:
            continue
        own, its = _on_part(layer, part)
        for colour, count in zip(*np.unique(own.view(np.uint32)[::4, ::4], return_counts=True), strict=True):
            colours[int(colour)] = colours.get(int(colour), 0) + int(count)
        own = np.where(stays[..., None] > 0, paper, own)
        _put(pixels, own, part)
        if mask is not None:
            its = np.full(stays.shape, 255, np.uint8) if its is None else its
            _put(mask, np.where(stays > 0, shown, its), part)
    if tinted and flat and colours and sheet.parts[0].mask is not None:
        usual = np.array([max(colours, key=lambda colour: (colours[colour], colour))], np.uint32)
        outside = np.ones(shape, bool)
        for part in sheet.parts:
            outside[part.box] &= part.mask == 0
        pixels[outside] = usual.view(np.uint8)
    return replace(kind, pixels=pixels, x=0, y=0, mask=mask)


def join_regions(sheet: Sheet, found: Sequence[Regions | None]) -> Regions:
    """Joins the regions of the parts: the gutters are one region, and so is each part without regions."""
    height, width = sheet.sketch.shape[:2]
    labels = np.zeros((height, width), np.int32)
    count = 1
    for part, regions in zip(sheet.parts, found, strict=True):
        own = np.zeros((part.height, part.width), np.int32) if regions is None else regions.labels
        _put(labels, own + count, part)
        count += 1 if regions is None else regions.count
    regions = _numbered(labels, min(1.0, _COARSE / max(height, width)))
    lines = np.zeros(regions.coarse.shape, np.uint8)
    for part, its in zip(sheet.parts, found, strict=True):
        if its is None or its.lines is None:
            continue
        y, x = (round(start * regions.coarse.shape[0] / height) for start in (part.y, part.x))
        there = lines[
            y : y + round(part.height * regions.coarse.shape[0] / height),
            x : x + round(part.width * regions.coarse.shape[0] / height),
        ]
        drawn = cv2.resize(its.lines, there.shape[::-1], interpolation=cv2.INTER_NEAREST)
        np.maximum(there, drawn, out=there)
    return replace(regions, lines=lines)


def join_labels(
    sheet: Sheet, found: Sequence[NDArray[np.int32] | None]
) -> tuple[NDArray[np.int32], list[NDArray[np.int32]]]:
    """Joins the labels of the parts. The gutters are one region, and so is each part without regions.

    Returns:
        The labels of the whole canvas, and for each part the number of each of its regions there (-1: it isn't there).
    """
    labels = np.zeros(sheet.sketch.shape[:2], np.int32)
    starts, count = [], 1
    for part, its in zip(sheet.parts, found, strict=True):
        own = np.zeros((part.height, part.width), np.int32) if its is None else its
        starts.append((count, count + int(own.max()) + 1))
        _put(labels, own + count, part)
        count = starts[-1][1]
    used = np.bincount(labels.ravel(), minlength=count) > 0
    number = np.where(used, np.cumsum(used, dtype=np.int32) - 1, -1).astype(np.int32)
    return number[labels], [number[start:end] for start, end in starts]


def join_checks(sheet: Sheet, checks: Sequence[Check | None], papers: Sequence[Mask]) -> Check | None:
    """Joins the checks of the parts, without areas that stay paper; the largest places first."""
    if all(check is None for check in checks):
        return None
    mask = np.zeros(sheet.sketch.shape[:2], np.uint8)
    places = []
    for part, check, stays in zip(sheet.parts, checks, papers, strict=True):
        if check is None:
            continue
        own = np.where(stays > 0, np.uint8(0), check.mask)
        if part.mask is not None:
            own = cv2.min(own, part.mask)
        mask[part.box] = cv2.max(mask[part.box], own)
        for place in check.places:
            rows, columns = slice(place.y, place.y + place.height), slice(place.x, place.x + place.width)
            if own[rows, columns].any():
                places.append(replace(place, x=place.x + part.x, y=place.y + part.y))
    if len(sheet.parts) > 1:
        places.sort(key=lambda place: -place.width * place.height)
    return Check(mask, tuple(places[:MOST_PLACES]))


def _on_part(layer: Layer, part: SheetPart) -> tuple[Picture, Mask | None]:
    """A layer's pixels and mask in the size of its part."""
    if (layer.x, layer.y) == (0, 0) and layer.pixels.shape[:2] == (part.height, part.width):
        return np.ascontiguousarray(layer.pixels), layer.mask
    pixels = np.zeros((part.height, part.width, 4), np.uint8)
    mask = None if layer.mask is None else np.zeros((part.height, part.width), np.uint8)
    rows = slice(max(0, layer.y), min(part.height, layer.y + layer.pixels.shape[0]))
    columns = slice(max(0, layer.x), min(part.width, layer.x + layer.pixels.shape[1]))
    source = (
        slice(rows.start - layer.y, rows.stop - layer.y),
        slice(columns.start - layer.x, columns.stop - layer.x),
    )
    pixels[rows, columns] = layer.pixels[source]
    if mask is not None and layer.mask is not None:
        mask[rows, columns] = layer.mask[source]
    return pixels, mask


def _put(canvas: NDArray[np.generic], own: NDArray[np.generic], part: SheetPart) -> None:
    """Puts the pixels of a part onto the canvas; for a part without a mask, its edge is continued outside."""
    if part.mask is not None:
        inside = part.mask > 0
        canvas[part.box][inside] = own[inside]
        return
    height, width = canvas.shape[:2]
    around = [(part.y, height - part.y - part.height), (part.x, width - part.x - part.width)]
    around += [(0, 0)] * (canvas.ndim - 2)
    canvas[...] = np.pad(own, around, mode="edge")


def _numbered(labels: NDArray[np.int32], scale: float) -> Regions:
    """Renumbers regions consecutively, and makes their small copy, which contains each of them."""
    used = np.bincount(labels.ravel()) > 0
    labels = (np.cumsum(used, dtype=np.int32) - 1)[labels]
    count = int(np.count_nonzero(used))
    if scale == 1:
        return Regions(labels, labels, count)
    size = max(1, round(labels.shape[1] * scale)), max(1, round(labels.shape[0] * scale))
    coarse = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
    for lost in np.flatnonzero(np.bincount(coarse.ravel(), minlength=count) == 0):
        y, x = np.argwhere(labels == lost)[0]
        coarse[min(int(y * scale), size[1] - 1), min(int(x * scale), size[0] - 1)] = lost
    return Regions(labels, coarse, count)


def _part(
    box: tuple[int, int, int, int], mask: Mask | None, words: NDArray[np.uint8], scale: float
) -> SheetPart:
    x, y, width, height = box
    left, top = round(x * scale), round(y * scale)
    inside = words[
        top : max(top + 1, round((y + height) * scale)), left : max(left + 1, round((x + width) * scale))
    ]
    return SheetPart(
        x, y, width, height, None if mask is None else mask[y : y + height, x : x + width], inside
    )


def _around(drawn: Sequence[int], scale: float, width: int, height: int) -> tuple[int, int, int, int] | None:
    """x, y, width and height of the drawn area with a margin, in pixels of the canvas; None if it isn't small."""
    x, y, wide, tall = (value / scale for value in drawn)
    side = max(wide, tall) * (1 + 2 * _MARGIN)
    if max(wide, tall) == 0 or side > _SMALL * max(width, height):
        return None
    left, top = x + wide / 2 - side / 2, y + tall / 2 - side / 2
    x1, y1 = max(0, round(left)), max(0, round(top))
    x2, y2 = min(width, round(left + side)), min(height, round(top + side))
    return x1, y1, x2 - x1, y2 - y1


def _paper(sketch: Picture) -> tuple[int, int, int]:
    return (0, 0, 0) if has_dark_paper(sketch) else (255, 255, 255)


def _only(sketch: Picture, masks: Sequence[Mask]) -> Picture:
    """The sketch with everything outside of the masks erased."""
    outside = np.full(sketch.shape[:2], 255, np.uint8)
    for mask in masks:
        outside[mask > 0] = 0
    return _erased(sketch, outside)


def _erased(sketch: Picture, where: NDArray[np.uint8]) -> Picture:
    """The sketch with the tone of the surrounding paper where `where` (any size) isn't 0."""
    height, width = sketch.shape[:2]
    gone = cv2.resize((where > 0) * np.uint8(255), (width, height), interpolation=cv2.INTER_LINEAR) > 96
    scale = min(1.0, _PAPER_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(sketch, size, interpolation=cv2.INTER_AREA)
    paper = cv2.resize(cv2.medianBlur(small, 15), (width, height), interpolation=cv2.INTER_LINEAR)
    result = sketch.copy()
    result[gone] = paper[gone]
    return result

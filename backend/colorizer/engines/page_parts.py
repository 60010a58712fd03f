"""Colours the parts of a sheet one after the other and joins their results (used by `pages`).

The engine gets each part as a separate picture. Layers, regions, checks and reports are joined. Gutters, speech bubbles
and lettering stay uncoloured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import (
    Binding,
    ColorizeRequest,
    Correction,
    Mask,
    Picture,
    Report,
    Result,
)
from colorizer.errors import NothingToColour
from colorizer.imaging.lines import find_ink
from colorizer.imaging.region_table import RegionTable, joined
from colorizer.imaging.regions import Regions, find_regions
from colorizer.imaging.sheets import (
    Sheet,
    SheetPart,
    find_bubbles,
    join_checks,
    join_labels,
    join_layers,
    join_regions,
)


@dataclass(frozen=True)
class _Coloured:
    """The engine's result for a part, and the mask of its uncoloured area."""

    result: Result
    regions: Regions | None
    paper: Mask


def colorize_parts(
    request: ColorizeRequest,
    sheet: Sheet,
    report: Report,
    colorize: Callable[[ColorizeRequest, Report], Result],
) -> Result:
    """Colours the parts of a sheet one after the other and joins their results.

    Raises:
        NothingToColour: no part contains lines.
    """
    coloured: list[_Coloured] = []
    nothing: NothingToColour | None = None
    for number, part in enumerate(sheet.parts):
        asked = part_request(request, sheet, part)
        try:
            result = colorize(asked, PartReport(report, number, len(sheet.parts)))
        except NothingToColour as error:
            nothing = error
            coloured.append(_Coloured(Result(()), None, np.full((part.height, part.width), 255, np.uint8)))
        else:
            coloured.append(_finished(part, asked, result))
    if nothing is not None and not any(one.result.layers for one in coloured):
        raise nothing
    papers = [one.paper for one in coloured]
    tinted = request.options.colour_paper
    layers = join_layers(sheet, [one.result.layers for one in coloured], papers, tinted=tinted)
    said = _join_reports(sheet, [one.result.report for one in coloured], papers)
    check = join_checks(sheet, [one.result.check for one in coloured], papers)
    regions = join_regions(sheet, [one.regions for one in coloured])
    return Result(layers, said, check, regions, _join_tables(sheet, coloured))


def part_request(request: ColorizeRequest, sheet: Sheet, part: SheetPart) -> ColorizeRequest:
    """The request for one part: all pictures and points on the canvas, cropped to the part."""

    def piece(plane: NDArray[np.uint8] | None) -> NDArray[np.uint8] | None:
        return None if plane is None else np.ascontiguousarray(plane[part.box])

    sketch = piece(sheet.sketch)
    assert sketch is not None
    return replace(
        request,
        sketch=sketch,
        sketch_mask=piece(request.sketch_mask),
        hints=piece(request.hints),
        bindings=tuple(_moved(binding, part) for binding in request.bindings if _holds(part, binding)),
        corrections=tuple(_moved(one, part) for one in request.corrections if _holds(part, one)),
    )


_Pointed = TypeVar("_Pointed", Binding, Correction)


def _holds(part: SheetPart, pointed: Binding | Correction) -> bool:
    x, y = pointed.x - part.x, pointed.y - part.y
    inside = 0 <= x < part.width and 0 <= y < part.height
    return inside and (part.mask is None or bool(part.mask[y, x]))


def _moved(pointed: _Pointed, part: SheetPart) -> _Pointed:
    return replace(pointed, x=pointed.x - part.x, y=pointed.y - part.y)


def _finished(part: SheetPart, asked: ColorizeRequest, result: Result) -> _Coloured:
    regions = result.regions or find_regions(find_ink(asked.sketch), gap=asked.options.line_gap)
    bubbles = np.zeros(regions.count, bool)
    if not asked.options.colour_paper:
        bubbles = find_bubbles(part, regions)
        told: list[Binding | Correction] = [*asked.bindings, *asked.corrections]
        for pointed in told:  # the artist asked for a colour there
            bubbles[regions.labels[pointed.y, pointed.x]] = False
        if asked.hints is not None:
            bubbles[np.unique(regions.labels[asked.hints[..., 3] > 127])] = False
    return _Coloured(result, regions, (bubbles * np.uint8(255))[regions.labels])


def _join_tables(sheet: Sheet, coloured: Sequence[_Coloured]) -> RegionTable | None:
    """Joins the parts' tables if every coloured part has one; uncoloured areas belong to the background."""
    if any(one.regions is not None and one.result.table is None for one in coloured):
        return None
    found = [None if one.result.table is None else one.result.table.labels for one in coloured]
    labels, numbers = join_labels(sheet, found)
    parts = []
    for one, its in zip(coloured, numbers, strict=True):
        if one.result.table is not None:
            paper = np.zeros(one.result.table.count, bool)
            paper[one.result.table.labels[one.paper > 0]] = True
            parts.append((one.result.table, its, paper))
    return joined(labels, parts)


def _join_reports(sheet: Sheet, reports: Sequence[dict[str, Any]], papers: Sequence[Mask]) -> dict[str, Any]:
    """Joins the parts' reports: adds counts, and averages shares weighted by area."""
    there = [(report, part) for report, part in zip(reports, sheet.parts, strict=True) if report]
    said = dict(there[0][0])
    palette = [colour for report, _ in there for colour in report.get("palette", [])]
    if sheet.panels or any(paper.any() for paper in papers):
        palette.append("#{:02x}{:02x}{:02x}".format(*sheet.paper))
    said["palette"] = list(dict.fromkeys(palette))
    for name in ("regions", "doubtful_regions", "unpainted_pixels"):
        if name in said:
            said[name] = sum(report.get(name, 0) for report, _ in there)
    for name in ("confidence", "figure_share"):
        if name in said:
            areas = [part.width * part.height for _, part in there]
            values = [report.get(name, 0) for report, _ in there]
            said[name] = round(float(np.average(values, weights=areas)), 4)
    return said | ({"panels": sheet.panels} if sheet.panels else {})


class PartReport:
    """Reports one part's progress as a share of all parts."""

    def __init__(self, report: Report, number: int, count: int) -> None:
        self._report, self._number, self._count = report, number, count

    def stage(self, name: str, done: int = 0, total: int = 1) -> None:
        """Reports a stage as a share of all parts."""
        self._report.stage(name, self._number * total + done, self._count * total)

    def preview(self, picture: Callable[[], Picture]) -> None:
        """Shows a preview only if there is a single part; otherwise it would not be the whole picture."""
        if self._count == 1:
            self._report.preview(picture)

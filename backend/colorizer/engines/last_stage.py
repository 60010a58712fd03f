"""The last stage after every engine: corrections, palette edits, key strokes, and Redo's repair of an earlier result.

Server, batches and command line call it. Engines get neither palette edits nor earlier results.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from colorizer.engines.base import ColorizeRequest, Engine, Layer, Picture, Report, Result, Role
from colorizer.errors import NothingToColour
from colorizer.imaging import color
from colorizer.imaging.key_strokes import key_strokes
from colorizer.imaging.lines import find_ink
from colorizer.imaging.recolour import FLAT, recolour_layers, recolour_report
from colorizer.imaging.region_table import by_likeness, repaint
from colorizer.imaging.regions import find_regions
from colorizer.imaging.repair import check_within, find_reach, repair, within
from colorizer.imaging.values import Redo
from colorizer.protocol.checks import check_corrections


@dataclass(frozen=True)
class Repaired:
    """The result of Redo, the layers as they will look, and the pixels that count as delivered afterwards, by role."""

    result: Result
    shown: tuple[Layer, ...]
    delivered: dict[Role, Picture]


def colorize(engine: Engine, request: ColorizeRequest, report: Report) -> Result:
    """Colours one sketch with a loaded engine and applies the request's corrections and palette edits."""
    return with_edits(with_corrections(engine.colorize(request, report), request), request)


def with_corrections(result: Result, request: ColorizeRequest) -> Result:
    """Adds a table of regions to a result, and applies the request's corrections unless the engine has done so."""
    if result.table is not None:
        return result
    check_corrections(request.corrections, request.sketch.shape[1::-1])
    height, width = request.sketch.shape[:2]
    try:
        regions = result.regions or find_regions(find_ink(request.sketch), gap=request.options.line_gap)
    except NothingToColour:
        return result
    if any(
        (layer.x, layer.y, *layer.pixels.shape[1::-1]) != (0, 0, width, height) for layer in result.layers
    ):
        return result
    table = by_likeness(result.layers, regions, color.from_hex(result.report.get("palette", [])))
    return replace(result, layers=repaint(result.layers, table, request.corrections), table=table)


def with_edits(result: Result, request: ColorizeRequest) -> Result:
    """Applies the request's palette edits to a result."""
    if not request.swaps:
        return result
    layers = recolour_layers(result.layers, request.swaps)
    return replace(result, layers=layers, report=recolour_report(result.report, request.swaps))


def with_key_strokes(result: Result, request: ColorizeRequest) -> Result:
    """Adds key strokes for a Colorize Mask above the flats, if they are requested and the regions are known."""
    if not request.options.colorize_mask:
        return result
    height, width = request.sketch.shape[:2]
    made = key_strokes(result.layers, width, height)
    if made is None:
        return result
    flats = 1 + max(i for i, layer in enumerate(result.layers) if layer.role in FLAT)
    return replace(result, layers=(*result.layers[:flats], made, *result.layers[flats:]))


def keep_the_rest(result: Result, request: ColorizeRequest, redo: Redo) -> Repaired:
    """Reduces a result to what changes in the document's layers; `report["redo"]` contains how much."""
    gap = request.options.line_gap
    reach = find_reach(request.sketch, redo.changed, gap=gap, regions=result.regions)
    reach = within(reach, redo.selection)
    repaired = repair(result.layers, redo, reach)
    done = {"regions": reach.regions, "pixels": repaired.pixels, "kept_strokes": repaired.kept_strokes}
    check = None if result.check is None else check_within(result.check, reach)
    made = Result(repaired.layers, result.report | {"redo": done}, check, table=result.table)
    return Repaired(made, repaired.shown, repaired.delivered)

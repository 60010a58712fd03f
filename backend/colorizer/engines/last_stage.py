"""The last stage of every engine: palette edits, key strokes, and a redo's repair of the earlier result.

Server, batches and command line all call it; engines never see a swap or an earlier result.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from colorizer.engines.base import ColorizeRequest, Engine, Layer, Picture, Report, Result, Role
from colorizer.imaging.key_strokes import key_strokes
from colorizer.imaging.recolour import FLAT, recolour_layers, recolour_report
from colorizer.imaging.repair import check_within, find_reach, repair, within
from colorizer.imaging.values import Redo


@dataclass(frozen=True)
class Repaired:
    """A redo's result, the layers as they will look, and what counts as delivered afterwards, by role."""

    result: Result
    shown: tuple[Layer, ...]
    delivered: dict[Role, Picture]


def colorize(engine: Engine, request: ColorizeRequest, report: Report) -> Result:
    """Colours one sketch with a loaded engine and makes the request's palette edits."""
    return with_edits(engine.colorize(request, report), request)


def with_edits(result: Result, request: ColorizeRequest) -> Result:
    """A fresh result with the request's palette edits made in it."""
    if not request.swaps:
        return result
    layers = recolour_layers(result.layers, request.swaps)
    return replace(result, layers=layers, report=recolour_report(result.report, request.swaps))


def with_key_strokes(result: Result, request: ColorizeRequest) -> Result:
    """A fresh result with the marks for a Colorize Mask above its flats, where they are wanted and can be made."""
    if not request.options.colorize_mask:
        return result
    height, width = request.sketch.shape[:2]
    made = key_strokes(result.layers, width, height)
    if made is None:
        return result
    flats = 1 + max(i for i, layer in enumerate(result.layers) if layer.role in FLAT)
    return replace(result, layers=(*result.layers[:flats], made, *result.layers[flats:]))


def keep_the_rest(result: Result, request: ColorizeRequest, redo: Redo) -> Repaired:
    """Reduces a fresh result to what changes in the document's layers; `report["redo"]` says how much."""
    gap = request.options.line_gap
    reach = find_reach(request.sketch, redo.changed, gap=gap, regions=result.regions)
    reach = within(reach, redo.selection)
    repaired = repair(result.layers, redo, reach)
    done = {"regions": reach.regions, "pixels": repaired.pixels, "kept_strokes": repaired.kept_strokes}
    check = None if result.check is None else check_within(result.check, reach)
    made = Result(repaired.layers, result.report | {"redo": done}, check)
    return Repaired(made, repaired.shown, repaired.delivered)

"""Makes layers of the match: the colours of the regions, or those that the artist has chosen, shading, and a report.

`matching` computes the match; `hints` reads hints and bindings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import Check, ColorizeRequest, Layer, Mode, Picture, PlaceKind, Role
from colorizer.engines.match.hints import ALIKE, Wishes, common_looks, followed, read_wishes
from colorizer.engines.match.matching import Match
from colorizer.engines.match.readout import Colouring
from colorizer.imaging import color
from colorizer.imaging.check import Opening, Suspects, find_openings, make_check
from colorizer.imaging.color import Colours
from colorizer.imaging.layers import coverage, flatten
from colorizer.imaging.lookup import look_up
from colorizer.imaging.region_table import RegionTable, distinct
from colorizer.imaging.regions import Regions, gap_closed
from colorizer.imaging.shading import shade

DOUBTFUL = 0.6
"""Confidence below which a region should be checked. Of the area of real art (the validation families) .29 is below;
.55 of that is wrong, and it contains .71 of all errors."""
_MOST_LEADERS = 512
"""Number of the largest regions on each side that other regions can follow in a correction."""
_NO_COLOURS = np.zeros((0, 3), np.uint8)
_WIDE_OPENING = 0.75
"""Fraction of the gap setting from which a closed opening between two colours should be checked."""


@dataclass(frozen=True)
class PaintedSide:
    """The colours of all regions on one side, and which regions are on that side."""

    colours: NDArray[np.uint8]
    """(n, 4) RGBA; alpha 0 if this side has no colour."""
    confidence: NDArray[np.float32]
    """(n,), 0..1; 1 for colours that the artist has chosen."""
    shown: NDArray[np.bool_]
    """(n,): the regions that belong to this side."""


@dataclass(frozen=True)
class Painting:
    """The colours from which the layers are made."""

    foreground: PaintedSide
    background: PaintedSide
    palette: Colours
    """(P, 3)."""

    def seen(self, mode: Mode) -> NDArray[np.bool_]:
        """(n,): the regions that the mode colours."""
        if mode is Mode.FOREGROUND:
            return self.foreground.shown
        return self.background.shown if mode is Mode.BACKGROUND else np.ones_like(self.foreground.shown)

    def confidence(self, request: ColorizeRequest) -> NDArray[np.float32]:
        """(n,): the confidence on each region's side; it is 1 where a background picture is used."""
        background = self.background.confidence if request.background is None else np.float32(1)
        return np.where(self.foreground.shown, self.foreground.confidence, background)

    @property
    def colours(self) -> NDArray[np.uint8]:
        """(n, 4) RGBA: the colour on each region's side."""
        return np.where(self.foreground.shown[:, None], self.foreground.colours, self.background.colours)

    def doubtful(self, request: ColorizeRequest) -> NDArray[np.bool_]:
        """(n,): the regions that the engine has painted with low confidence, without transparent ones."""
        painted = self.colours[:, 3] > 0
        return self.seen(request.mode) & painted & (self.confidence(request) < DOUBTFUL)


def decide(request: ColorizeRequest, regions: Regions, match: Match) -> Painting:
    """Combines the colours of the match with those that the artist has chosen."""
    wishes = read_wishes(request, regions)
    corrected = _corrected(request, regions, wishes)
    asked = [*wishes.pixels.tolist(), *corrected.values()]
    known = {tuple(colour) for colour in match.palette.tolist()}
    added = [
        colour
        for colour in dict.fromkeys(tuple(pixel[:3]) for pixel in asked if pixel[3])
        if colour not in known
    ]
    return Painting(
        _side(match.foreground, match.is_foreground, wishes, corrected),
        _side(match.background, ~match.is_foreground, wishes, corrected),
        np.concatenate([match.palette, np.array(added, np.uint8).reshape(-1, 3)]),
    )


def _corrected(
    request: ColorizeRequest, regions: Regions, wishes: Wishes
) -> dict[int, tuple[int, int, int, int]]:
    """The corrections as RGBA by region, without regions that have a hint or binding."""
    told = set(wishes.regions.tolist())
    found = {int(regions.labels[one.y, one.x]): one.rgba for one in request.corrections}
    return {region: pixel for region, pixel in found.items() if region not in told}


def _side(
    found: Colouring | None,
    shown: NDArray[np.bool_],
    wishes: Wishes,
    corrected: dict[int, tuple[int, int, int, int]],
) -> PaintedSide:
    colours, confidence = np.zeros((len(shown), 4), np.uint8), np.zeros(len(shown), np.float32)
    if found is not None:
        colours[:, :3], colours[:, 3], confidence[:] = found.colours, 255, found.confidence
    follows = followed(wishes, found, shown)
    told = follows >= 0
    colours[told] = wishes.pixels[follows[told]]
    confidence[wishes.regions] = 1
    for region, pixel in corrected.items():
        colours[region], confidence[region] = pixel, 1
    return PaintedSide(colours, confidence, shown)


def layers_of(request: ColorizeRequest, regions: Regions, painting: Painting) -> tuple[Layer, ...]:
    """The layers of the request's mode, bottom to top."""
    layers: list[Layer] = []
    if request.mode is not Mode.FOREGROUND:
        layers.append(_background_layer(request, regions, painting.background))
    if request.mode is not Mode.BACKGROUND:
        name = "Flats" if request.options.palette_lock else "Colours"
        foreground = _layer(name, Role.FOREGROUND, "Foreground mask", regions, painting.foreground)
        layers.append(foreground)
        if request.options.style_detail:
            shown = flatten([foreground], *regions.labels.shape[::-1])
            layers += shade(shown, [reference.picture for reference in request.references])
    return tuple(layers)


def _layer(name: str, role: Role, mask_name: str, regions: Regions, side: PaintedSide) -> Layer:
    pixels = look_up(side.colours.view(np.uint32).ravel(), regions.labels).view(np.uint8)
    mask = look_up(side.shown * np.uint8(255), regions.labels)
    return Layer(name, role, pixels.reshape(*regions.labels.shape, 4), mask=mask, mask_name=mask_name)


def _background_layer(request: ColorizeRequest, regions: Regions, side: PaintedSide) -> Layer:
    if request.background is None:
        return _layer("Background", Role.BACKGROUND, "Background mask", regions, side)
    height, width = regions.labels.shape
    mask = look_up(side.shown * np.uint8(255), regions.labels)
    return Layer(
        "Background",
        Role.BACKGROUND,
        cover(request.background, width, height),
        mask=mask,
        mask_name="Background mask",
    )


def cover(picture: Picture, width: int, height: int) -> Picture:
    """The picture scaled to cover (height, width), and cropped around its centre."""
    scale = max(width / picture.shape[1], height / picture.shape[0])
    inner_width, inner_height = max(1, round(width / scale)), max(1, round(height / scale))
    left, top = (picture.shape[1] - inner_width) // 2, (picture.shape[0] - inner_height) // 2
    inner = np.ascontiguousarray(picture[top : top + inner_height, left : left + inner_width])
    inner[inner[..., 3] == 0] = 0  # hidden colours must not affect their neighbours
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(inner, (width, height), interpolation=way)  # type: ignore[no-any-return]


def report_on(
    request: ColorizeRequest, regions: Regions, painting: Painting, layers: tuple[Layer, ...]
) -> dict[str, Any]:
    """The data that the docker shows with the result. JSON-serializable."""
    seen, confidence = painting.seen(request.mode), painting.confidence(request)
    flats = [layer for layer in layers if layer.role in (Role.BACKGROUND, Role.FOREGROUND)]
    painted = sum(cv2.countNonZero(coverage(layer)) for layer in flats)
    area = regions.areas()
    return {
        "palette": color.as_hex(painting.palette),
        "regions": int(np.count_nonzero(seen)),
        "doubtful_regions": int(np.count_nonzero(painting.doubtful(request))),
        "unpainted_pixels": int(regions.labels.size - painted),
        "confidence": round(float((confidence * area)[seen].sum() / max(area[seen].sum(), 1e-9)), 4),
        "figure_share": round(float(area[painting.foreground.shown].sum()), 4),
    }


def check_on(request: ColorizeRequest, enclosed: Regions, regions: Regions, painting: Painting) -> Check:
    """The check: doubtful and unpainted regions, regions that the mask divides, and openings between different colours.

    Args:
        request: the request.
        enclosed: the regions enclosed by the lines.
        regions: the same regions, divided along the mask.
        painting: their colours.
    """
    seen, confidence = painting.seen(request.mode), painting.confidence(request)
    side = painting.background if request.mode is Mode.BACKGROUND else painting.foreground
    bare = side.shown & (side.colours[:, 3] == 0)  # a transparent background is allowed
    told = confidence >= 1
    suspects = [
        Suspects(
            PlaceKind.UNPAINTED,
            seen & bare & ~told & (request.background is None or side is painting.foreground),
        ),
        Suspects(PlaceKind.LEAK, seen & ~told & _smaller_parts(enclosed, regions)),
        Suspects(PlaceKind.DOUBTFUL, painting.doubtful(request)),
    ]
    colours = painting.colours
    openings = [
        opening
        for opening in find_openings(
            enclosed, least=_WIDE_OPENING * gap_closed(enclosed, request.options.line_gap)
        )
        if _differ(opening, colours, seen)
    ]
    return make_check(regions, confidence, suspects, openings)


def table_of(regions: Regions, match: Match, painting: Painting) -> RegionTable:
    """The regions' likely other colours, and which regions were recognised as the same part."""
    likely = [_NO_COLOURS] * regions.count
    alike = [np.zeros(0, np.intp)] * regions.count
    area = regions.areas()
    sides = ((match.foreground, painting.foreground), (match.background, painting.background))
    for found, side in sides:
        shown = np.flatnonzero(side.shown)
        if found is None or not len(shown):
            continue
        for region, colours in zip(
            shown, distinct(found.ranked[shown], side.colours[shown, :3]), strict=True
        ):
            likely[region] = colours
        if found.attention.shape[1]:
            leaders = shown[np.argsort(-area[shown], kind="stable")][:_MOST_LEADERS]
            common = common_looks(found, leaders)
            for region, row in zip(leaders, common, strict=True):
                others = side.shown & (row >= ALIKE) & (side.confidence < 1)
                others[region] = False
                alike[region] = np.flatnonzero(others)
    return RegionTable(regions.labels, painting.background.shown, tuple(likely), tuple(alike))


def _smaller_parts(enclosed: Regions, regions: Regions) -> NDArray[np.bool_]:
    """(n,): the smaller parts of the regions that the mask divides, because the line between the parts has a gap."""
    if regions is enclosed:
        return np.zeros(regions.count, bool)
    origin = np.zeros(regions.count, np.intp)
    origin[regions.coarse.ravel()] = enclosed.coarse.ravel()
    area = regions.areas()
    largest = np.zeros(enclosed.count)
    np.maximum.at(largest, origin, area)
    return area < largest[origin]


def _differ(opening: Opening, colours: NDArray[np.uint8], seen: NDArray[np.bool_]) -> bool:
    """Whether two colours meet in the opening."""
    first, second = opening.first, opening.second
    return bool(seen[first] and seen[second] and (colours[first] != colours[second]).any())

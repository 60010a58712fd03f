"""Corrections of a result by clicks: the colours that are offered, and the corrected result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from krita_colorize.core import check, region_map, saved_results
from krita_colorize.core.edits import MAX_CORRECTIONS, Correction
from krita_colorize.core.port import Pixels
from krita_colorize.core.region_map import RegionMap, pixel_of
from krita_colorize.core.result import Result


@dataclass(frozen=True)
class Swatch:
    """A colour to choose: as it is shown ("#rrggbb"; "" is none at all), and as the engine knows it."""

    shown: str
    colour: str


NO_COLOUR = Swatch("", "")


@dataclass(frozen=True)
class Offer:
    """The colours offered for a clicked region."""

    x: int
    y: int
    region: int
    same: tuple[int, ...]
    """The region and those that were taken for the same thing."""
    likely: tuple[Swatch, ...]
    """The most likely first; the colour that the region has is left out."""
    palette: tuple[Swatch, ...]
    """All colours of the result, in its order."""


def offer(result: Result, where: RegionMap, x: int, y: int) -> Offer | None:
    """The offer for the region at a pixel of the canvas; None if there is no region."""
    region = where.at(x, y)
    if region < 0:
        return None
    swaps = {swap.before: swap.after for swap in result.request.settings.swaps}
    corrected = {where.at(one.x, one.y): one.colour for one in result.request.settings.corrections}
    known = where.likely[region]
    current = corrected.get(region, known[0] if known else "")
    likely = tuple(Swatch(swaps.get(one, one), one) for one in known if one != current)
    return Offer(x, y, region, where.same(region), likely, palette_of(result))


def palette_of(result: Result) -> tuple[Swatch, ...]:
    """The colours of a result, as they are shown and as the engine knows them."""
    engine = {swap.after: swap.before for swap in result.request.settings.swaps}
    return tuple(Swatch(colour, engine.get(colour, colour)) for colour in result.palette)


@dataclass(frozen=True)
class Change:
    """A change of the colour of regions, all on the same layer. The first one was clicked."""

    where: RegionMap
    regions: Sequence[int]
    swatch: Swatch

    @property
    def role(self) -> str:
        """The role of the regions' layer."""
        return self.where.role(self.regions[0])

    def pixels(self, result: Result, now: Pixels) -> Pixels | None:
        """The part of the layer that changes, as it is to be, by how the layer is `now` in the document; None where
        nothing changes. Slow: for worker threads."""
        delivered = _layer(result, self.role)
        if delivered is None:
            return None
        pixel = pixel_of(self.swatch.shown)
        return region_map.repainted(self.where, self.regions, pixel, now, delivered[1])

    def made(self, result: Result, now: Pixels | None) -> Result:
        """The result as it counts once the change is in the document; `result` is one of the canvas of now. By how the
        layer is `now`, former corrections are left out that it shows no longer. Slow: for worker threads."""
        delivered, shown = _layer(result, self.role), self.swatch.shown
        assert delivered is not None, "there are pixels of it"
        blob, pixels = delivered
        filled = region_map.filled(self.where, self.regions, pixel_of(shown), pixels)
        former = result.request.settings.corrections
        if now is not None:
            former = kept(result, {self.role: now}, self.where)
        corrections = (*former, *self.corrections)
        settings = replace(result.request.settings, corrections=corrections[-MAX_CORRECTIONS:])
        request = replace(result.request, settings=settings)
        after = replace(result, request=request, bundle=result.bundle.with_picture(blob, filled))
        if shown and shown not in result.palette:
            after = after.with_palette([*result.palette, shown])
        return check.without(after, self.where, self.regions)

    @property
    def corrections(self) -> tuple[Correction, ...]:
        """The correction for later requests."""
        found = self.where.places(self.regions)
        return tuple(Correction(*found[one], self.swatch.colour) for one in self.regions if one in found)


def _layer(result: Result, role: str) -> tuple[int, Pixels] | None:
    """The blob of a result's layer, and its delivered pixels."""
    for entry in result.bundle.header["layers"]:
        if entry["role"] == role:
            blob = int(entry["blob"])
            return blob, result.bundle.blob(blob).to_pixels(int(entry["x"]), int(entry["y"]))
    return None


def here(result: Result) -> Result:
    """The same result on the present canvas. Slow: for worker threads."""
    return result if result.placement is None else saved_results.with_delivered(result, {})


def kept(
    result: Result, layers: Mapping[str, Pixels], where: RegionMap | None = None
) -> tuple[Correction, ...]:
    """The corrections that the layers still show: what the artist undid or painted over counts no longer. With the
    regions, corrections of layers that aren't given are kept unseen."""
    swaps = {swap.before: swap.after for swap in result.request.settings.swaps}

    def shows(one: Correction) -> bool:
        pixel = pixel_of(swaps.get(one.colour, one.colour))
        if where is not None and where.role(where.at(one.x, one.y)) not in layers:
            return True
        return any(_pixel(pixels, one.x, one.y) == pixel for pixels in layers.values())

    return tuple(filter(shows, result.request.settings.corrections))


def _pixel(pixels: Pixels, x: int, y: int) -> bytes:
    x, y = x - pixels.x, y - pixels.y
    if not (0 <= x < pixels.width and 0 <= y < pixels.height):
        return region_map.CLEAR
    place = (y * pixels.width + x) * 4
    return bytes(pixels.data[place : place + 4])

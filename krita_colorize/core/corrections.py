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
    """A colour to choose, "#rrggbb" or "" for no colour: `shown` with the palette edits, `colour` without them."""

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
    """The clicked region and those that were recognised as the same part."""
    likely: tuple[Swatch, ...]
    """The likely colours, the most likely first, without the region's present one."""
    palette: tuple[Swatch, ...]
    """All colours of the result, in its palette's order."""


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
    """The colours of a result as swatches."""
    engine = {swap.after: swap.before for swap in result.request.settings.swaps}
    return tuple(Swatch(colour, engine.get(colour, colour)) for colour in result.palette)


@dataclass(frozen=True)
class Change:
    """A new colour for regions, all on the same layer; the first one was clicked."""

    where: RegionMap
    regions: Sequence[int]
    swatch: Swatch

    @property
    def role(self) -> str:
        """The role of the regions' layer."""
        return self.where.role(self.regions[0])

    def pixels(self, result: Result, now: Pixels) -> Pixels | None:
        """The pixels to write to the layer, given its present pixels `now`; None if nothing changes. Slow: for worker
        threads."""
        delivered = delivered_layer(result, self.role)
        if delivered is None:
            return None
        colours = dict.fromkeys(self.regions, pixel_of(self.swatch.shown))
        return region_map.repainted(self.where, colours, now, delivered[1])

    def made(self, result: Result, now: Pixels | None) -> Result:
        """The result after the change is in the document. `result` must be on the present canvas (`here`). If the
        layer's present pixels `now` are given, former corrections that it no longer shows are dropped. Slow: for
        worker threads."""
        delivered, shown = delivered_layer(result, self.role), self.swatch.shown
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
        """The change as corrections for later requests, one for each region."""
        found = self.where.places(self.regions)
        return tuple(Correction(*found[one], self.swatch.colour) for one in self.regions if one in found)


def delivered_layer(result: Result, role: str) -> tuple[int, Pixels] | None:
    """The blob's index and the delivered pixels of a result's layer; None if there is no layer of this role."""
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
    """The corrections that the layers (by role) still show, without those that the artist has undone or painted over.
    With the region map, corrections on layers that aren't given are kept, too."""
    swaps = {swap.before: swap.after for swap in result.request.settings.swaps}

    def shows(one: Correction) -> bool:
        pixel = pixel_of(swaps.get(one.colour, one.colour))
        if where is not None and where.role(where.at(one.x, one.y)) not in layers:
            return True
        return any(pixels.pixel(one.x, one.y) == pixel for pixels in layers.values())

    return tuple(filter(shows, result.request.settings.corrections))

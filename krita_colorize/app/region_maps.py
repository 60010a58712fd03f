"""Decodes the regions of results, and keeps those of the last one, because decoding takes a moment."""

from __future__ import annotations

from krita_colorize.core import region_map
from krita_colorize.core.region_map import RegionMap
from krita_colorize.core.result import Result


class RegionMaps:
    """The regions of the last result that was asked for."""

    def __init__(self) -> None:
        self._known: tuple[Result, RegionMap | None] | None = None

    def of(self, result: Result) -> RegionMap | None:
        """The regions of a result; None if it has none. Slow: for worker threads."""
        known = self._known
        if known is None or not _same(known[0], result):
            known = self._known = (result, region_map.read(result))
        return known[1]


def _same(one: Result, other: Result) -> bool:
    """Whether two states of a result have the same regions."""
    regions = other.bundle.header.get("regions")
    return one.bundle.header.get("regions") is regions and one.placement == other.placement

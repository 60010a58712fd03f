"""The evidence for the colours of each region: the network's views, the same place, and the same outline."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from colorizer.engines.match import readout
from colorizer.engines.match.multi_scale import ScaleView
from colorizer.engines.match.network import WarpField
from colorizer.engines.match.network_input import Window, whole
from colorizer.engines.match.registration import Overlay, Registration
from colorizer.engines.match.shapes import (
    ReducedPicture,
    find_segments,
    reduce_picture,
    shape_votes,
    shapes_of,
)
from colorizer.imaging.color import Colours
from colorizer.imaging.regions import Regions
from colorizer.imaging.values import Mask, Picture


@dataclass(frozen=True)
class Source:
    """A reference with the mask of its figure, given or found; None until it is known."""

    picture: Picture
    mask: Mask | None
    registration: Registration | None = None
    """Its registration to the sketch, once it has been computed."""

    def window(self) -> Window:
        """The window around the whole reference."""
        return whole(self.picture.shape[1], self.picture.shape[0])

    def warp(self, window: Window, reference: Window, size: int) -> WarpField | None:
        """The warp of the reference's window to the sketch's, (1, size, size); None if it isn't registered."""
        return None if self.registration is None else self.registration.lay(window, reference, size)


@dataclass(frozen=True)
class MatchedSide:
    """One side of the references (foreground, background or both) with the exact colours that occur in it."""

    palette: Colours
    of_foreground: bool | None
    """Whether it is the foreground; None for both sides."""


@dataclass(frozen=True)
class Evidence:
    """All evidence for the colours of the regions."""

    scale_views: list[ScaleView]
    regions: Regions
    overlays: list[tuple[Overlay, NDArray[np.bool_]]]
    """References warped to the sketch, and (n,) the regions for which each is used; later ones have priority."""
    sizes: NDArray[np.float64]
    """(n,): each region's area as a fraction of the figure's."""
    sources: list[Source]
    """The references, registered."""
    reduced: list[ReducedPicture] = field(default_factory=list)
    """The references scaled down for finding their segments, once outlines have been compared."""
    in_shape: dict[bool | None, NDArray[np.float64]] = field(default_factory=dict)
    """The evidence of the outlines by side, once it has been computed."""

    def attention(self, side: MatchedSide) -> tuple[torch.Tensor, torch.Tensor]:
        """The attention (n, K) of every region on the keys of one side, by all views, and the keys' colours (K, 3)."""
        parts = [view.attention(side.of_foreground) for view in self.scale_views]
        attention = torch.cat([part[0] for part in parts], dim=1)
        counts = sum(1 if view.counts is None else view.counts for view in self.scale_views)
        shares = torch.as_tensor(1 / counts, dtype=attention.dtype, device=attention.device)
        return attention * shares.reshape(-1, 1), torch.cat([part[1] for part in parts])

    @property
    def shared_keys(self) -> int:
        """The number of keys, at the start, that belong to views of all regions."""
        return sum(len(view.visible) for view in self.scale_views if view.counts is None)

    def beside(self, side: MatchedSide) -> torch.Tensor:
        """(n, P): the evidence of place and shape, in addition to the network's, as logarithms."""
        return self._at_place(side) + readout.shape_evidence(self._in_shape(side), side.palette)

    def _at_place(self, side: MatchedSide) -> torch.Tensor:
        rows = [
            (overlay.shares(self.regions, side.palette, side.of_foreground), overlay.likeness)
            for overlay, _ in self.overlays
        ]
        weighed = [readout.place_evidence(shares, side.palette, like, self.sizes) for shares, like in rows]
        found = weighed[0]
        for own, (_, where) in zip(weighed[1:], self.overlays[1:], strict=True):
            found = torch.where(torch.from_numpy(where)[:, None], own, found)
        return found

    def _in_shape(self, side: MatchedSide) -> NDArray[np.float64]:
        if side.of_foreground not in self.in_shape:
            self.in_shape[side.of_foreground] = self._compare_shapes(side)
        return self.in_shape[side.of_foreground]

    def _compare_shapes(self, side: MatchedSide) -> NDArray[np.float64]:
        if not self.reduced:
            self.reduced.extend(reduce_picture(source.picture) for source in self.sources)
        references = []
        for source, reduced in zip(self.sources, self.reduced, strict=True):
            assert source.mask is not None
            assert source.registration is not None
            inside = np.ones(source.mask.shape, bool)
            if side.of_foreground is not None:
                inside = (source.mask > 127) == side.of_foreground
            references.append((find_segments(reduced, inside, side.palette), source.registration))
        regions = shapes_of(self.regions.coarse, self.regions.count)
        return shape_votes(regions, references, len(side.palette))

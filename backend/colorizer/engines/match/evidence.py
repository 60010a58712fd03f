"""The evidence for the colours of each region: the network's views, the same place, the same outline, and the
reranker's correction of all of these."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from colorizer.engines.match import readout, reranker
from colorizer.engines.match.multi_scale import ScaleView
from colorizer.engines.match.network import WarpField
from colorizer.engines.match.network_input import Window, whole
from colorizer.engines.match.registration import Overlay, Registration
from colorizer.engines.match.reranker import Candidates, Clues, Reranker
from colorizer.engines.match.shapes import (
    ReducedPicture,
    Shapes,
    find_segments,
    likest_colours,
    main_colours,
    reduce_picture,
    shape_votes,
    shapes_of,
    without_lines,
)
from colorizer.imaging.color import Colours
from colorizer.imaging.lines import stroke_width
from colorizer.imaging.regions import Regions
from colorizer.imaging.values import Mask, Picture

_BORDERS_SIDE = 512
"""Largest longer side, in pixels, at which it is found which regions of the sketch are adjacent."""
_BOLDER = 1.4
"""Largest width of the reference's lines, as a multiple of the sketch's."""
_SHOWN = 0.1
"""Number of views (a close-up may count less than one) up to which a region isn't shown."""


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
class WarpedReference:
    """A reference warped to the sketch, for some of the regions."""

    overlay: Overlay
    """By its registration."""
    deformed: Overlay
    """By its deformation, too."""
    fits: NDArray[np.float64]
    """(n,), -1..1: how well the deformed reference fits each region, see `Deformation.fits`."""
    where: NDArray[np.bool_]
    """(n,): the regions for which it is used."""


class AtPlace(NamedTuple):
    """What is at the same place of the references, for one side."""

    shares: NDArray[np.float32]
    """(n, P): the share of each colour, by the registration."""
    likeness: NDArray[np.float64]
    """(n,): the likeness of the poses."""
    evidence: torch.Tensor
    """(n, P): the evidence of both, and of the deformed references, as logarithms."""


@dataclass(frozen=True)
class Evidence:
    """All evidence for the colours of the regions."""

    scale_views: list[ScaleView]
    regions: Regions
    warped: list[WarpedReference]
    """References warped to the sketch; later ones have priority."""
    sizes: NDArray[np.float64]
    """(n,): each region's area as a fraction of the figure's."""
    sources: list[Source]
    """The references, registered."""
    is_foreground: NDArray[np.bool_]
    """(n,): whether each region belongs to the figure."""
    reranker: Reranker | None = None
    """None: the votes aren't reranked."""
    reduced: list[ReducedPicture] = field(default_factory=list)
    """The references scaled down for finding their segments, once outlines have been compared."""
    outlines: list[Shapes] = field(default_factory=list)
    """The outlines of the regions, once they have been found."""
    in_shape: dict[bool | None, NDArray[np.float64]] = field(default_factory=dict)
    """The evidence of the outlines by side, once it has been computed."""
    at_place: dict[bool | None, AtPlace] = field(default_factory=dict)
    """What is at the same place by side, once it has been computed."""
    likest: dict[bool | None, list[NDArray[np.intp]]] = field(default_factory=dict)
    """`shapes.likest_colours` of each reference by side, once they have been computed."""
    areas: dict[bool | None, list[NDArray[np.intp]]] = field(default_factory=dict)
    """The areas that are wider than lines by side, once they have been found."""

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
        """(n, P): the evidence in addition to the network's, as logarithms. For backgrounds, and without a reranker, it
        is that of place and outlines only."""
        found = self._place_and_shape(side)
        if self.reranker is None or side.of_foreground is False or len(side.palette) == 1:
            return found
        clues = self._clues(side, found)
        corrections = reranker.corrections(self.reranker, clues, reranker.find_candidates(clues))
        return found + corrections + self._on_areas(side)

    def candidates(self, side: MatchedSide) -> Candidates:
        """The colours that are reranked, with their features."""
        return reranker.find_candidates(self._clues(side, self._place_and_shape(side)))

    def _place_and_shape(self, side: MatchedSide) -> torch.Tensor:
        """(n, P): the evidence of the same place and of outlines, as logarithms."""
        return self._there(side).evidence + readout.shape_evidence(self._in_shape(side), side.palette)

    def _there(self, side: MatchedSide) -> AtPlace:
        if side.of_foreground not in self.at_place:
            self.at_place[side.of_foreground] = self._look_there(side)
        return self.at_place[side.of_foreground]

    def _look_there(self, side: MatchedSide) -> AtPlace:
        count, palette = self.regions.count, side.palette
        shares, deformed = (np.zeros((count, len(palette)), np.float32) for _ in range(2))
        likeness, fits = np.zeros(count), np.zeros(count)
        for one in self.warped:
            where = one.where
            shares[where] = one.overlay.shares(self.regions, palette, side.of_foreground, where)[where]
            likeness[where], fits[where] = one.overlay.likeness, one.fits[where]
            fit = where & (one.fits > readout.UNFIT)  # the others have no weight
            if fit.any():
                deformed[where] = one.deformed.shares(self.regions, palette, side.of_foreground, fit)[where]
        place = readout.place_evidence(shares, palette, likeness, self.sizes)
        return AtPlace(shares, likeness, place + readout.fit_evidence(deformed, palette, fits, self.sizes))

    def _clues(self, side: MatchedSide, beside: torch.Tensor) -> Clues:
        """What the reranker sees; `beside` is the evidence (n, P) of place and outlines."""
        there = self._there(side)
        attention, keys = self.attention(side)
        lab = rgb2lab(side.palette[None] / 255)[0]
        first, *others = self.scale_views
        whole, _ = self._cast([first], side)
        figures, _ = self._cast([view for view in others if not view.near], side, whole)
        close_ups, shown = self._cast([view for view in others if view.near], side, figures)
        areas = self._areas(side)
        counts = np.sum([np.bincount(one[one >= 0], minlength=len(side.palette)) for one in areas], axis=0)
        step = -(-max(self.regions.coarse.shape) // _BORDERS_SIDE)
        return Clues(
            votes=readout.votes(attention, keys, side.palette, beside).cpu().numpy(),
            network=readout.votes(attention, keys, side.palette).cpu().numpy(),
            whole=whole,
            figures=figures,
            close_ups=close_ups,
            shown=np.minimum(shown, 2),
            place=there.evidence.numpy(),
            there=there.shares,
            likeness=there.likeness,
            outlines=self._in_shape(side).astype(np.float32),
            apart=readout.differences(side.palette),
            alike=readout.agreement(side.palette).numpy(),
            lab=lab,
            from_white=deltaE_ciede2000(lab, np.array([[100.0, 0, 0]])),
            shares=(counts / max(1, counts.sum())).astype(np.float32),
            sizes=self.sizes.astype(np.float32),
            on_side=np.ones_like(self.is_foreground) if side.of_foreground is None else self.is_foreground,
            neighbours=reranker.borders(
                self.regions.coarse[::step, ::step].astype(np.intp), self.regions.count
            ),
            adjacent=sum(reranker.borders(one, len(side.palette)) for one in areas).toarray(),
        )

    def _cast(
        self, views: list[ScaleView], side: MatchedSide, otherwise: NDArray[np.float32] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The mean votes of some views (n, P), or `otherwise` for regions that none of them shows, and the number of
        these views for each region (n,)."""
        total = np.zeros((self.regions.count, len(side.palette)), np.float32)
        number = np.zeros(self.regions.count, np.float32)
        for view in views:
            total += readout.votes(*view.attention(side.of_foreground), side.palette).cpu().numpy()
            number += 1 if view.counts is None else view.counts
        mean = np.asarray(total / np.maximum(number, 1e-3)[:, None], np.float32)
        if otherwise is not None:
            mean = np.asarray(np.where(number[:, None] > _SHOWN, mean, otherwise), np.float32)
        return mean, number

    def _inside(self, source: Source, side: MatchedSide) -> NDArray[np.bool_]:
        assert source.mask is not None
        if side.of_foreground is None:
            return np.ones(source.mask.shape, bool)
        return np.asarray((source.mask > 127) == side.of_foreground)

    def _likest(self, side: MatchedSide) -> list[NDArray[np.intp]]:
        if not self.reduced:
            self.reduced.extend(reduce_picture(source.picture) for source in self.sources)
        if side.of_foreground not in self.likest:
            self.likest[side.of_foreground] = [
                likest_colours(reduced, self._inside(source, side), side.palette)
                for reduced, source in zip(self.reduced, self.sources, strict=True)
            ]
        return self.likest[side.of_foreground]

    def _on_areas(self, side: MatchedSide) -> torch.Tensor:
        """(n, P): the evidence against colours that the references' lines have, as logarithms."""
        likest, areas = self._likest(side), self._areas(side)
        anywhere = np.concatenate([colours[colours >= 0] for colours in likest])
        in_areas = np.concatenate([area[colours >= 0] for area, colours in zip(areas, likest, strict=True)])
        return readout.area_evidence(anywhere, in_areas, side.palette, self.sizes)

    def _areas(self, side: MatchedSide) -> list[NDArray[np.intp]]:
        """For each reference (h, w) the palette's colour of each area that is wider than a line, -1 elsewhere."""
        if side.of_foreground not in self.areas:
            self.areas[side.of_foreground] = self._find_areas(side)
        return self.areas[side.of_foreground]

    def _find_areas(self, side: MatchedSide) -> list[NDArray[np.intp]]:
        inked = self.warped[0].overlay.inked
        stroke = stroke_width(inked.view(np.uint8)) * max(self.regions.coarse.shape) / max(inked.shape)
        areas = []
        for likest, reduced, source in zip(self._likest(side), self.reduced, self.sources, strict=True):
            assert source.registration is not None
            scale = abs(np.linalg.det(source.registration.affine[:, :2])) ** 0.5 / reduced.step
            areas.append(without_lines(main_colours(likest, side.palette), float(_BOLDER * stroke * scale)))
        return areas

    def _in_shape(self, side: MatchedSide) -> NDArray[np.float64]:
        if side.of_foreground not in self.in_shape:
            self.in_shape[side.of_foreground] = self._compare_shapes(side)
        return self.in_shape[side.of_foreground]

    def _compare_shapes(self, side: MatchedSide) -> NDArray[np.float64]:
        references = []
        for likest, reduced, source in zip(self._likest(side), self.reduced, self.sources, strict=True):
            assert source.registration is not None
            assert source.mask is not None
            segments = find_segments(likest, side.palette, reduced.step, max(source.mask.shape))
            references.append((segments, source.registration))
        if not self.outlines:
            self.outlines.append(shapes_of(self.regions.coarse, self.regions.count))
        return shape_votes(self.outlines[0], references, len(side.palette))

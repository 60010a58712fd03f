"""Matches one request with the network: the side of every region, and its colour on each side.

The sides are foreground and background. In mode `split`, the figure's colours are read only from the references'
figures and the background's only from their backgrounds; in mode `whole`, all colours are read from everywhere. In all
modes a region also gets a colour for the side that it isn't on, from that side of the references, so that changing a
mask shows sensible colours.

The network is much more accurate if it gets the figures' masks. If a mask is missing, the network is run once to find
it, for the sketch also with the figure of the reference in the most similar pose. Then it is run with the masks on the
figures alone, which are larger then, and on both halves of them for small details (`multi_scale`). Running it again on
the whole pictures with the masks doesn't improve the result. If several figures stand side by side, each is matched
separately.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import ColorizeRequest, Mode, Report
from colorizer.engines.match import readout
from colorizer.engines.match.deformation import deform
from colorizer.engines.match.evidence import Evidence, MatchedSide, Source, WarpedReference
from colorizer.engines.match.foreground import foreground_regions, outline, side_by_side
from colorizer.engines.match.multi_scale import ScaleView, close_up_counts, close_ups, foreground_keys
from colorizer.engines.match.network import Correspondence, MatchNetwork
from colorizer.engines.match.network_input import (
    Window,
    ask,
    box,
    foreground_share,
    see_reference,
    see_sketch,
    windows,
)
from colorizer.engines.match.registration import lay_under, register
from colorizer.imaging.color import Colours
from colorizer.imaging.lines import Ink
from colorizer.imaging.masks import fit_mask, usable_mask
from colorizer.imaging.palette import find_palette
from colorizer.imaging.regions import Regions
from colorizer.imaging.values import Mask

_SKETCHED_FIGURE = 0.5
"""Least area of a figure in a sketch with several figures, as a fraction of the largest one's."""
_POSE_COUNTS = 0.5
"""Weight of the reference's figure in deciding which regions are figure, where the poses are the same (likeness 1). Of
224 deciding pairs, 5 have a better mask with it (IoU by .01 to .11), and 2 a worse one (by .01); with 1, 8 and 8."""


@dataclass(frozen=True)
class Match:
    """The sides and colours of all regions. A side's colouring is None if the references have no colours for it."""

    is_foreground: NDArray[np.bool_]
    """(n,)."""
    foreground: readout.Colouring | None
    """Each region's colour as part of the figure."""
    background: readout.Colouring | None
    """Each region's colour as part of the background."""
    palette: Colours
    """(P, 3): the possible colours."""


@dataclass(frozen=True)
class _Sketch:
    """The sketch in the size of the regions' small copy."""

    ink: Ink
    mask: Mask | None
    regions: Regions

    def only(self, figure: Mask) -> _Sketch:
        """The sketch with only one figure, given by its mask (h, w), 255 = figure."""
        reach = 2 * max(1, max(figure.shape) // 100) + 1
        near = cv2.dilate(figure, np.ones((reach, reach), np.uint8)) > 127
        return _Sketch(np.where(near, self.ink, np.uint8(0)), figure, self.regions)


class Matcher:
    """Matches one request."""

    def __init__(self, network: MatchNetwork, request: ColorizeRequest, report: Report) -> None:
        self.network = network
        self.request = request
        self.report = report

    def match(self, ink: Ink, mask: Mask | None, regions: Regions) -> Match:
        """Finds side and colours of every region of the sketch; `ink` and `mask` have the sketch's size."""
        height, width = regions.coarse.shape
        small = cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA)
        sketch = _Sketch(small, None if mask is None else fit_mask(mask, width, height), regions)
        sources = self._sources()
        first = None
        if sketch.mask is None or any(source.mask is None for source in sources):
            sketch, sources, first = self._find_figures(sketch, self._register(sketch, sources))
        assert sketch.mask is not None
        sources = self._register(sketch, sources)
        is_foreground = regions.shares(sketch.mask) > 0.5
        if not sources:
            return Match(is_foreground, None, None, np.zeros((0, 3), np.uint8))
        everywhere = np.ones(regions.count, bool)
        sizes = regions.areas() / max(regions.areas()[is_foreground].sum(), 1e-6)
        evidence = Evidence(
            [],
            regions,
            [_lay_under(sketch, sources, everywhere)],
            sizes,
            sources,
            is_foreground,
            self.network.reranker,
        )
        self._look_around(sketch, sources, first, evidence)
        return self._colour(is_foreground, sources, evidence)

    def _sources(self) -> list[Source]:
        sources = []
        for done, reference in enumerate(self.request.references):
            self.report.stage("Reading the reference", done, len(self.request.references))
            height, width = reference.picture.shape[:2]
            mask = usable_mask(reference.mask, width, height)
            sources.append(Source(reference.picture, mask))
        return sources

    def _find_figures(
        self, sketch: _Sketch, sources: list[Source]
    ) -> tuple[_Sketch, list[Source], ScaleView]:
        """Adds missing masks. Returns sketch and sources with masks, and the view of both by which they were found."""
        # Without a reference the network can still separate figure and background.
        view = self._scale_view(sketch, windows(*sketch.ink.shape[::-1]), sources or [_blank()])
        found = []
        for source, answer in zip(sources, view.answers[0], strict=bool(sources)):
            if source.mask is None:
                mask = outline(source.picture, foreground_share(self.network, answer.reference_parts))
                mask &= np.where(source.picture[..., 3] > 127, np.uint8(255), np.uint8(0))
                # If no figure is found, the whole reference is used, so that the figure isn't left without colours.
                source = replace(source, mask=mask if mask.any() else np.full_like(mask, 255))
            found.append(source)
        if sketch.mask is None:
            share = _foreground_shares(self.network, view)
            is_foreground = foreground_regions(
                _as_posed(share, sketch, found) if found else share, sketch.regions
            )
            sketch = replace(sketch, mask=(is_foreground * np.uint8(255))[sketch.regions.coarse])
        grid = self.network.config.key_grid
        keys = [foreground_keys(source.mask, source.window(), grid) for source in found or [_blank()]]
        return sketch, found, replace(view, in_foreground=np.concatenate(keys))

    def _look_around(
        self, sketch: _Sketch, sources: list[Source], first: ScaleView | None, evidence: Evidence
    ) -> None:
        """Runs the network on the whole pictures and, if that enlarges the figures, on these and both halves of them.

        Each figure of a model sheet is then a separate reference. If the sketch has several figures, each is matched
        separately, with the references registered to it.
        """
        seen = windows(*sketch.ink.shape[::-1])
        assert sketch.mask is not None
        masks = side_by_side(sketch.mask, least=_SKETCHED_FIGURE) if (sketch.mask > 127).any() else []
        # A strip is processed in windows of its figure's size.
        if not masks or (len(seen) > 1 and len(masks) == 1):
            evidence.scale_views.append(first or self._scale_view(sketch, seen, sources))
            return
        evidence.scale_views.append(
            first or self._scale_view(sketch, seen, sources, part=(0, 1 + 3 * len(masks)))
        )
        if len(masks) == 1:
            evidence.scale_views.extend(self._scale_views(sketch, self._each_figure(sketch, sources)))
            return
        for number, mask in enumerate(masks):
            own = sketch.only(mask)
            under = self._register(own, sources)
            members = sketch.regions.shares(mask) > 0.5
            evidence.warped.append(_lay_under(own, under, members))
            for view in self._scale_views(own, self._each_figure(own, under), (number, len(masks))):
                counts = members if view.counts is None else view.counts * members
                evidence.scale_views.append(replace(view, counts=counts.astype(np.float32)))

    def _scale_views(
        self, sketch: _Sketch, sources: list[Source], which: tuple[int, int] = (0, 1)
    ) -> list[ScaleView]:
        """The views of a figure and both halves of it; `which` is the figure's index and the number of figures."""
        assert sketch.mask is not None
        figures = [
            box(mask) for mask in (sketch.mask, *(source.mask for source in sources)) if mask is not None
        ]
        halves = zip(*(close_ups(figure, sketch.mask) for figure in figures), strict=True)
        start, parts = 1 + 3 * which[0], 1 + 3 * which[1]
        scale_views = [self._scale_view(sketch, figures[:1], sources, figures[1:], part=(start, parts))]
        for number, half in enumerate(halves, start + 1):
            scale_views.append(
                self._scale_view(sketch, half[:1], sources, half[1:], part=(number, parts), near=True)
            )
        return scale_views

    def _each_figure(self, sketch: _Sketch, sources: list[Source]) -> list[Source]:
        """The sources, with a separate source for each figure of those that show several figures side by side."""
        each: list[Source] = []
        for source in sources:
            assert source.mask is not None
            figures = [replace(source, mask=mask) for mask in side_by_side(source.mask)]
            each += [source] if len(figures) == 1 else self._register(sketch, figures)
        return each

    def _scale_view(
        self,
        sketch: _Sketch,
        seen: Sequence[Window],
        sources: Sequence[Source],
        around: Sequence[Window] | None = None,
        part: tuple[int, int] = (0, 1),
        *,
        near: bool = False,
    ) -> ScaleView:
        """Runs the network on windows of the sketch and one window of each reference (by default the whole reference).

        `part` is the index of the view and the number of views, for the progress; `near` marks a close-up.
        """
        config = self.network.config
        size, grid = config.image_size, config.key_grid
        around = around or [source.window() for source in sources]
        references = [
            see_reference(source.picture, source.mask, window, size, grid)
            for source, window in zip(sources, around, strict=True)
        ]
        cells = np.stack([readout.region_cells(sketch.regions, window, config.query_grid) for window in seen])
        counts = close_up_counts(cells[0], sketch.regions, seen[0]) if near else None
        if counts is None:
            readout.add_missed(cells, sketch.regions, seen)
        queries = [readout.asked_queries(window_cells) for window_cells in cells]
        answers: list[list[Correspondence]] = []
        for index, (window, asked) in enumerate(zip(seen, queries, strict=True)):
            view = see_sketch(sketch.ink, sketch.mask, window, size)
            answers.append([])
            for number, (source, reference) in enumerate(zip(sources, references, strict=True)):
                asks = len(seen) * len(references)
                done = part[0] * asks + index * len(references) + number
                self.report.stage("Matching colours", done, part[1] * asks)
                warp = source.warp(window, reference.window, size)
                answers[-1].append(ask(self.network, view, reference, warp, asked))
        in_foreground = [
            foreground_keys(source.mask, window, grid) for source, window in zip(sources, around, strict=True)
        ]
        visible = [reference.visible > 0.5 for reference in references]
        keys = np.concatenate(visible), np.concatenate(in_foreground)
        return ScaleView(answers, cells, queries, *keys, counts, near)

    def _colour(self, is_foreground: NDArray[np.bool_], sources: list[Source], evidence: Evidence) -> Match:
        foreground_side, background_side = (
            _side(sources, of_foreground=True),
            _side(sources, of_foreground=False),
        )
        # Only figures are reranked.
        whole_pictures = replace(evidence, scale_views=evidence.scale_views[:1], reranker=None)
        whole = self.request.mode is Mode.WHOLE
        foreground = self.read_out(replace(evidence, reranker=None) if whole else evidence, foreground_side)
        background = self.read_out(whole_pictures, background_side)
        sides = {Mode.FOREGROUND: [foreground_side], Mode.BACKGROUND: [background_side]}
        used = sides.get(self.request.mode, [foreground_side, background_side])
        if whole:
            everything = _side(sources, of_foreground=None)
            foreground = _prefer(self.read_out(evidence, everything), foreground, is_foreground)
            if background is not None or not all(_is_cut_out(source) for source in sources):
                background = _prefer(self.read_out(whole_pictures, everything), background, ~is_foreground)
            used = [everything]
        palette = _distinct(np.concatenate([side.palette for side in used]))
        return Match(is_foreground, foreground, background, palette)

    def read_out(self, evidence: Evidence, side: MatchedSide) -> readout.Colouring | None:
        """The colours of all regions from one side of the references; None if that has no colours."""
        if not len(side.palette):
            return None
        attention, keys = evidence.attention(side)
        lock = self.request.options.palette_lock
        found = readout.colour(attention, keys, side.palette, evidence.beside(side), lock=lock)
        return replace(found, attention=found.attention[:, : evidence.shared_keys])

    def _register(self, sketch: _Sketch, sources: list[Source]) -> list[Source]:
        """The sources with their registrations to the sketch."""
        registered = []
        for done, source in enumerate(sources):
            self.report.stage("Matching colours", done, len(sources))
            found = register(sketch.ink, sketch.mask, source.picture, source.mask)
            registered.append(replace(source, registration=found))
        return registered


def _lay_under(sketch: _Sketch, sources: list[Source], where: NDArray[np.bool_]) -> WarpedReference:
    """The reference in the most similar pose, warped to the sketch, for some regions (n,)."""

    best = _most_similar_pose(sources)
    assert best.registration is not None
    deformation = deform(sketch.ink, best.picture, best.registration)
    return WarpedReference(
        overlay=lay_under(sketch.ink, best.picture, best.mask, best.registration),
        deformed=lay_under(sketch.ink, best.picture, best.mask, deformation),
        fits=deformation.fits(sketch.regions),
        where=where,
    )


def _most_similar_pose(sources: Sequence[Source]) -> Source:
    def likeness(source: Source) -> float:
        assert source.registration is not None
        return source.registration.likeness

    return max(sources, key=likeness)


def _side(sources: Sequence[Source], *, of_foreground: bool | None) -> MatchedSide:
    """One side of the references with its palette."""
    palettes = []
    for source in sources:
        assert source.mask is not None
        inside = None if of_foreground is None else (source.mask > 127) == of_foreground
        palettes.append(find_palette(source.picture, inside).colours)
    return MatchedSide(_distinct(np.concatenate(palettes)), of_foreground)


def _foreground_shares(network: MatchNetwork, view: ScaleView) -> NDArray[np.float64]:
    """(n,): the network's probability that each region belongs to the figure."""
    hits = np.zeros(view.cells.shape[1])
    for row, weights in zip(view.answers, view.cells, strict=True):
        chance = np.mean([foreground_share(network, answer.sketch_parts) for answer in row], axis=0)
        hits += weights @ chance
    return np.asarray(hits / view.cells.sum(axis=(0, 2)))


def _as_posed(share: NDArray[np.float64], sketch: _Sketch, sources: Sequence[Source]) -> NDArray[np.float64]:
    """(n,): the probability that each region belongs to the figure, corrected by the figure of the reference in the
    most similar pose, where that covers the sketch.
    """
    best = _most_similar_pose(sources)
    assert best.registration is not None
    overlay = lay_under(sketch.ink, best.picture, best.mask, best.registration)
    there, covered = (
        sketch.regions.shares(mask) for mask in (overlay.figure, overlay.inside * np.uint8(255))
    )
    return share + _POSE_COUNTS * max(0.0, overlay.likeness) * (there - covered * share)


def _prefer(
    first: readout.Colouring | None, second: readout.Colouring | None, where: NDArray[np.bool_]
) -> readout.Colouring | None:
    """`first` for the regions of `where`, `second` (if there is one) for the others."""
    if first is None or second is None:
        return first or second
    ranks = max(first.ranked.shape[1], second.ranked.shape[1])
    # The shorter ranking is padded with its last colour, which adds no new one.
    one, other = (
        np.pad(side.ranked, ((0, 0), (0, ranks - side.ranked.shape[1]), (0, 0)), mode="edge")
        for side in (first, second)
    )
    return readout.Colouring(
        np.where(where[:, None], first.colours, second.colours),
        np.where(where, first.confidence, second.confidence),
        np.where(where[:, None], first.attention, second.attention),
        np.where(where[:, None, None], one, other),
    )


def _is_cut_out(source: Source) -> bool:
    """Whether a reference shows a figure on transparency, so that it has no background."""
    return bool(np.count_nonzero(source.picture[..., 3] <= 127) > 0.02 * source.picture[..., 3].size)


def _blank() -> Source:
    return Source(np.full((8, 8, 4), 255, np.uint8), None)


def _distinct(colours: Colours) -> Colours:
    """Each colour once, in the order of its first appearance."""
    if not len(colours):
        return colours
    _, first = np.unique(colours, axis=0, return_index=True)
    return colours[np.sort(first)]

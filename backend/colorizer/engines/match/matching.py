"""One request through the network: which side every region is on, and the colour each would have on either side.

The rules of the modes are here. `split` reads the figure's colours only in the references' figures and the
background's only in their backgrounds; `whole` reads everywhere; the side a region is not on is coloured from its own
side of the references in any mode, so that repainting a mask shows sensible colours.

The network knows far better where it is told the figures. So where a mask is missing it is asked once to find them.
Then it is told what was found and asked about the figures alone, which it sees larger, and about both halves of them,
for what is small (`multi_scale`). Asking it about the whole pictures again, told the figures, brings nothing more.
Where several figures stand side by side, each is asked about by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import ColorizeRequest, Mode, Report
from colorizer.engines.match import readout
from colorizer.engines.match.evidence import Evidence, MatchedSide, Source
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
from colorizer.engines.match.registration import Overlay, lay_under, register
from colorizer.imaging.color import Colours
from colorizer.imaging.lines import Ink
from colorizer.imaging.masks import fit_mask, usable_mask
from colorizer.imaging.palette import find_palette
from colorizer.imaging.regions import Regions
from colorizer.imaging.values import Mask

_SKETCHED_FIGURE = 0.5
"""How large a figure of a sketch with several is at least, as a share of the largest."""


@dataclass(frozen=True)
class Match:
    """What was found for every region. Colours are None where the references have nothing for that side."""

    is_foreground: NDArray[np.bool_]
    """(n,)."""
    foreground: readout.Colouring | None
    """Each region's colour as part of the figure."""
    background: readout.Colouring | None
    """Each region's colour as part of the background."""
    palette: Colours
    """(P, 3): the colours that could be chosen."""


@dataclass(frozen=True)
class _Sketch:
    """The sketch, as small as its regions are decided."""

    ink: Ink
    mask: Mask | None
    regions: Regions

    def only(self, figure: Mask) -> _Sketch:
        """The same with nothing drawn but one figure, (h, w) 255 = figure."""
        reach = 2 * max(1, max(figure.shape) // 100) + 1
        near = cv2.dilate(figure, np.ones((reach, reach), np.uint8)) > 127
        return _Sketch(np.where(near, self.ink, np.uint8(0)), figure, self.regions)


class Matcher:
    """Carries one request."""

    def __init__(self, network: MatchNetwork, request: ColorizeRequest, report: Report) -> None:
        self.network = network
        self.request = request
        self.report = report

    def match(self, ink: Ink, mask: Mask | None, regions: Regions) -> Match:
        """Decides side and colours of every region of the sketch; `ink` and `mask` have the sketch's size."""
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
        evidence = Evidence([], regions, [(_lay_under(sketch, sources), everywhere)], sizes, sources)
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
        """The same with every mask filled in, and the look at all of both that they were found by."""
        # Without a reference the network still tells figure from background.
        view = self._scale_view(sketch, windows(*sketch.ink.shape[::-1]), sources or [_blank()])
        if sketch.mask is None:
            is_foreground = _predicted_sides(self.network, view, sketch.regions)
            sketch = replace(sketch, mask=(is_foreground * np.uint8(255))[sketch.regions.coarse])
        found = []
        for source, answer in zip(sources, view.answers[0], strict=bool(sources)):
            if source.mask is None:
                mask = outline(source.picture, foreground_share(self.network, answer.reference_parts))
                mask &= np.where(source.picture[..., 3] > 127, np.uint8(255), np.uint8(0))
                # A guess must not leave a figure without colours: nothing found means that all may be figure.
                source = replace(source, mask=mask if mask.any() else np.full_like(mask, 255))
            found.append(source)
        grid = self.network.config.key_grid
        keys = [foreground_keys(source.mask, source.window(), grid) for source in found or [_blank()]]
        return sketch, found, replace(view, in_foreground=np.concatenate(keys))

    def _look_around(
        self, sketch: _Sketch, sources: list[Source], first: ScaleView | None, evidence: Evidence
    ) -> None:
        """Looks at the whole pictures, and, where there are figures to be seen larger, at these and both their halves.

        Each figure of a model sheet is then a reference of its own; where several stand in the sketch, each is looked
        at by itself, with the references laid under it.
        """
        seen = windows(*sketch.ink.shape[::-1])
        assert sketch.mask is not None
        masks = side_by_side(sketch.mask, least=_SKETCHED_FIGURE) if (sketch.mask > 127).any() else []
        # A strip is seen in windows as large as its figure.
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
            evidence.overlays.append((_lay_under(own, under), members))
            for view in self._scale_views(own, self._each_figure(own, under), (number, len(masks))):
                counts = members if view.counts is None else view.counts * members
                evidence.scale_views.append(replace(view, counts=counts.astype(np.float32)))

    def _scale_views(
        self, sketch: _Sketch, sources: list[Source], which: tuple[int, int] = (0, 1)
    ) -> list[ScaleView]:
        """At a figure and both its halves; `which` figure of how many."""
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
        """The same, those that show several figures side by side once for each of them."""
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
        """Asks the network about some windows of the sketch and one of each reference (all of it by default).

        `part` says which view it is of how many; `near` that it is a close-up.
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
        return ScaleView(answers, cells, queries, *keys, counts)

    def _colour(self, is_foreground: NDArray[np.bool_], sources: list[Source], evidence: Evidence) -> Match:
        foreground_side, background_side = (
            _side(sources, of_foreground=True),
            _side(sources, of_foreground=False),
        )
        whole_pictures = replace(evidence, scale_views=evidence.scale_views[:1])
        foreground = self._read_out(evidence, foreground_side)
        background = self._read_out(whole_pictures, background_side)
        sides = {Mode.FOREGROUND: [foreground_side], Mode.BACKGROUND: [background_side]}
        used = sides.get(self.request.mode, [foreground_side, background_side])
        if self.request.mode is Mode.WHOLE:
            everything = _side(sources, of_foreground=None)
            foreground = _prefer(self._read_out(evidence, everything), foreground, is_foreground)
            if background is not None or not all(_is_cut_out(source) for source in sources):
                background = _prefer(self._read_out(whole_pictures, everything), background, ~is_foreground)
            used = [everything]
        palette = _distinct(np.concatenate([side.palette for side in used]))
        return Match(is_foreground, foreground, background, palette)

    def _read_out(self, evidence: Evidence, side: MatchedSide) -> readout.Colouring | None:
        if not len(side.palette):
            return None
        attention, keys = evidence.attention(side)
        lock = self.request.options.palette_lock
        found = readout.colour(attention, keys, side.palette, evidence.beside(side), lock=lock)
        return replace(found, attention=found.attention[:, : evidence.shared_keys])

    def _register(self, sketch: _Sketch, sources: list[Source]) -> list[Source]:
        """The same, with how each lies best under the sketch."""
        registered = []
        for done, source in enumerate(sources):
            self.report.stage("Matching colours", done, len(sources))
            found = register(sketch.ink, sketch.mask, source.picture, source.mask)
            registered.append(replace(source, registration=found))
        return registered


def _lay_under(sketch: _Sketch, sources: list[Source]) -> Overlay:
    """The reference in the likest pose, laid under the sketch."""

    def likeness(source: Source) -> float:
        assert source.registration is not None
        return source.registration.likeness

    best = max(sources, key=likeness)
    assert best.mask is not None
    assert best.registration is not None
    return lay_under(sketch.ink, best.picture, best.mask, best.registration)


def _side(sources: Sequence[Source], *, of_foreground: bool | None) -> MatchedSide:
    """One side of the references with its palette."""
    palettes = []
    for source in sources:
        assert source.mask is not None
        inside = None if of_foreground is None else (source.mask > 127) == of_foreground
        palettes.append(find_palette(source.picture, inside).colours)
    return MatchedSide(_distinct(np.concatenate(palettes)), of_foreground)


def _predicted_sides(network: MatchNetwork, view: ScaleView, regions: Regions) -> NDArray[np.bool_]:
    """(n,): whether the network takes each region for part of the figure."""
    hits = np.zeros(view.cells.shape[1])
    for row, weights in zip(view.answers, view.cells, strict=True):
        chance = np.mean([foreground_share(network, answer.sketch_parts) for answer in row], axis=0)
        hits += weights @ chance
    return foreground_regions(hits / view.cells.sum(axis=(0, 2)), regions)


def _prefer(
    first: readout.Colouring | None, second: readout.Colouring | None, where: NDArray[np.bool_]
) -> readout.Colouring | None:
    """`first` for the regions of `where`, `second` (if there is one) for the others."""
    if first is None or second is None:
        return first or second
    ranks = max(first.ranked.shape[1], second.ranked.shape[1])
    # Of the shorter ranking the last colour fills up: a colour that was there before is not another one.
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
    """Whether a reference shows a figure on nothing: there is no background in it that could be meant."""
    return bool(np.count_nonzero(source.picture[..., 3] <= 127) > 0.02 * source.picture[..., 3].size)


def _blank() -> Source:
    return Source(np.full((8, 8, 4), 255, np.uint8), None)


def _distinct(colours: Colours) -> Colours:
    """Each colour once, in the order of its first appearance."""
    if not len(colours):
        return colours
    _, first = np.unique(colours, axis=0, return_index=True)
    return colours[np.sort(first)]

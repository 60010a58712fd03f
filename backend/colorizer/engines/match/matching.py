"""One request through the network: which side every region is on, and the colour each would have on either side.

The rules of the modes are here. `split` reads the figure's colours only in the references' figures and the
background's only in their backgrounds; `whole` reads everywhere; the side a region is not on is coloured from its own
side of the references in any mode, so that repainting a mask shows sensible colours.

The network knows far better where it is told the figures. So where a mask is missing it is asked once to find them.
Then it is told what was found and asked about the figures alone, which it sees larger, and about both halves of them,
for what is small (`looks`). Asking it about the whole pictures again, told the figures, brings nothing more. Where
several figures stand side by side, each is asked about by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from colorizer.engines.base import ColorizeRequest, Mode, Report
from colorizer.engines.match import readout
from colorizer.engines.match.foreground import figure_regions, outline, side_by_side
from colorizer.engines.match.inputs import (
    Window,
    ask,
    box,
    foreground_share,
    see_reference,
    see_sketch,
    whole,
    windows,
)
from colorizer.engines.match.looks import Look, close_up_counts, close_ups, figure_keys
from colorizer.engines.match.network import Correspondence, Laid, MatchNetwork
from colorizer.engines.match.place import Overlay, Registration, lay_under, register
from colorizer.imaging.color import RGB
from colorizer.imaging.lines import Ink
from colorizer.imaging.masks import fit_mask, usable_mask
from colorizer.imaging.palette import find_palette
from colorizer.imaging.regions import Regions
from colorizer.imaging.values import Mask, Picture

_SKETCHED_FIGURE = 0.5
"""How large a figure of a sketch with several is at least, as a share of the largest."""


@dataclass(frozen=True)
class Match:
    """What was found for every region. Colours are None where the references have nothing for that side."""

    is_figure: NDArray[np.bool_]
    """(n,)."""
    figure: readout.Colouring | None
    """Each region's colour as part of the figure."""
    background: readout.Colouring | None
    """Each region's colour as part of the background."""
    palette: RGB
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


@dataclass(frozen=True)
class _Source:
    """A reference, and its figure as told or found; None until it is known."""

    picture: Picture
    mask: Mask | None
    registration: Registration | None = None
    """How it lies best under the sketch, once that was looked for."""

    def window(self) -> Window:
        """Around all of it."""
        return whole(self.picture.shape[1], self.picture.shape[0])

    def laid(self, window: Window, reference: Window, size: int) -> Laid | None:
        """Its window under the sketch's, (1, size, size), if it is registered."""
        return None if self.registration is None else self.registration.lay(window, reference, size)


@dataclass(frozen=True)
class Side:
    """A part of the references: the exact colours that occur in it and which keys of a look lie in it."""

    palette: RGB
    of_figure: bool | None
    """None: everything."""


@dataclass(frozen=True)
class Evidence:
    """All that speaks for one colour or another."""

    looks: list[Look]
    regions: Regions
    overlays: list[tuple[Overlay, NDArray[np.bool_]]]
    """References laid under the sketch, and (n,) the regions each speaks for; the later one counts."""

    def attention(self, side: Side) -> tuple[torch.Tensor, torch.Tensor]:
        """What every region reads in one side by all looks: attention (n, K) on all keys (K, 3)."""
        parts = [look.attention(side.of_figure) for look in self.looks]
        attention = torch.cat([part[0] for part in parts], dim=1)
        counts = sum(1 if look.counts is None else look.counts for look in self.looks)
        shares = torch.as_tensor(1 / counts, dtype=attention.dtype, device=attention.device)
        return attention * shares.reshape(-1, 1), torch.cat([part[1] for part in parts])

    @property
    def shared_keys(self) -> int:
        """How many keys, the first ones, belong to looks that show every region."""
        return sum(len(look.visible) for look in self.looks if look.counts is None)

    def at_place(self, side: Side) -> torch.Tensor:
        """(n, P): what lies at the same place, weighed."""
        rows = [
            (
                overlay.votes(self.regions, side.palette, readout.KERNEL, side.of_figure),
                overlay.likeness,
                where,
            )
            for overlay, where in self.overlays
        ]
        found = readout.place_evidence(rows[0][0], rows[0][1])
        for votes, likeness, where in rows[1:]:
            here = torch.from_numpy(where).to(found.device)[:, None]
            found = torch.where(here, readout.place_evidence(votes, likeness), found)
        return found


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
        is_figure = regions.shares(sketch.mask) > 0.5
        if not sources:
            return Match(is_figure, None, None, np.zeros((0, 3), np.uint8))
        everywhere = np.ones(regions.count, bool)
        evidence = Evidence([], regions, [(_lay_under(sketch, sources), everywhere)])
        self._look_around(sketch, sources, first, evidence)
        return self._colour(is_figure, sources, evidence)

    def _sources(self) -> list[_Source]:
        sources = []
        for done, reference in enumerate(self.request.references):
            self.report.stage("Reading the reference", done, len(self.request.references))
            height, width = reference.picture.shape[:2]
            mask = usable_mask(reference.mask, width, height)
            sources.append(_Source(reference.picture, mask))
        return sources

    def _find_figures(self, sketch: _Sketch, sources: list[_Source]) -> tuple[_Sketch, list[_Source], Look]:
        """The same with every mask filled in, and the look at all of both that they were found by."""
        # Without a reference the network still tells figure from background.
        look = self._look(sketch, windows(*sketch.ink.shape[::-1]), sources or [_blank()])
        if sketch.mask is None:
            is_figure = _predicted_sides(self.network, look, sketch.regions)
            sketch = replace(sketch, mask=(is_figure * np.uint8(255))[sketch.regions.coarse])
        found = []
        for source, answer in zip(sources, look.answers[0], strict=bool(sources)):
            if source.mask is None:
                mask = outline(source.picture, foreground_share(self.network, answer.reference_parts))
                mask &= np.where(source.picture[..., 3] > 127, np.uint8(255), np.uint8(0))
                # A guess must not leave a figure without colours: nothing found means that all may be figure.
                source = replace(source, mask=mask if mask.any() else np.full_like(mask, 255))
            found.append(source)
        grid = self.network.config.key_grid
        keys = [figure_keys(source.mask, source.window(), grid) for source in found or [_blank()]]
        return sketch, found, replace(look, in_figure=np.concatenate(keys))

    def _look_around(
        self, sketch: _Sketch, sources: list[_Source], first: Look | None, evidence: Evidence
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
            evidence.looks.append(first or self._look(sketch, seen, sources))
            return
        evidence.looks.append(first or self._look(sketch, seen, sources, part=(0, 1 + 3 * len(masks))))
        if len(masks) == 1:
            evidence.looks.extend(self._looks(sketch, self._each_figure(sketch, sources)))
            return
        for number, mask in enumerate(masks):
            own = sketch.only(mask)
            under = self._register(own, sources)
            members = sketch.regions.shares(mask) > 0.5
            evidence.overlays.append((_lay_under(own, under), members))
            for look in self._looks(own, self._each_figure(own, under), (number, len(masks))):
                counts = members if look.counts is None else look.counts * members
                evidence.looks.append(replace(look, counts=counts.astype(np.float32)))

    def _looks(self, sketch: _Sketch, sources: list[_Source], which: tuple[int, int] = (0, 1)) -> list[Look]:
        """At a figure and both its halves; `which` figure of how many."""
        assert sketch.mask is not None
        figures = [
            box(mask) for mask in (sketch.mask, *(source.mask for source in sources)) if mask is not None
        ]
        halves = zip(*(close_ups(figure, sketch.mask) for figure in figures), strict=True)
        start, parts = 1 + 3 * which[0], 1 + 3 * which[1]
        looks = [self._look(sketch, figures[:1], sources, figures[1:], part=(start, parts))]
        for number, half in enumerate(halves, start + 1):
            looks.append(self._look(sketch, half[:1], sources, half[1:], part=(number, parts), near=True))
        return looks

    def _each_figure(self, sketch: _Sketch, sources: list[_Source]) -> list[_Source]:
        """The same, those that show several figures side by side once for each of them."""
        each: list[_Source] = []
        for source in sources:
            assert source.mask is not None
            figures = [replace(source, mask=mask) for mask in side_by_side(source.mask)]
            each += [source] if len(figures) == 1 else self._register(sketch, figures)
        return each

    def _look(
        self,
        sketch: _Sketch,
        seen: Sequence[Window],
        sources: Sequence[_Source],
        around: Sequence[Window] | None = None,
        part: tuple[int, int] = (0, 1),
        *,
        near: bool = False,
    ) -> Look:
        """Asks the network about some windows of the sketch and one of each reference (all of it by default).

        `part` says which look it is of how many; `near` that it is a close-up.
        """
        config = self.network.config
        size, grid = config.image_size, config.key_grid
        around = around or [source.window() for source in sources]
        references = [
            see_reference(source.picture, source.mask, window, size, grid)
            for source, window in zip(sources, around, strict=True)
        ]
        answers: list[list[Correspondence]] = []
        for index, window in enumerate(seen):
            view = see_sketch(sketch.ink, sketch.mask, window, size)
            answers.append([])
            for number, (source, reference) in enumerate(zip(sources, references, strict=True)):
                asks = len(seen) * len(references)
                done = part[0] * asks + index * len(references) + number
                self.report.stage("Matching colours", done, part[1] * asks)
                answers[-1].append(
                    ask(self.network, view, reference, source.laid(window, reference.window, size))
                )
        cells = np.stack([readout.region_cells(sketch.regions, window, config.query_grid) for window in seen])
        counts = close_up_counts(cells[0], sketch.regions, seen[0]) if near else None
        if counts is None:
            readout.add_missed(cells, sketch.regions, seen)
        in_figure = [
            figure_keys(source.mask, window, grid) for source, window in zip(sources, around, strict=True)
        ]
        visible = [reference.visible > 0.5 for reference in references]
        return Look(answers, cells, np.concatenate(visible), np.concatenate(in_figure), counts)

    def _colour(self, is_figure: NDArray[np.bool_], sources: list[_Source], evidence: Evidence) -> Match:
        figure_side, background_side = _side(sources, of_figure=True), _side(sources, of_figure=False)
        whole_pictures = replace(evidence, looks=evidence.looks[:1])
        figure = self._read_out(evidence, figure_side)
        background = self._read_out(whole_pictures, background_side)
        sides = {Mode.FOREGROUND: [figure_side], Mode.BACKGROUND: [background_side]}
        used = sides.get(self.request.mode, [figure_side, background_side])
        if self.request.mode is Mode.WHOLE:
            everything = _side(sources, of_figure=None)
            figure = _prefer(self._read_out(evidence, everything), figure, is_figure)
            if background is not None or not all(_is_cut_out(source) for source in sources):
                background = _prefer(self._read_out(whole_pictures, everything), background, ~is_figure)
            used = [everything]
        palette = _distinct(np.concatenate([side.palette for side in used]))
        return Match(is_figure, figure, background, palette)

    def _read_out(self, evidence: Evidence, side: Side) -> readout.Colouring | None:
        if not len(side.palette):
            return None
        attention, keys = evidence.attention(side)
        lock = self.request.options.palette_lock
        found = readout.colour(attention, keys, side.palette, evidence.at_place(side), lock=lock)
        return replace(found, looks=found.looks[:, : evidence.shared_keys])

    def _register(self, sketch: _Sketch, sources: list[_Source]) -> list[_Source]:
        """The same, with how each lies best under the sketch."""
        registered = []
        for done, source in enumerate(sources):
            self.report.stage("Matching colours", done, len(sources))
            found = register(sketch.ink, sketch.mask, source.picture, source.mask)
            registered.append(replace(source, registration=found))
        return registered


def _lay_under(sketch: _Sketch, sources: list[_Source]) -> Overlay:
    """The reference in the likest pose, laid under the sketch."""

    def likeness(source: _Source) -> float:
        assert source.registration is not None
        return source.registration.likeness

    best = max(sources, key=likeness)
    assert best.mask is not None
    assert best.registration is not None
    return lay_under(sketch.ink, best.picture, best.mask, best.registration)


def _side(sources: Sequence[_Source], *, of_figure: bool | None) -> Side:
    """One side of the references with its palette."""
    palettes = []
    for source in sources:
        assert source.mask is not None
        inside = None if of_figure is None else (source.mask > 127) == of_figure
        palettes.append(find_palette(source.picture, inside).colours)
    return Side(_distinct(np.concatenate(palettes)), of_figure)


def _predicted_sides(network: MatchNetwork, look: Look, regions: Regions) -> NDArray[np.bool_]:
    """(n,): whether the network takes each region for part of the figure."""
    hits = np.zeros(look.cells.shape[1])
    for row, weights in zip(look.answers, look.cells, strict=True):
        chance = np.mean([foreground_share(network, answer.sketch_parts) for answer in row], axis=0)
        hits += weights @ chance
    return figure_regions(hits / look.cells.sum(axis=(0, 2)), regions)


def _prefer(
    first: readout.Colouring | None, second: readout.Colouring | None, where: NDArray[np.bool_]
) -> readout.Colouring | None:
    """`first` for the regions of `where`, `second` (if there is one) for the others."""
    if first is None or second is None:
        return first or second
    return readout.Colouring(
        np.where(where[:, None], first.colours, second.colours),
        np.where(where, first.confidence, second.confidence),
        np.where(where[:, None], first.looks, second.looks),
    )


def _is_cut_out(source: _Source) -> bool:
    """Whether a reference shows a figure on nothing: there is no background in it that could be meant."""
    return bool(np.count_nonzero(source.picture[..., 3] <= 127) > 0.02 * source.picture[..., 3].size)


def _blank() -> _Source:
    return _Source(np.full((8, 8, 4), 255, np.uint8), None)


def _distinct(colours: RGB) -> RGB:
    """Each colour once, in the order of its first appearance."""
    if not len(colours):
        return colours
    _, first = np.unique(colours, axis=0, return_index=True)
    return colours[np.sort(first)]

"""One request through the network: which side every region is on, and the colour each would have on either side.

The rules of the modes are here. `split` reads the figure's colours only in the references' figures and the
background's only in their backgrounds; `whole` reads everywhere; the side a region is not on is coloured from its own
side of the references in any mode, so that repainting a mask shows sensible colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from colorizer.engines.base import ColorizeRequest, Mode, Reference, Report
from colorizer.engines.match import readout
from colorizer.engines.match.inputs import (
    ReferenceView,
    SketchView,
    see_reference,
    see_sketch,
    square,
    windows,
)
from colorizer.engines.match.network import Correspondence, MatchNetwork
from colorizer.imaging.color import RGB
from colorizer.imaging.masks import usable_mask
from colorizer.imaging.palette import find_palette
from colorizer.imaging.regions import Regions
from colorizer.imaging.values import Mask


@dataclass(frozen=True)
class Match:
    """What was found for every region. Colours are None where the references have nothing for that side."""

    is_figure: NDArray[np.bool_]
    """(n,)."""
    figure: RGB | None
    """(n, 3): the colour each region has as part of the figure."""
    figure_confidence: NDArray[np.float32]
    background: RGB | None
    """(n, 3): the colour each region has as part of the background."""
    background_confidence: NDArray[np.float32]
    palette: RGB
    """(P, 3): the colours that could be chosen."""


@dataclass(frozen=True)
class _Keys:
    """Some of the references' cells, and the exact colours that occur in that part of the references."""

    allowed: NDArray[np.bool_]
    """(K,)."""
    palette: RGB


@dataclass(frozen=True)
class _Read:
    """A reference as it was read: what the network sees of it and which of its pixels are figure, if told."""

    reference: Reference
    view: ReferenceView
    mask: Mask | None


class Matcher:
    """Carries one request."""

    def __init__(self, network: MatchNetwork, request: ColorizeRequest, report: Report) -> None:
        self.network = network
        self.request = request
        self.report = report
        self.device = next(network.parameters()).device
        self.reads: list[_Read] = []

    def match(self, ink: NDArray[np.uint8], mask: Mask | None, regions: Regions) -> Match:
        """Decides side and colours of every region of the sketch; `mask` has the sketch's size."""
        self._read_references()
        config = self.network.config
        views = [see_sketch(ink, mask, window, config.image_size) for window in windows(*ink.shape[::-1])]
        scale = regions.coarse.shape[1] / ink.shape[1]
        cells = np.stack(
            [readout.region_cells(regions, view.window, scale, config.query_grid) for view in views]
        )
        readout.add_missed(cells, regions, [view.window for view in views], scale)
        answers = self._ask(views)
        is_figure = regions.shares(mask) > 0.5 if mask is not None else self._predicted_sides(answers, cells)
        if not self.reads:
            nothing = np.zeros(regions.count, np.float32)
            return Match(is_figure, None, nothing, None, nothing, np.zeros((0, 3), np.uint8))
        return self._colour(answers, cells, is_figure)

    def _read_references(self) -> None:
        config = self.network.config
        for done, reference in enumerate(self.request.references):
            self.report.stage("Reading the reference", done, len(self.request.references))
            height, width = reference.picture.shape[:2]
            mask = usable_mask(reference.mask, width, height)
            view = see_reference(reference.picture, mask, config.image_size, config.key_grid)
            self.reads.append(_Read(reference, view, mask))

    def _ask(self, views: Sequence[SketchView]) -> list[list[Correspondence]]:
        """The network's answer for each window (outer) and reference (inner)."""
        total = len(views) * max(1, len(self.reads))
        answers: list[list[Correspondence]] = []
        # Without a reference the network still tells figure from background.
        references = [read.view for read in self.reads] or [_blank(self.network)]
        for index, view in enumerate(views):
            answers.append([])
            for number, reference in enumerate(references):
                self.report.stage("Matching colours", index * len(references) + number, total)
                answers[-1].append(ask(self.network, view, reference))
        return answers

    def _predicted_sides(
        self, answers: list[list[Correspondence]], cells: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        """(n,): whether the network takes each region for part of the figure."""
        hits = np.zeros(cells.shape[1])
        for row, weights in zip(answers, cells, strict=True):
            chance = np.mean([foreground_share(self.network, answer.sketch_parts) for answer in row], axis=0)
            hits += weights @ chance
        figure: NDArray[np.bool_] = hits > 0.5 * cells.sum(axis=(0, 2))
        return (
            figure if figure.any() else ~figure
        )  # a drawing of nothing but background is most likely misread

    def _colour(
        self, answers: list[list[Correspondence]], cells: NDArray[np.float32], is_figure: NDArray[np.bool_]
    ) -> Match:
        views = [
            _view(row, torch.from_numpy(weights).to(self.device))
            for row, weights in zip(answers, readout.weigh(cells), strict=True)
        ]
        colours = torch.cat([answer.colours[0] for answer in answers[0]])
        figure_keys, background_keys, all_keys = self._keys(answers[0])
        figure = self._read_out(views, colours, figure_keys)
        background = self._read_out(views, colours, background_keys)
        if self.request.mode is Mode.WHOLE:
            everywhere = self._read_out(views, colours, all_keys)
            assert everywhere is not None
            figure = _prefer(everywhere, figure, is_figure)
            background = _prefer(everywhere, background, ~is_figure)
        nothing = np.zeros(len(is_figure), np.float32)
        used = {Mode.FOREGROUND: [figure_keys], Mode.BACKGROUND: [background_keys], Mode.WHOLE: [all_keys]}
        palette = np.concatenate(
            [keys.palette for keys in used.get(self.request.mode, [figure_keys, background_keys])]
        )
        return Match(
            is_figure,
            figure.colours if figure else None,
            figure.confidence if figure else nothing,
            background.colours if background else None,
            background.confidence if background else nothing,
            _distinct(palette),
        )

    def _read_out(
        self, views: Sequence[readout.View], colours: torch.Tensor, keys: _Keys
    ) -> readout.Colouring | None:
        if not len(keys.palette) or not keys.allowed.any():
            return None
        attention = readout.pool(views, torch.from_numpy(keys.allowed).to(self.device))
        return readout.colour(attention, colours, keys.palette, lock=self.request.options.palette_lock)

    def _keys(self, answers: Sequence[Correspondence]) -> tuple[_Keys, _Keys, _Keys]:
        """The cells and palettes of the figure, of the background, and of everything, all references together."""
        parts: list[list[_Keys]] = [[], [], []]
        for read, answer in zip(self.reads, answers, strict=True):
            for side, keys in zip(parts, self._keys_of(read, answer), strict=True):
                side.append(keys)
        joined = [
            _Keys(
                np.concatenate([keys.allowed for keys in side]),
                _distinct(np.concatenate([keys.palette for keys in side])),
            )
            for side in parts
        ]
        return joined[0], joined[1], joined[2]

    def _keys_of(self, read: _Read, answer: Correspondence) -> tuple[_Keys, _Keys, _Keys]:
        grid = self.network.config.key_grid
        visible = read.view.visible > 0.5
        if read.mask is not None:
            share = square(read.mask, read.view.window, grid, fill=0).ravel()
            inside = read.mask > 127
        else:
            share = foreground_share(self.network, answer.reference_parts)
            inside = _enlarged(share, read.view, read.reference.picture.shape[:2])
        picture = read.reference.picture
        everything = _Keys(visible, find_palette(picture).colours)
        figure = _Keys(visible & (share > 0.5), find_palette(picture, inside).colours)
        background = _Keys(visible & (share <= 0.5), find_palette(picture, ~inside).colours)
        if read.mask is None and not figure.allowed.any():  # a guess must not leave a figure uncoloured
            figure = everything
        return figure, background, everything


@torch.inference_mode()
def ask(network: MatchNetwork, sketch: SketchView, reference: ReferenceView) -> Correspondence:
    """The network's answer for one window and one reference."""
    device = next(network.parameters()).device
    answer: Correspondence = network(
        sketch.ink.to(device), sketch.mask.to(device), reference.picture.to(device), reference.mask.to(device)
    )
    return answer


def foreground_share(network: MatchNetwork, parts: torch.Tensor) -> NDArray[np.float32]:
    """(grid*grid,): how sure the network is of foreground, 0..1, from part logits (1, parts, grid, grid)."""
    chance = parts[0].softmax(0)[network.config.background_parts :].sum(0)
    return chance.flatten().float().cpu().numpy()


def _view(row: Sequence[Correspondence], cells: torch.Tensor) -> readout.View:
    """The answers for all references side by side; "not in the reference" must hold for all of them."""
    logits = torch.cat([answer.logits[0, :, :-1] for answer in row], dim=1)
    null = torch.stack([answer.logits[0, :, -1] for answer in row]).mean(0)
    return readout.View(cells, logits, null)


def _prefer(
    first: readout.Colouring, second: readout.Colouring | None, where: NDArray[np.bool_]
) -> readout.Colouring:
    """`first` for the regions of `where`, `second` (if there is one) for the others."""
    if second is None:
        return first
    return readout.Colouring(
        np.where(where[:, None], first.colours, second.colours),
        np.where(where, first.confidence, second.confidence),
    )


def _blank(network: MatchNetwork) -> ReferenceView:
    paper = np.full((8, 8, 4), 255, np.uint8)
    return see_reference(paper, None, network.config.image_size, network.config.key_grid)


def _enlarged(share: NDArray[np.float32], view: ReferenceView, size: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W): the cells' share of foreground brought to the reference's own size."""
    import cv2

    grid = round(share.size**0.5)
    side = view.window.side
    # A grid is far coarser than the picture: it is enlarged to a working size and looked up from there.
    work = min(side, 1024)
    big = cv2.resize(share.reshape(grid, grid), (work, work), interpolation=cv2.INTER_LINEAR) > 0.5
    y = ((np.arange(size[0]) - view.window.y) * work // side).clip(0, work - 1)
    x = ((np.arange(size[1]) - view.window.x) * work // side).clip(0, work - 1)
    return big[np.ix_(y, x)]  # type: ignore[no-any-return]


def _distinct(colours: RGB) -> RGB:
    """Each colour once, in the order of its first appearance."""
    if not len(colours):
        return colours
    _, first = np.unique(colours, axis=0, return_index=True)
    return colours[np.sort(first)]

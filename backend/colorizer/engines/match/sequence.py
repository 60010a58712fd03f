"""Pages of a sequence coloured alike: regions that are the same thing vote together.

The network, which finds the parts of a coloured reference in a sketch, finds those of another page's line art as well.
So neighbouring pages are compared with each other's lines; what two regions see of each other, over what either sees
at all, is how much they are the same. Votes for colours then spread along these bonds (label propagation, Zhu and
Ghahramani 2002), and colours of the pool that look nearly alike become one. The numbers were chosen on drawn
animations (`colorizer_lab.data.sequences`) alone: on twelve of them the mean difference between regions of one true
colour on different frames fell from 4.2 to 3.4 CIEDE2000, the share of the area within 10 of the truth went from .842
to .844.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from colorizer.engines.base import ColorizeRequest, Report
from colorizer.engines.match import readout
from colorizer.engines.match.matching import Match, Matcher
from colorizer.engines.match.network import MatchNetwork
from colorizer.engines.match.network_input import ReferenceView, SketchView, ask, box, square, whole
from colorizer.engines.sequences import Likeness
from colorizer.imaging.color import Colours

if TYPE_CHECKING:
    from colorizer.engines.match.evidence import Evidence, MatchedSide
    from colorizer.engines.match.outline import Outline

_LEAST_ALIKE = 0.02
"""Likeness below which two regions have nothing to do with each other."""
_ROUNDS = 10
"""How often votes are passed on; they have settled by then."""
_DECIDED = 4
"""Exponent that makes a neighbour's vote more decided than it was."""
_ONE_COLOUR = 5.0
"""CIEDE2000 below which two colours of a pool are one in a sequence."""


@dataclass(frozen=True)
class Glance:
    """A page's figure as the network sees it; its side is the network's picture size S."""

    ink: NDArray[np.uint8]
    """(S, S), 255 = line."""
    mask: NDArray[np.uint8]
    """(S, S), 255 = figure."""
    labels: NDArray[np.int16]
    """(2 S, 2 S): the region at every place, -1 outside of the page."""

    def cells(self, count: int, grid: int) -> NDArray[np.float32]:
        """(count, grid*grid): what share of each cell each region fills."""
        side = len(self.labels)
        cell = np.arange(side) * grid // side
        place = cell[:, None] * grid + cell[None, :]
        inside = self.labels >= 0
        index = self.labels[inside].astype(np.int64) * grid * grid + place[inside]
        hits = np.bincount(index, minlength=count * grid * grid).reshape(count, -1)
        return (hits * (grid / side) ** 2).astype(np.float32)


@dataclass(frozen=True)
class Survey:
    """One page's regions: what they look like, what they vote for and how they'd be painted."""

    glance: Glance
    match: Match
    palette: Colours
    """(P, 3): what can be voted for."""
    votes: NDArray[np.float32]
    """(n, P): each region's, on the side it is on."""

    def to_bytes(self) -> bytes:
        """An .npz file."""
        foreground, background = (_stored(side) for side in (self.match.foreground, self.match.background))
        stream = io.BytesIO()
        np.savez_compressed(
            stream,
            ink=self.glance.ink,
            mask=self.glance.mask,
            labels=self.glance.labels,
            is_figure=self.match.is_foreground,
            figure=foreground[0],
            figure_confidence=foreground[1],
            background=background[0],
            background_confidence=background[1],
            used=self.match.palette,
            palette=self.palette,
            votes=self.votes,
        )
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Survey:
        """Reads what `to_bytes` made."""
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            foreground = _restored(file["figure"], file["figure_confidence"])
            background = _restored(file["background"], file["background_confidence"])
            return cls(
                Glance(file["ink"], file["mask"], file["labels"]),
                Match(file["is_figure"], foreground, background, file["used"]),
                file["palette"],
                file["votes"],
            )


_Votes = tuple[Colours, NDArray[np.float32]]
"""A palette (P, 3) and every region's votes for it (n, P)."""


class _Voter(Matcher):
    """A matcher that keeps every side's votes beside its colours."""

    def __init__(self, network: MatchNetwork, request: ColorizeRequest, report: Report) -> None:
        super().__init__(network, request, report)
        self.votes: dict[bool | None, list[_Votes]] = {}
        """By side, see `evidence.MatchedSide`; in mode `whole` all is read for the foreground, then the background."""

    def _read_out(self, evidence: Evidence, side: MatchedSide) -> readout.Colouring | None:
        found = super()._read_out(evidence, side)
        if found is not None:
            attention, keys = evidence.attention(side)
            cast = readout.votes(attention, keys, side.palette, evidence.beside(side))
            self.votes.setdefault(side.of_foreground, []).append((side.palette, cast.cpu().numpy()))
        return found


def survey(network: MatchNetwork, request: ColorizeRequest, report: Report, outline: Outline) -> Survey:
    """Looks at one page."""
    voter = _Voter(network, request, report)
    match = voter.match(outline.ink, outline.mask, outline.regions)
    palette, votes = _visible_votes(voter.votes, match)
    return Survey(_glance(network, outline, match), match, palette, votes)


def _visible_votes(votes: dict[bool | None, list[_Votes]], match: Match) -> _Votes:
    """All sides' palettes as one, and the votes of every region on the side it is on."""
    found = []
    for figure in (True, False):
        read = votes.get(None) or votes.get(figure)
        if read:
            shown = match.is_foreground == figure
            colours, cast = read[0 if figure else -1]
            found.append((colours, cast * shown[:, None]))
    palette = np.concatenate([np.zeros((0, 3), np.uint8), *(colours for colours, _ in found)])
    none = np.zeros((len(match.is_foreground), 0), np.float32)
    return palette, np.concatenate([none, *(cast for _, cast in found)], axis=1)


def _glance(network: MatchNetwork, outline: Outline, match: Match) -> Glance:
    coarse = outline.regions.coarse
    height, width = coarse.shape
    ink = cv2.resize(outline.ink, (width, height), interpolation=cv2.INTER_AREA)
    mask = (match.is_foreground * np.uint8(255))[coarse]
    window = box(mask) if mask.any() else whole(width, height)
    side = network.config.image_size
    places = (np.arange(2 * side) + 0.5) * (window.side / (2 * side))
    x, y = (np.floor(places + start).astype(np.intp) for start in (window.x, window.y))
    inside_x, inside_y = (x >= 0) & (x < width), (y >= 0) & (y < height)
    labels = np.full((2 * side, 2 * side), -1, np.int16)
    labels[np.ix_(inside_y, inside_x)] = coarse[np.ix_(y[inside_y], x[inside_x])]
    seen = [np.rint(square(plane, window, side, fill=0) * 255).astype(np.uint8) for plane in (ink, mask)]
    return Glance(seen[0], seen[1], labels)


def compare(network: MatchNetwork, one: Survey, other: Survey) -> Likeness:
    """(n, m): how much of what two regions see of each other's page is each other; those of two sides are unlike."""
    towards, back = _attention(network, one, other), _attention(network, other, one)
    here, there = (survey.glance.cells(len(survey.votes), 1) for survey in (one, other))
    common = np.minimum(here * towards, there.T * back.T)
    likeness = common / np.maximum(here + there.T - common, 1e-9)
    same_side = one.match.is_foreground[:, None] == other.match.is_foreground[None, :]
    return np.where(same_side & (likeness >= _LEAST_ALIKE), likeness, 0).astype(np.float32)


def _attention(network: MatchNetwork, one: Survey, other: Survey) -> NDArray[np.float32]:
    """(n, m): what the regions of one page look at when they look at another page's line art."""
    config = network.config
    paper = _plane(255 - other.glance.ink)
    answer = ask(
        network,
        SketchView(_WINDOW, _plane(one.glance.ink), _hint(one.glance.mask)),
        ReferenceView(
            paper.expand(-1, 3, -1, -1),
            _hint(other.glance.mask),
            np.ones(config.key_grid**2, np.float32),
            _WINDOW,
        ),
    )
    cells = readout.weigh(one.glance.cells(len(one.votes), config.query_grid)[None])[0]
    reach = answer.logits[0].softmax(1)[:, :-1].cpu().numpy()
    keys = other.glance.cells(len(other.votes), config.key_grid)
    keys /= np.maximum(keys.sum(0), 1e-9)
    return (cells @ reach) @ keys.T  # type: ignore[no-any-return]


_WINDOW = whole(1, 1)
"""A glance was taken through a window of its own, which doesn't matter any more."""


def _plane(pixels: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(pixels.astype(np.float32) / 255)[None, None]


def _hint(mask: NDArray[np.uint8]) -> torch.Tensor:
    return _plane(mask) * 2 - 1


def agree(surveys: Sequence[Survey], likeness: Mapping[tuple[int, int], Likeness]) -> list[Survey]:
    """What painting needs of the surveys, with the colours that all pages agreed on."""
    palette, votes = _ballot(surveys)
    if not len(palette):
        return list(surveys)
    bonds: list[list[tuple[int, Likeness]]] = [[] for _ in surveys]
    for (one, other), alike in sorted(likeness.items()):
        bonds[one].append((other, alike))
        bonds[other].append((one, alike.T))
    own = [_normalised(cast) for cast in votes]
    spread = own
    for _ in range(_ROUNDS):
        decided = [_normalised(cast**_DECIDED) for cast in spread]
        spread = [
            _normalised(
                cast + sum((alike @ decided[other] for other, alike in bonds[page]), np.zeros_like(cast))
            )
            for page, cast in enumerate(own)
        ]
    chosen = _fewer(palette, [cast.argmax(1) for cast in spread], surveys)
    return [
        _painted(survey, palette[colours], readout.sureness(cast, colours, palette))
        for survey, colours, cast in zip(surveys, chosen, votes, strict=True)
    ]


def _ballot(surveys: Sequence[Survey]) -> tuple[Colours, list[NDArray[np.float32]]]:
    """One palette for all pages, and every page's votes for its colours."""
    packed = np.concatenate([survey.palette for survey in surveys])
    palette, column = np.unique(packed, axis=0, return_inverse=True)
    bounds = np.cumsum([0, *(len(survey.palette) for survey in surveys)])
    votes = []
    for page, survey in enumerate(surveys):
        cast = np.zeros((len(survey.votes), len(palette)), np.float32)
        np.add.at(cast.T, column.ravel()[bounds[page] : bounds[page + 1]], survey.votes.T)
        votes.append(cast)
    return palette, votes


def _fewer(
    palette: Colours, chosen: Sequence[NDArray[np.intp]], surveys: Sequence[Survey]
) -> list[NDArray[np.intp]]:
    """The chosen colours, those that look nearly alike replaced by the one that covers most."""
    covered = np.zeros(len(palette))
    for colours, survey in zip(chosen, surveys, strict=True):
        np.add.at(covered, colours, survey.glance.cells(len(survey.votes), 1)[:, 0])
    lab = rgb2lab(palette[None] / 255)[0]
    instead = np.arange(len(palette))
    free = np.ones(len(palette), bool)
    for colour in np.argsort(-covered, kind="stable"):
        if free[colour]:
            near = free & (deltaE_ciede2000(lab, lab[colour][None]) < _ONE_COLOUR)
            instead[near] = colour
            free &= ~near
    return [instead[colours] for colours in chosen]


def _painted(survey: Survey, colours: Colours, confidence: NDArray[np.float32]) -> Survey:
    """The survey with these colours on the side each region is on, and how sure the page itself is of them.

    What was seen and voted is left out, so that the last digits of another machine's arithmetic make no other survey.
    """
    match = survey.match
    sides = {}
    for name, shown in (("foreground", match.is_foreground), ("background", ~match.is_foreground)):
        side = getattr(match, name)
        if side is not None:
            sides[name] = replace(
                side,
                colours=np.where(shown[:, None], colours, side.colours),
                confidence=np.where(shown, confidence, side.confidence).round(2),
            )
    nothing = np.zeros((0, 0), np.uint8)
    return Survey(
        Glance(nothing, nothing, np.zeros((0, 0), np.int16)),
        replace(match, **sides),
        np.zeros((0, 3), np.uint8),
        np.zeros((len(colours), 0), np.float32),
    )


def _normalised(votes: NDArray[np.float32]) -> NDArray[np.float32]:
    return votes / np.maximum(votes.sum(1, keepdims=True), 1e-9)  # type: ignore[no-any-return]


def _stored(side: readout.Colouring | None) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Colours and confidence; nothing where there is no side."""
    if side is None:
        return np.zeros((0, 3), np.uint8), np.zeros(0, np.float32)
    return side.colours, side.confidence


def _restored(colours: Colours, confidence: NDArray[np.float32]) -> readout.Colouring | None:
    if not len(colours):
        return None
    unknown = np.zeros((len(colours), 0), np.float32)
    return readout.Colouring(colours, confidence, unknown, np.zeros((len(colours), 0, 3), np.uint8))

"""What the artist said about regions: colour hints on the canvas, and bindings to spots of the references.

A hint belongs to the regions its middle lies in, so that a stroke may be a little wider than what it is meant for. A
region that was told its colour gets exactly that one. Regions that were taken for the same thing, because they look at
the same places of the reference and had the same colour, follow it. How sure that must be was measured with a simulated
artist on drawings of this project (`ALIKE`); no other picture was used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from colorizer.engines.base import Binding, ColorizeRequest, Picture, Reference
from colorizer.engines.match.readout import Colouring
from colorizer.errors import InvalidInput
from colorizer.imaging import color
from colorizer.imaging.regions import Regions

ALIKE = 0.7
"""Share of their looks that two regions must have in common. On 120 drawings, two hints each: of the figure's area
1.2 % became right and .15 % wrong; at .6 it was 1.8 and .5 %, at .8 .6 and .03 %."""
_MIDDLE = 0.5
"""A pixel is in the middle of its stroke from this share of the stroke's greatest depth on."""
_GRAZED = 0.05
"""Share of a stroke's middle below which a region is only grazed."""
CLEAR = (255, 0, 255)
"""The hints' colour that means no colour, where that is wished."""
_SPOT = 0.004
"""Half a side of a reference's spot, as a share of the reference's longer side."""


@dataclass(frozen=True)
class Wishes:
    """Regions that were told their colour, each once."""

    regions: NDArray[np.intp]
    """(m,)."""
    colours: color.Colours
    """(m, 3)."""
    clear_hints: bool = False
    """Whether `CLEAR` means that a region gets no colour."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """(m, 4) RGBA; alpha 0 where a region is to have no colour."""
        clear = self.clear_hints & (self.colours == CLEAR).all(axis=1)
        alpha = np.where(clear, np.uint8(0), np.uint8(255))
        return np.concatenate([np.where(clear[:, None], np.uint8(0), self.colours), alpha[:, None]], axis=1)


def read_wishes(request: ColorizeRequest, regions: Regions) -> Wishes:
    """The request's hints and bindings; where a region has both, the hint counts.

    Raises:
        InvalidInput: a binding points at a transparent spot.
    """
    told = {
        int(regions.labels[binding.y, binding.x]): spot_colour(request.references, binding)
        for binding in request.bindings
    }
    if request.hints is not None:
        told |= _hinted(request.hints, regions)
    if not told:
        return Wishes(np.zeros(0, np.intp), np.zeros((0, 3), np.uint8))
    clear = request.options.advanced.clear_hints
    return Wishes(np.array(list(told), np.intp), np.array(list(told.values()), np.uint8), clear)


def followed(wishes: Wishes, colouring: Colouring | None, shown: NDArray[np.bool_]) -> NDArray[np.intp]:
    """(n,): which wish each region follows on one side, -1 for none.

    Args:
        wishes: m of them.
        colouring: of that side; None where it has no colours of its own.
        shown: (n,), the regions on that side. Only these follow others.
    """
    follows = np.full(len(shown), -1, np.intp)
    own = np.flatnonzero(shown[wishes.regions])
    if colouring is not None and len(own):
        common = common_looks(colouring, wishes.regions[own])
        nearest = common.argmax(0)
        alike = shown & (common.max(0) >= ALIKE)
        follows[alike] = own[nearest[alike]]
    follows[wishes.regions] = np.arange(len(wishes.regions))
    return follows


def common_looks(colouring: Colouring, leaders: NDArray[np.intp]) -> NDArray[np.float32]:
    """(len(leaders), n): the share of their looks that regions have in common; 0 where their colours differ."""
    looks = torch.from_numpy(colouring.attention)
    share = looks / looks.sum(1, keepdim=True).clamp_min(1e-9)
    # Of two distributions the common part is 1 less half of their L1 distance.
    common = 1 - torch.cdist(share[torch.from_numpy(leaders)], share, p=1).numpy() / 2
    same = (colouring.colours[leaders][:, None] == colouring.colours[None]).all(axis=2)
    return np.where(same, common, np.float32(0))


def spot_colour(references: Sequence[Reference], binding: Binding) -> tuple[int, ...]:
    """The colour of a binding's spot, RGB: of the pixels around it the one nearest to their median."""
    picture = references[binding.reference].picture
    reach = max(1, round(_SPOT * max(picture.shape[:2])))
    x, y = binding.reference_x, binding.reference_y
    around = picture[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
    pixels = around[around[..., 3] > 127][:, :3].astype(np.int64)
    if not len(pixels):
        raise InvalidInput(
            f"Reference {binding.reference + 1} is transparent at {x}, {y}. Bind the region to a painted spot."
        )
    colours, counts = np.unique(pixels, axis=0, return_counts=True)
    away = np.abs(colours - np.median(pixels, axis=0)).sum(1)
    return tuple(colours[np.lexsort((-counts, away))[0]].tolist())


def _hinted(hints: Picture, regions: Regions) -> dict[int, tuple[int, ...]]:
    """Region -> colour: of the pixels in the middle of strokes the most frequent colour in each region."""
    drawn = hints[..., 3] > 127
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    if not len(rows):
        return {}
    part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    middle, stroke = _middles(drawn[part])
    label = regions.labels[part][middle]
    colour = color.pack(hints[part][middle]).astype(np.int64)
    stroke_length = np.bincount(stroke)
    told: dict[int, tuple[int, int]] = {}
    places, counts = np.unique(np.stack([stroke, label, colour]), axis=1, return_counts=True)
    in_region = _summed(places[:2], counts)
    for (number, region, packed), count, whole in zip(places.T.tolist(), counts, in_region, strict=True):
        if whole >= _GRAZED * stroke_length[number]:
            told[region] = max(told.get(region, (0, 0)), (int(count), packed))
    packed_colours = np.array([packed for _, packed in told.values()], np.uint32)
    return dict(zip(told, map(tuple, color.unpack(packed_colours).tolist()), strict=True))


def _summed(groups: NDArray[np.int64], counts: NDArray[np.intp]) -> NDArray[np.float64]:
    """(N,): for each column of `groups` the sum of `counts` over all columns equal to it."""
    _, group = np.unique(groups, axis=1, return_inverse=True)
    return np.bincount(group.ravel(), counts).astype(np.float64)[group.ravel()]


def _middles(drawn: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which pixels (H, W) are in the middle of a stroke, and for each of those the number of its stroke."""
    padded = np.pad(drawn, 1).view(np.uint8)  # a stroke that ends at the edge of the part is not deeper there
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    strokes = cv2.connectedComponents(drawn.view(np.uint8), connectivity=8)[1]
    deepest = np.zeros(int(strokes.max()) + 1, np.float32)
    np.maximum.at(deepest, strokes[drawn], depth[drawn])
    middle = drawn & (depth >= _MIDDLE * deepest[strokes])
    return middle, strokes[middle].astype(np.int64)

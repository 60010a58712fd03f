"""The colours that the artist has chosen for regions: colour hints on the canvas, and bindings to spots of references.

A hint belongs to the regions under the middle of its stroke, so that a stroke may extend a little beyond its region.
The region gets exactly that colour. Regions that were recognised as the same part, because they attend to the same
places of the reference and had the same colour, get it, too. The threshold for this (`ALIKE`) was measured with a
simulated artist on this project's drawings; no other pictures were used.
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
"""Least common fraction of the attention of two regions. On 120 drawings with two hints each, 1.2 % of the figure's
area became right and .15 % wrong; with .6 it was 1.8 and .5 %, with .8 .6 and .03 %."""
_MIDDLE = 0.5
"""Fraction of a stroke's largest depth from which a pixel is in the middle of the stroke."""
_GRAZED = 0.05
"""Fraction of a stroke's middle below which a region is only touched and doesn't get the colour."""
CLEAR = (255, 0, 255)
"""The hints' colour that means "transparent", if that option is set."""
_SPOT = 0.004
"""Half the side of a reference's spot, as a fraction of the reference's longer side."""


@dataclass(frozen=True)
class Wishes:
    """The regions with a chosen colour, each once."""

    regions: NDArray[np.intp]
    """(m,)."""
    colours: color.Colours
    """(m, 3)."""
    clear_hints: bool = False
    """Whether `CLEAR` makes a region transparent."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """(m, 4) RGBA; alpha 0 for transparent regions."""
        clear = self.clear_hints & (self.colours == CLEAR).all(axis=1)
        alpha = np.where(clear, np.uint8(0), np.uint8(255))
        return np.concatenate([np.where(clear[:, None], np.uint8(0), self.colours), alpha[:, None]], axis=1)


def read_wishes(request: ColorizeRequest, regions: Regions) -> Wishes:
    """Reads the request's hints and bindings; if a region has both, the hint has priority.

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
    """(n,): the index of the wish that each region follows on one side, -1 for none.

    Args:
        wishes: m chosen colours.
        colouring: the colouring of that side; None if it has no colours.
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
    """(len(leaders), n): the common fraction of the attention of regions; 0 if their colours differ."""
    looks = torch.from_numpy(colouring.attention)
    share = looks / looks.sum(1, keepdim=True).clamp_min(1e-9)
    # The common part of two distributions is 1 minus half of their L1 distance.
    common = 1 - torch.cdist(share[torch.from_numpy(leaders)], share, p=1).numpy() / 2
    same = (colouring.colours[leaders][:, None] == colouring.colours[None]).all(axis=2)
    return np.where(same, common, np.float32(0))


def spot_colour(references: Sequence[Reference], binding: Binding) -> tuple[int, ...]:
    """The colour of a binding's spot, RGB: the pixel around it that is nearest to the median of these pixels."""
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
    """By region: its most frequent colour among the pixels in the middle of strokes."""
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
    """(N,): for each column of `groups` the sum of `counts` over all equal columns."""
    _, group = np.unique(groups, axis=1, return_inverse=True)
    return np.bincount(group.ravel(), counts).astype(np.float64)[group.ravel()]


def _middles(drawn: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """(H, W): which pixels are in the middle of a stroke; and for each of those the number of its stroke."""
    padded = np.pad(drawn, 1).view(
        np.uint8
    )  # so that a stroke that ends at the edge of the part isn't deeper there
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    strokes = cv2.connectedComponents(drawn.view(np.uint8), connectivity=8)[1]
    deepest = np.zeros(int(strokes.max()) + 1, np.float32)
    np.maximum.at(deepest, strokes[drawn], depth[drawn])
    middle = drawn & (depth >= _MIDDLE * deepest[strokes])
    return middle, strokes[middle].astype(np.int64)

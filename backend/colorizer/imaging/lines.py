"""From a sketch layer to its ink: how dark each place is drawn, whatever paper, pen or camera it came from.

Recognises lines on transparency, on paper and on black, coloured pencils, faint photographs and screentone. It decides
nothing about areas (`colorizer.imaging.regions`) and never changes the sketch itself.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.errors import NothingToColour
from colorizer.imaging.values import Picture

Ink = NDArray[np.uint8]
"""(H, W), 255 = drawn with full force, 0 = paper."""

_PAPER_SIDE = 256
"""Paper and light change slowly: they are measured on a copy of this size."""
_SURE = 0.3
"""Share of the usual line's force above which a pixel is a line."""
_FAINTEST = 20
"""Ink (of 255) that no line falls below."""
_FORCE_STEP = 16.0
"""The usual force is known no finer than this, so that one more stroke doesn't move the borders of all others: on 40
drawings 4.0 % of the regions away from a stroke changed by some pixel without it, 0.2 % with it."""
_GRAIN = 0.002
"""Sides of the largest grain that is no part of any line, as a share of the longer side."""
_WIDEST_DOT = 0.012
"""Widest dot of a screentone, as a share of the longer side."""
_FEWEST_DOTS = 400
_QUIET_GRAIN = 1.5
"""Mean step between neighbouring paper pixels above which the paper is smoothed."""
_DARKEST_SHADOW = 100
"""How much darker than the paper a shadow may be; what is darker still is ink."""


def has_paper(sketch: Picture) -> bool:
    """Whether the layer is opaque, so that colours can only be seen through it when it is multiplied."""
    alpha = cv2.extractChannel(sketch, 3)
    return bool(np.count_nonzero(alpha >= 250) > 0.5 * alpha.size)


def has_dark_paper(sketch: Picture) -> bool:
    """Whether it is light lines on black: the picture and its border are mostly black and opaque."""
    if not has_paper(sketch):
        return False
    dark = 255 - cv2.min(cv2.min(sketch[..., 0], sketch[..., 1]), sketch[..., 2])
    border = np.concatenate([dark[0], dark[-1], dark[:, 0], dark[:, -1]])
    return bool(np.median(border) > 200 and np.median(_small(dark)) > 200)


def find_ink(sketch: Picture) -> Ink:
    """The sketch's ink, 255 = full force, of the sketch's size.

    Raises:
        NothingToColour: the layer is transparent, blank, all black or too small to hold a drawing.
    """
    if min(sketch.shape[:2]) < 8:
        raise NothingToColour("The sketch is only a few pixels large. Choose a layer with a drawing on it.")
    if not sketch[..., 3].any():
        raise NothingToColour("The sketch layer is empty. Draw on it or choose another layer.")
    darkness = _darkness(sketch)
    if int(darkness.max()) - int(darkness.min()) < 10:
        raise NothingToColour(
            "The sketch layer holds no lines, only one even colour. Choose the layer with the lines."
        )
    ink = _without_paper(darkness)
    ink = _without_screentone(ink)
    if not line_mask(ink).any():
        raise NothingToColour("No lines were found in the sketch layer. Choose the layer with the lines.")
    return ink


def line_mask(ink: Ink) -> NDArray[np.uint8]:
    """(H, W), 1 = line: ink that stands out from its surroundings. Large areas of even ink are no lines."""
    contrast: Ink = cv2.subtract(ink, _ground(ink))
    threshold = max(_FAINTEST, _SURE * _usual_force(contrast))
    lines: NDArray[np.uint8] = cv2.threshold(contrast, threshold, 1, cv2.THRESH_BINARY)[1]
    return lines


def without_grains(lines: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A line mask less the grains too small for a stroke: they make openings look narrower than they are."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
    grain = stats[:, cv2.CC_STAT_AREA] < (_GRAIN * max(lines.shape)) ** 2
    return np.where(grain[labels], np.uint8(0), lines) if grain.any() else lines


def _darkness(sketch: Picture) -> Ink:
    """255 = furthest from the paper, paper being white, nothing, or (for light lines on dark) black."""
    # The darkest channel: a light blue pencil is nearly white in luminance, but not in red.
    dark = 255 - cv2.min(cv2.min(sketch[..., 0], sketch[..., 1]), sketch[..., 2])
    alpha = cv2.extractChannel(sketch, 3)
    if alpha.min() == 255:
        if has_dark_paper(sketch):
            return cv2.max(cv2.max(sketch[..., 0], sketch[..., 1]), sketch[..., 2])  # type: ignore[no-any-return]
        return dark  # type: ignore[no-any-return]
    painted = dark[alpha > 127]
    if painted.size == 0:  # a very faint layer: its alpha is all there is
        return alpha  # type: ignore[no-any-return]
    if np.percentile(painted, 90) < 96:  # nothing dark in it: light ink made for a dark canvas
        return alpha  # type: ignore[no-any-return]
    return np.rint(dark * (alpha.astype(np.float32) / 255)).astype(np.uint8)  # type: ignore[no-any-return]


def _without_paper(darkness: Ink) -> Ink:
    """Takes away the paper's own tone and uneven light, and gives faint lines their full force."""
    small = _small(darkness)
    quarter, paper, three_quarters = (int(value) for value in np.percentile(small, (25, 50, 75)))
    if paper <= 4 and three_quarters - quarter <= 2:
        return darkness
    # Opening, not eroding: the edge of a dark table or of a shadow must not look like a line.
    ground = cv2.resize(
        cv2.morphologyEx(small, cv2.MORPH_OPEN, np.ones((9, 9), np.uint8)), darkness.shape[::-1]
    )
    thin = cv2.subtract(darkness, ground)
    grain = _grain(thin)
    force = max(_usual_force(thin), 12.0)
    # Broad black areas stay: they are ink too, only paper and shadow aren't as dark.
    ink = cv2.subtract(darkness, np.minimum(ground, min(255, paper + _DARKEST_SHADOW)))
    if grain > _QUIET_GRAIN:
        ink = cv2.GaussianBlur(ink, (0, 0), max(1.0, max(ink.shape) / 1000))
    ink = cv2.subtract(ink, min(40.0, 2 * grain))
    return cv2.convertScaleAbs(ink, alpha=max(1.0, 255 / force))  # type: ignore[no-any-return]


def _grain(ink: Ink) -> float:
    """How much neighbouring pixels of the paper differ: the mean step between a pixel and its neighbourhood."""
    height, width = ink.shape
    middle = ink[height // 2 - 256 if height > 512 else 0 :, width // 2 - 256 if width > 512 else 0 :][
        :512, :512
    ]
    step = cv2.absdiff(middle, cv2.medianBlur(np.ascontiguousarray(middle), 5))
    return float(np.mean(step[step <= 40]))


def _without_screentone(ink: Ink) -> Ink:
    """Clears fields of printed dots: hundreds of alike specks are no lines."""
    if not _dots(_at_most(ink, 1024))[0]:
        return ink
    found, dots = _dots(ink)
    if not found:
        return ink
    cleaned = ink.copy()
    cleaned[cv2.dilate(dots, np.ones((3, 3), np.uint8)) > 0] = 0
    return cleaned


def _dots(ink: Ink) -> tuple[bool, NDArray[np.uint8]]:
    """Whether there is screentone, and (H, W) 1 = its dots."""
    lines = (ink > 127).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
    longest = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    speck = longest <= max(4, _WIDEST_DOT * max(ink.shape))
    speck[0] = False
    if np.count_nonzero(speck) < _FEWEST_DOTS:
        return False, lines
    area = stats[:, cv2.CC_STAT_AREA]
    dots = speck & (area <= 4 * np.median(area[speck]))
    return True, dots[labels].astype(np.uint8)


def _usual_force(contrast: Ink) -> float:
    """The contrast that all but the darkest tenth of the drawn pixels stay below, rounded (see `_FORCE_STEP`)."""
    counts = cv2.calcHist([contrast], [0], None, [256], [0, 256]).ravel()
    counts[:13] = 0
    total = counts.sum(dtype=np.float64)
    if total == 0:
        return 255.0
    force = float(np.searchsorted(np.cumsum(counts, dtype=np.float64), 0.9 * total))
    return max(_FORCE_STEP, round(force / _FORCE_STEP) * _FORCE_STEP)


def _at_most(values: Ink, side: int) -> Ink:
    height, width = values.shape
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA) if scale < 1 else values


def _small(values: Ink) -> Ink:
    height, width = values.shape
    step = max(1, max(height, width) // _PAPER_SIDE)
    size = (max(1, width // step), max(1, height // step))
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA)  # type: ignore[no-any-return]


def _ground(ink: Ink) -> Ink:
    """The slowly changing tone that the drawing stands on: the least ink around, smoothed."""
    low = cv2.erode(_small(ink), np.ones((9, 9), np.uint8))
    low = cv2.GaussianBlur(low, (0, 0), 4)
    return cv2.resize(low, ink.shape[::-1])  # type: ignore[no-any-return]

"""Extracts the ink of a sketch layer: how strongly each pixel is drawn, independent of paper, pen or camera.

Ink is the difference from the paper (`colorizer.imaging.paper`). Every line is compared with its surroundings, so that
a pale line beside black ones is found, too. `colorizer.imaging.regions` finds the areas between the lines. The sketch
itself is never changed.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.errors import NothingToColour
from colorizer.imaging.coloured import ColouredLines, what_coloured_are, where_coloured
from colorizer.imaging.paper import Paper, find_paper, levelled, small
from colorizer.imaging.table import without_table
from colorizer.imaging.values import Picture

Ink = NDArray[np.uint8]
"""(H, W), 255 = full ink, 0 = paper."""

_SURE = 0.3
"""Fraction of the strongest ink nearby above which a pixel is a line."""
_CLOSE = 0.005
"""Width of the neighbourhood for `_SURE`, as a fraction of the longer side."""
_EDGE_ROUNDING = 24
"""Ink below which the soft edge of semi-transparent paper may be a rounding error, 0..255."""
_FAINTEST, _CLEAR_OF_NOISE = 14, 6
"""Least ink of a line (of 255), and its least ratio to the noise."""
_FORCE_STEP = 16.0
"""Step to which the contrast of faint lines is rounded, so that an additional stroke doesn't change all others."""
_GRAIN = 0.002
"""Largest side of a grain that isn't part of a line, as a fraction of the longer side."""
_SHORT_PIECE = 16
"""Length of a short piece of a broken line, in strokes' widths."""
_WIDEST_DOT = 0.012
"""Largest width of a screentone's dot, as a fraction of the longer side."""
_FEWEST_DOTS = 400
_QUIET_GRAIN = 1.5
"""Mean difference of neighbouring paper pixels above which the paper is smoothed."""
_PALEST_GRAIN = 3
"""Range of the grain below the paper's tone, as a multiple of the mean difference of neighbouring pixels."""
_LIGHT_INK = 96
"""Darkness below which nine tenths of the painted pixels are if the ink is light, for a dark canvas."""


def find_ink(sketch: Picture) -> Ink:
    """The sketch's ink, 255 = full ink, of the sketch's size. Raises the same errors as `read_lines`."""
    return read_lines(sketch)[0]


def read_lines(
    sketch: Picture, coloured: ColouredLines = ColouredLines.AUTOMATIC
) -> tuple[Ink, ColouredLines | None]:
    """Extracts the sketch's ink, of the sketch's size, and the kind of its coloured lines.

    Args:
        sketch: (H, W, 4).
        coloured: the kind of the coloured lines, or `AUTOMATIC` to detect it. Roughs are left out of the ink.

    Returns:
        The ink, and the kind (None: there are no coloured lines beside black ones).

    Raises:
        NothingToColour: the layer is transparent, blank, all black or too small for a drawing.
    """
    if min(sketch.shape[:2]) < 8:
        raise NothingToColour("The sketch is only a few pixels large. Choose a layer with a drawing on it.")
    if not sketch[..., 3].any():
        raise NothingToColour("The sketch layer is empty. Draw on it or choose another layer.")
    sketch = without_table(sketch)
    paper = find_paper(sketch)
    darkness = _darkness(sketch, paper)
    if int(darkness.max()) - int(darkness.min()) < 10:
        raise NothingToColour(
            "The sketch layer contains no lines, only one colour. Choose the layer with the lines."
        )
    ink = darkness if paper.is_clean else _without_noise(darkness)
    found = what_coloured_are(sketch, paper, coloured)
    if found is ColouredLines.ROUGHS:
        ink = np.where(where_coloured(sketch, paper), np.uint8(0), ink)
    ink = _without_screentone(ink)
    contrast = cv2.subtract(ink, _ground(ink))
    if int(contrast.max()) <= _least(contrast):  # the strongest pixel would be a line
        raise NothingToColour("No lines were found in the sketch layer. Choose the layer with the lines.")
    return ink, found


def line_mask(ink: Ink) -> NDArray[np.uint8]:
    """(H, W), 1 = line: ink that is stronger than its surroundings. Large areas of even ink aren't lines."""
    contrast: Ink = cv2.subtract(ink, _ground(ink))
    reach = 2 * max(2, round(_CLOSE / 2 * max(ink.shape))) + 1
    limit = cv2.convertScaleAbs(cv2.dilate(contrast, np.ones((reach, reach), np.uint8)), alpha=_SURE)
    lines: NDArray[np.uint8] = cv2.threshold(
        cv2.subtract(contrast, cv2.max(limit, _least(contrast))), 0, 1, cv2.THRESH_BINARY
    )[1]
    return lines


def _least(contrast: Ink) -> int:
    """The contrast that a line exceeds, whatever is near it."""
    return min(80, _FAINTEST + _CLEAR_OF_NOISE * int(_grain(contrast)))


def clean_lines(sketch: Picture, coloured: str = "") -> Picture:
    """The sketch for placing it on finished colours: with white paper (black, if it is dark) and without trace lines.

    So neither the paper's tone nor uneven light tints the colours, and no pale lines remain on them.
    """
    sketch = without_table(sketch)
    paper = find_paper(sketch)
    if coloured == ColouredLines.TRACE_LINES:
        traced = where_coloured(sketch, paper)
        sketch = sketch.copy()
        if not paper.is_painted:
            sketch[traced, 3] = 0
        elif paper.is_dark:
            sketch[traced, :3] = 0
        else:
            sketch[traced, :3] = 255
    if paper.is_clean:
        return sketch
    darkness = _darkness(sketch, paper)
    return levelled(sketch, paper, _PALEST_GRAIN * _grain(cv2.subtract(darkness, _ground(darkness))))


def stroke_width(lines: NDArray[np.uint8]) -> float:
    """The typical width, in pixels, of a line mask's strokes: twice their area divided by the length of their outline.

    It is rounded in steps of a factor of 1.4, so that an additional stroke doesn't change the results that depend on
    it.
    """
    square = np.ones((3, 3), np.uint8)
    whole = cv2.morphologyEx(lines, cv2.MORPH_CLOSE, square)
    area = cv2.countNonZero(whole)
    outline = area - cv2.countNonZero(cv2.erode(whole, square))
    return float(2 ** (round(2 * np.log2(max(1.0, 2 * area / max(1, outline)))) / 2))


def in_short_pieces(lines: NDArray[np.uint8], stroke: float) -> float:
    """The fraction of a line mask's ink in short pieces, which is large if the lines are broken everywhere.

    Args:
        lines: the line mask.
        stroke: the width of its strokes.
    """
    _, _, stats, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
    lengths = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return float(areas[lengths < _SHORT_PIECE * stroke].sum() / max(1, areas.sum()))


def without_grains(lines: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A line mask without grains that are too small for a stroke; they would make openings look narrower."""
    count, labels = cv2.connectedComponents(lines, connectivity=8)
    grain = label_areas(labels, count) < (_GRAIN * max(lines.shape)) ** 2
    return np.where(grain[labels], np.uint8(0), lines) if grain.any() else lines


def label_areas(labels: NDArray[np.int32], count: int) -> NDArray[np.intp]:
    """(count,): the number of pixels of each label; a histogram takes a third of the time of `np.bincount`."""
    if count > 2**16:
        return np.bincount(labels.ravel(), minlength=count)
    histogram = cv2.calcHist([labels.astype(np.uint16)], [0], None, [count], [0, count])
    areas: NDArray[np.intp] = histogram.ravel().astype(np.intp)
    return areas


def _darkness(sketch: Picture, paper: Paper) -> Ink:
    """(H, W): the difference from the paper, up to 255; transparent pixels are paper."""
    alpha = cv2.extractChannel(sketch, 3)
    opaque = alpha.min() == 255
    near = None if opaque or not paper.is_painted else cv2.resize(paper.alpha, alpha.shape[::-1])
    if near is not None and not paper.is_dark:
        sketch = _unmultiplied(sketch, alpha, near)
    dark = _distance(sketch, paper)
    if opaque:
        return dark
    if near is None:
        seen = dark[alpha > 127]
        if (
            seen.size == 0 or np.percentile(seen, 90) < _LIGHT_INK
        ):  # the ink is light, or the layer is very faint
            return alpha  # type: ignore[no-any-return]
    ink = cv2.multiply(dark, alpha, scale=1 / 255)
    if near is not None and paper.alpha[paper.alpha > 0].min() < 250:  # lines on semi-transparent paper
        ink = cv2.divide(ink, np.where(near == 0, np.uint8(255), np.maximum(near, 64)), scale=255)
        # On the soft edge of very transparent paper, 8 bits are too coarse for anything fainter.
        ink = np.where((alpha < near) & (ink < _EDGE_ROUNDING), np.uint8(0), ink)
    return ink  # type: ignore[no-any-return]


def _distance(sketch: Picture, paper: Paper) -> Ink:
    """How much darker each pixel is than light paper, or lighter than dark paper."""
    # The channel with the largest difference: a light blue pencil is nearly white in luminance, but not in red.
    channels = [cv2.extractChannel(sketch, channel) for channel in range(3)]
    if paper.is_clean:
        if paper.is_dark:
            return cv2.max(cv2.max(channels[0], channels[1]), channels[2])  # type: ignore[no-any-return]
        return cv2.bitwise_not(cv2.min(cv2.min(channels[0], channels[1]), channels[2]))  # type: ignore[no-any-return]
    furthest = np.zeros(sketch.shape[:2], np.uint8)
    for channel, values in enumerate(channels):
        ground = cv2.resize(np.ascontiguousarray(paper.colours[..., channel]), values.shape[::-1])
        apart = cv2.subtract(values, ground) if paper.is_dark else cv2.subtract(ground, values)
        furthest = cv2.max(furthest, apart)
    return furthest


def _unmultiplied(sketch: Picture, alpha: Ink, near: Ink) -> Picture:
    """Removes the black from the paper's soft edge: programs that rotate a page may mix it with transparent black."""
    edge = (alpha > 0) & (alpha < near)
    if not edge.any():
        return sketch
    result = sketch.copy()
    share = near[edge, None] / alpha[edge, None].astype(np.float32)
    result[edge, :3] = np.minimum(sketch[edge, :3] * share, 255).astype(np.uint8)
    return result


def _without_noise(darkness: Ink) -> Ink:
    """Removes the paper's grain and scales faint lines to full ink."""
    contrast = cv2.subtract(darkness, _ground(darkness))
    grain, force = _grain(contrast), max(_usual_force(contrast), 12.0)
    ink = darkness
    if grain > _QUIET_GRAIN:
        ink = cv2.GaussianBlur(ink, (0, 0), max(1.0, max(ink.shape) / 1000))
    ink = cv2.subtract(ink, min(40.0, 2 * grain))
    return cv2.convertScaleAbs(ink, alpha=max(1.0, 255 / force))  # type: ignore[no-any-return]


def _grain(ink: Ink) -> float:
    """The mean difference between a pixel of the paper and its neighbourhood."""
    height, width = ink.shape
    middle = ink[height // 2 - 256 if height > 512 else 0 :, width // 2 - 256 if width > 512 else 0 :][
        :512, :512
    ]
    step = cv2.absdiff(middle, cv2.medianBlur(np.ascontiguousarray(middle), 5))
    return float(np.mean(step[step <= 40]))


def _without_screentone(ink: Ink) -> Ink:
    """Removes screentone: hundreds of similar dots aren't lines."""
    if not _dots(_at_most(ink, 1024))[0]:
        return ink
    found, dots = _dots(ink)
    if not found:
        return ink
    cleaned = ink.copy()
    cleaned[cv2.dilate(dots, np.ones((3, 3), np.uint8)) > 0] = 0
    return cleaned


def _dots(ink: Ink) -> tuple[bool, NDArray[np.uint8]]:
    """Whether there is screentone, and (H, W), 1 = its dots."""
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
    """The ninth decile of the contrast of the drawn pixels, rounded (see `_FORCE_STEP`)."""
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


def _ground(ink: Ink) -> Ink:
    """The slowly changing tone of the background: the smoothed minimum of the ink."""
    low = cv2.erode(small(ink), np.ones((9, 9), np.uint8))
    low = cv2.GaussianBlur(low, (0, 0), 4)
    return cv2.resize(low, ink.shape[::-1])  # type: ignore[no-any-return]

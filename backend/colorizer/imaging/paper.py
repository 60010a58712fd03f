"""Detects the paper of a sketch: paper of any tone and opacity, dark paper, or none (lines on transparency).

It is detected from broad areas of paint at each place of the canvas, because strokes are thin and paper isn't; where
the sketch is transparent there is neither. `colorizer.imaging.lines` finds the lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.imaging.table import without_table
from colorizer.imaging.values import Picture

Plane = NDArray[np.uint8]

SIDE = 256
"""Longer side, in pixels, of the copy on which paper is detected. It is small, because tone and light change slowly."""
_BROAD = 0.02
"""Width from which paint is broader than a stroke, as a fraction of the longer side."""
_LEAST = 0.5
"""Least fraction of the paint, without dark fills, that must be broad and light for it to be paper."""
_DARK = 90
"""Value of the lightest channel up to which broad paint is dark: filled areas or dark paper."""
_TONED = 190
"""Value of the lightest channel up to which paper may be dark paper, if it has more light lines than dark ones."""
_DARK_SHEET = 0.5
"""Least fraction of the canvas that dark paper covers."""
_SHADOW = 100
"""Largest difference between a shadow and the paper; darker paint is ink."""
_STROKE, _FAINT, _DRAWN = 0.2, 12, 0.003
"""For paper in shadow: the least difference of a stroke from it, as a fraction and of 255, and the least fraction of it
that strokes cover."""
_WHITE, _EVEN = 251, 2
"""Least value of the channels of clean white paper, and the largest difference of their quartiles."""
_LINES, _SHARE = 24, 5e-4
"""Least difference of lines from the paper, and the least fraction of it that they cover."""
_REACH = 9
"""Side of the window in which the lightest paint is treated as paper, in pixels of the copy; wider than a line."""


@dataclass(frozen=True)
class Paper:
    """The paper below the lines; (h, w) is the size of the small copy."""

    colours: NDArray[np.uint8]
    """(h, w, 3) sRGB; extrapolated where nothing is painted; white if there is no paper."""
    alpha: Plane
    """(h, w): the opacity of the paper in the neighbourhood; 0 where there is none."""
    is_dark: bool
    """Whether the sketch has light lines on dark paper."""

    @property
    def is_painted(self) -> bool:
        """Whether there is paper; otherwise the lines are on transparency."""
        return bool(self.alpha.any())

    @property
    def is_clean(self) -> bool:
        """Whether there is no paper, or it is completely white (black, if it is dark)."""
        if not self.is_painted:
            return True
        seen = self.colours[self.alpha > 0]
        tones = 255 - seen if self.is_dark else seen
        low, middle, high = np.percentile(tones.min(axis=1), (25, 50, 75))
        return bool(middle >= _WHITE and high - low <= _EVEN)


def find_paper(sketch: Picture) -> Paper:
    """Detects the paper of a sketch (H, W, 4)."""
    sketch = without_table(sketch)
    alpha = cv2.extractChannel(sketch, 3)
    painted, opened = _support(alpha)
    none = Paper(np.full((*painted.shape, 3), 255, np.uint8), np.zeros_like(painted), is_dark=False)
    broad = opened > 12
    if not broad.any():
        return none
    colours = _colours(sketch, alpha, painted)
    darkest, lightest = colours.min(axis=2), colours.max(axis=2)
    if _is_dark_sheet(sketch, lightest, broad):
        toned = broad & (lightest <= _TONED)
        return _paper(255 - colours, opened, toned, np.zeros_like(toned), is_dark=True)
    dark = broad & (lightest <= _DARK)
    light = broad & ~dark
    tone = np.percentile(darkest[light], 95) if light.any() else 0
    light &= darkest >= tone - 1.5 * _SHADOW
    shade = _in_shadow(sketch, colours, broad, tone - _SHADOW)
    light |= shade
    dark &= ~shade
    left = painted.sum(dtype=np.float64) - painted[dark].sum(dtype=np.float64)
    if not light.any() or painted[light].sum(dtype=np.float64) < _LEAST * left:
        if painted.min() == 255:  # nothing can be seen through it, whatever it is
            return _paper(255 - colours, opened, broad, np.zeros_like(broad), is_dark=True)
        return none
    if painted.min() < 255 and not _holds_lines(sketch, light, tone):
        return none
    return _paper(colours, opened, light, shade, is_dark=False)


def has_dark_paper(sketch: Picture) -> bool:
    """Whether the sketch has light lines on dark paper."""
    return find_paper(sketch).is_dark


def levelled(sketch: Picture, paper: Paper, noise: float) -> Picture:
    """The sketch with its paper made white (black, if it is dark), so that the paper doesn't tint the colours below.

    Args:
        sketch: (H, W, 4).
        paper: the sketch's paper.
        noise: the variation of the paper's pixels, 0..255, which is removed, too.
    """
    if paper.is_clean:
        return sketch
    height, width = sketch.shape[:2]
    result = sketch.copy()
    for channel in range(3):
        ground = cv2.resize(paper.colours[..., channel], (width, height), interpolation=cv2.INTER_LINEAR)
        values = np.ascontiguousarray(sketch[..., channel])
        if paper.is_dark:
            values, ground = 255 - values, 255 - ground
        white = cv2.subtract(ground, noise)
        lighter = cv2.divide(values, np.maximum(white, 1), scale=255)
        result[..., channel] = 255 - lighter if paper.is_dark else lighter
    return result


def small(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A plane or picture scaled down to the size of the small copy by averaging."""
    height, width = plane.shape[:2]
    step = max(1, max(height, width) // SIDE)
    size = (max(1, width // step), max(1, height // step))
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)  # type: ignore[no-any-return]


def _support(alpha: Plane) -> tuple[Plane, Plane]:
    """The opacity of the paint, and of broad paint only, each (h, w)."""
    painted = small(alpha)
    if alpha.min() == 255:
        return painted, painted
    height, width = alpha.shape
    scale = min(1.0, 4 * SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    middle = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    reach = 2 * max(1, round(_BROAD / 2 * max(size))) + 1
    opened = cv2.morphologyEx(middle, cv2.MORPH_OPEN, np.ones((reach, reach), np.uint8))
    return painted, cv2.resize(opened, painted.shape[::-1], interpolation=cv2.INTER_AREA)


def _colours(sketch: Picture, alpha: Plane, painted: Plane) -> NDArray[np.uint8]:
    """(h, w, 3): the mean colour of the painted pixels."""
    if painted.min() == painted.max():
        return np.ascontiguousarray(small(sketch)[..., :3])
    weighted = [
        small(cv2.multiply(np.ascontiguousarray(sketch[..., channel]), alpha, scale=1 / 255))
        for channel in range(3)
    ]
    planes = [cv2.divide(plane, np.maximum(painted, 1), scale=255) for plane in weighted]
    return cv2.merge(planes)  # type: ignore[no-any-return]


def _is_dark_sheet(sketch: Picture, lightest: Plane, broad: NDArray[np.bool_]) -> bool:
    """Whether most of the canvas and of its edge is broad toned paint with more light lines than dark ones."""
    toned = broad & (lightest <= _TONED)
    if toned.mean() < _DARK_SHEET:
        return False
    border, toned_border = np.concatenate(_edges(broad)), np.concatenate(_edges(toned))
    if border.any() and toned_border[border].mean() <= 0.5:
        return False
    height, width = sketch.shape[:2]
    scale = min(1.0, 4 * SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    grey = cv2.cvtColor(cv2.resize(sketch, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGBA2GRAY)
    reach = np.ones((2 * max(1, round(_BROAD / 2 * max(size))) + 1,) * 2, np.uint8)
    light, dark = (
        cv2.morphologyEx(grey, way, reach).mean() for way in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)
    )
    if light == dark:  # there are no lines, or they are as wide as paper
        return bool(np.median(lightest[toned]) <= _DARK)
    return bool(light > dark)


def _in_shadow(
    sketch: Picture, colours: NDArray[np.uint8], broad: NDArray[np.bool_], tone: float
) -> NDArray[np.bool_]:
    """(h, w): the broad paint darker than `tone` that is paper in shadow, because strokes on it are darker still."""
    reach = np.ones((_REACH, _REACH), np.uint8)
    darkest = cv2.morphologyEx(colours, cv2.MORPH_CLOSE, reach).min(axis=2)
    wide = cv2.morphologyEx(((darkest < tone) & broad).view(np.uint8), cv2.MORPH_OPEN, reach)
    if not wide.any():
        return np.zeros(wide.shape, bool)
    step = max(1, max(sketch.shape[:2]) // (2 * SIDE))
    size = (max(1, sketch.shape[1] // step), max(1, sketch.shape[0] // step))
    grey = cv2.cvtColor(cv2.resize(sketch, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGBA2GRAY)
    grey = cv2.GaussianBlur(grey, (0, 0), 1)
    ground = cv2.morphologyEx(grey, cv2.MORPH_CLOSE, np.ones((2 * _REACH + 1,) * 2, np.uint8))
    stroke = cv2.subtract(ground, grey) > np.maximum(_STROKE * ground, _FAINT)
    _, pieces = cv2.connectedComponents(wide)
    inner = cv2.resize(cv2.erode(wide, np.ones((3, 3), np.uint8)), size, interpolation=cv2.INTER_NEAREST)
    inside = cv2.resize(pieces, size, interpolation=cv2.INTER_NEAREST) * inner
    count = np.bincount(inside.ravel(), minlength=int(pieces.max()) + 1)
    drawn = np.bincount(inside[stroke], minlength=len(count))
    is_paper: NDArray[np.bool_] = drawn > _DRAWN * count
    is_paper[0] = False
    return np.asarray(is_paper[pieces] & broad, bool)


def _holds_lines(sketch: Picture, light: NDArray[np.bool_], tone: float) -> bool:
    """Whether the light paint has dark lines on it; otherwise it is light ink, for a dark canvas."""
    step = max(1, max(sketch.shape[:2]) // (4 * SIDE))
    sample = np.ascontiguousarray(sketch[::step, ::step])
    around = cv2.dilate(light.view(np.uint8), np.ones((5, 5), np.uint8))
    on_it = cv2.resize(around, sample.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
    seen = sample[on_it & (sample[..., 3] > 12), :3].min(axis=1)
    return bool((seen < tone - _LINES).mean() > _SHARE) if len(seen) else False


def _edges(plane: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], ...]:
    return plane[0], plane[-1], plane[:, 0], plane[:, -1]


def _paper(
    colours: NDArray[np.uint8],
    opened: Plane,
    sure: NDArray[np.bool_],
    shade: NDArray[np.bool_],
    *,
    is_dark: bool,
) -> Paper:
    """The paper, extrapolated from where it is certain.

    Args:
        colours: (h, w, 3), inverted if the paper is dark.
        opened: (h, w), the opacity of broad paint.
        sure: (h, w), where there certainly is paper.
        shade: (h, w), where the paper is in shadow.
        is_dark: whether it is dark paper.
    """
    # A morphological closing instead of the maximum, so that the edge of a dark table or shadow isn't seen as a line.
    # The colours are extrapolated in between, because an outline often covers the edge of the paper.
    around = np.ones((_REACH, _REACH), np.uint8)
    tones = cv2.dilate(np.where(sure[..., None], colours, np.uint8(0)), around)
    tones = cv2.erode(_continued(tones, sure), around)
    usual = np.median(tones[sure], axis=0)
    least = np.maximum(usual - _SHADOW, 0).astype(np.uint8)
    shade = cv2.dilate(shade.view(np.uint8), np.ones((_REACH, _REACH), np.uint8)) > 0
    tones = np.where(shade[..., None], tones, np.maximum(tones, least))
    alpha = np.where(sure, opened, np.uint8(0))
    alpha = cv2.dilate(
        alpha, np.ones((_REACH, _REACH), np.uint8)
    )  # restores the corners, which opening has rounded off
    return Paper(255 - tones if is_dark else tones, alpha, is_dark=is_dark)


def _continued(colours: NDArray[np.uint8], sure: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The colours where they are certain, elsewhere those of the nearest certain pixel."""
    if sure.all():
        return colours
    _, seed = cv2.distanceTransformWithLabels(
        (~sure).view(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    known = np.concatenate([np.zeros((1, 3), np.uint8), colours[sure]])
    return np.take(known, seed, axis=0)  # type: ignore[no-any-return]

"""What the lines of a sketch lie on: painted paper of any tone and opacity, dark paper, or nothing.

Decided from what is painted broadly, place by place: strokes are thin, paper is not; what is transparent is neither.
Lines themselves are found in `colorizer.imaging.lines`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.imaging.values import Picture

Plane = NDArray[np.uint8]

SIDE = 256
"""Longer side, px, of the copy on which paper is looked at: its tone and the light change slowly."""
_BROAD = 0.02
"""Width, as a share of the longer side, from which paint is broader than a stroke."""
_LEAST = 0.5
"""Share of what is painted (dark fills apart) that has to be broad and light for it to be paper."""
_DARK = 90
"""Lightest channel up to which broad paint is dark: ink filled in, or dark paper."""
_TONED = 190
"""Lightest channel up to which paper may be dark: then light lines on it have to outweigh dark ones."""
_DARK_SHEET = 0.5
"""Share of the canvas that dark paper covers."""
_SHADOW = 100
"""How much darker than the paper a shadow may be; what is darker still is ink."""
_STROKE, _FAINT, _DRAWN = 0.2, 12, 0.003
"""How much a stroke takes of the light on paper in shadow, as a share and of 255, and the share of it that strokes
cover, at least."""
_WHITE, _EVEN = 251, 2
"""Channels of clean white paper, and how far apart their quartiles are at most."""
_LINES, _SHARE = 24, 5e-4
"""How much darker than paper lines are, and what share of it they cover at least."""
_REACH = 9
"""Side, px of the small copy, of the window in which the lightest paint is paper: wider than any line."""


@dataclass(frozen=True)
class Paper:
    """The paper below the lines. h, w: the size of the small copy."""

    colours: NDArray[np.uint8]
    """(h, w, 3) sRGB; continued where nothing is painted, white where there is no paper at all."""
    alpha: Plane
    """(h, w): how opaquely the paper is painted in the neighbourhood; 0 where there is none."""
    is_dark: bool
    """Light lines on dark paper."""

    @property
    def is_painted(self) -> bool:
        """Whether there is paper at all; else the lines lie on transparency."""
        return bool(self.alpha.any())

    @property
    def is_clean(self) -> bool:
        """Whether there is none, or it is white all over (black, if it is dark)."""
        if not self.is_painted:
            return True
        seen = self.colours[self.alpha > 0]
        tones = 255 - seen if self.is_dark else seen
        low, middle, high = np.percentile(tones.min(axis=1), (25, 50, 75))
        return bool(middle >= _WHITE and high - low <= _EVEN)


def find_paper(sketch: Picture) -> Paper:
    """The paper of a sketch (H, W, 4)."""
    alpha = cv2.extractChannel(sketch, 3)
    painted, opened = _support(alpha)
    colours = _colours(sketch, alpha, painted)
    none = Paper(np.full_like(colours, 255), np.zeros_like(painted), is_dark=False)
    broad = opened > 12
    if not broad.any():
        return none
    darkest, lightest = colours.min(axis=2), colours.max(axis=2)
    if _is_dark_sheet(sketch, lightest, broad):
        toned = broad & (lightest <= _TONED)
        return _paper(255 - colours, opened, toned, np.zeros_like(toned), is_dark=True)
    dark = broad & (lightest <= _DARK)
    light = broad & ~dark
    tone = np.percentile(darkest[light], 95) if light.any() else 0
    light &= darkest >= tone - 1.5 * _SHADOW
    shade = broad & _in_shadow(sketch, colours, tone - _SHADOW)
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


def has_paper(sketch: Picture) -> bool:
    """Whether the layer has paper of its own, so that colours can only be seen through it when it is multiplied."""
    return find_paper(sketch).is_painted


def has_dark_paper(sketch: Picture) -> bool:
    """Whether it is light lines on dark paper."""
    return find_paper(sketch).is_dark


def levelled(sketch: Picture, paper: Paper, noise: float) -> Picture:
    """The sketch with its paper made white (black, if it is dark), so that it doesn't tint what is seen through it.

    Args:
        sketch: (H, W, 4).
        paper: its paper.
        noise: how far the paper's pixels vary, 0..255: as much more is taken away.
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
    """A plane or picture, averaged, at the size of the small copy."""
    height, width = plane.shape[:2]
    step = max(1, max(height, width) // SIDE)
    size = (max(1, width // step), max(1, height // step))
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)  # type: ignore[no-any-return]


def _support(alpha: Plane) -> tuple[Plane, Plane]:
    """How opaquely each place of the small copy is painted, (h, w), and the same of broad paint only."""
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
    """(h, w, 3): the mean colour of what is painted."""
    if painted.min() == painted.max():
        return np.ascontiguousarray(small(sketch)[..., :3])
    weighted = [
        small(cv2.multiply(np.ascontiguousarray(sketch[..., channel]), alpha, scale=1 / 255))
        for channel in range(3)
    ]
    planes = [cv2.divide(plane, np.maximum(painted, 1), scale=255) for plane in weighted]
    return cv2.merge(planes)  # type: ignore[no-any-return]


def _is_dark_sheet(sketch: Picture, lightest: Plane, broad: NDArray[np.bool_]) -> bool:
    """Whether most of the canvas and of its edge is broad toned paint, with more light lines on it than dark ones."""
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


def _in_shadow(sketch: Picture, colours: NDArray[np.uint8], tone: float) -> NDArray[np.bool_]:
    """(h, w): of all broad paint darker than `tone` what is paper in shadow: strokes on it are darker still."""
    reach = np.ones((_REACH, _REACH), np.uint8)
    darkest = cv2.morphologyEx(colours, cv2.MORPH_CLOSE, reach).min(axis=2)
    wide = cv2.morphologyEx((darkest < tone).view(np.uint8), cv2.MORPH_OPEN, reach)
    if not wide.any():
        return wide > 0
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
    is_paper = drawn > _DRAWN * count
    is_paper[0] = False
    return is_paper[pieces]


def _holds_lines(sketch: Picture, light: NDArray[np.bool_], tone: float) -> bool:
    """Whether anything dark lies on the light paint: else it is light ink itself, made for a dark canvas."""
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
    """Paper from where it is sure, as if it were light (`colours` turned round if it is dark); `shade`: in shadow."""
    tones = _continued(colours, sure)
    # A closing of the light, not its maximum: the edge of a dark table or of a shadow must not look like a line.
    tones = cv2.morphologyEx(tones, cv2.MORPH_CLOSE, np.ones((_REACH, _REACH), np.uint8))
    usual = np.median(tones[sure], axis=0)
    least = np.maximum(usual - _SHADOW, 0).astype(np.uint8)
    shade = cv2.dilate(shade.view(np.uint8), np.ones((_REACH, _REACH), np.uint8)) > 0
    tones = np.where(shade[..., None], tones, np.maximum(tones, least))
    alpha = np.where(sure, opened, np.uint8(0))
    alpha = cv2.dilate(alpha, np.ones((_REACH, _REACH), np.uint8))  # corners, which opening rounds off, too
    return Paper(255 - tones if is_dark else tones, alpha, is_dark=is_dark)


def _continued(colours: NDArray[np.uint8], sure: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The colours, elsewhere those of the nearest place where they are sure."""
    if sure.all():
        return colours
    _, seed = cv2.distanceTransformWithLabels(
        (~sure).view(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    known = np.concatenate([np.zeros((1, 3), np.uint8), colours[sure]])
    return np.take(known, seed, axis=0)  # type: ignore[no-any-return]

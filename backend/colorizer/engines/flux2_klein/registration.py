"""How far the model moved the drawing, and the picture moved back under the artist's lines.

An edit model draws the whole picture anew and may shift, enlarge or squeeze it. The thin dark strokes of the sketch are
looked for among those of what it drew: first everywhere at once, by correlation over all shifts at a few scales (in
the Fourier domain), then to a fraction of a pixel by Gauss-Newton (Lucas & Kanade 1981), coarse to fine, with weights
that fade for strokes the model left out (Geman-McClure). The map is one scale and one shift for each axis: what the
model redrew in another shape isn't bent back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.errors import ColorizerError
from colorizer.imaging.lines import Ink
from colorizer.imaging.values import RGB

MOST_MOVED = 0.045
"""How far the corner that moved most may be brought back, as a share of the longer side. A shift of 3 % both down and
across is 4.2 %."""
_SIDE = 128
"""Longer side, px, of what is compared everywhere at once."""
_SCALES = np.linspace(0.76, 1.28, 40)
_REFINED = ((128, 2.0), (256, 2.5), (512, 2.0), (1024, 1.0))
"""Longer side and blur, px, of the rounds; the last at most at the picture's own size."""
_OUTLIER = 0.5
"""Difference of two strokes, 0..1, at which a pixel begins to count less."""
_STEPS = 40
_NOT_WORTH_IT = 1.0
"""Pixels that a picture may be off before it is sampled anew, which softens it."""
_STROKE = 1 / 100
"""Widest stroke, as a share of the longer side; what is wider is an area."""
_SHARPENED = (2.0, 3.0)
"""Radius, px, and amount of the unsharp mask before strokes are looked for: blurred, a line between a dark and a light
area shows nearer to the dark one, and all of a figure's outline then lies too far inside or outside."""
_ON_LINE = 1 / 500
"""How near a line counts as on a stroke, as a share of the longer side."""
_SURE = 0.4
"""Share of the sketch's strokes that must lie on drawn ones, beyond what would by chance."""
_EXPLAINED = 0.15
"""Share of what was drawn as strokes that must lie on the sketch's: in noise something lies everywhere."""
_DENSEST = 0.3
"""A picture with more than this share of strokes is noise: nothing can be recognised in it."""
_LEAST_SIDE = 192
"""Pictures with a shorter longer side show too little: a few lines lie on something anywhere."""
_FEWEST = 32
"""Stroke pixels that a sketch needs to be recognised by."""

Plane = NDArray[np.float32]
Affine = NDArray[np.float32]
"""(2, 3), px: a place of the canvas to its place in what was drawn, both at the drawn size."""


class MovedPicture(ColorizerError):
    """The model's picture isn't under the sketch's lines and is too far away to be brought back."""


def _still() -> Affine:
    return np.eye(2, 3, dtype=np.float32)


@dataclass(frozen=True)
class Registration:
    """Where the canvas's places are in what was drawn."""

    matrix: Affine = field(default_factory=_still)
    found: bool = False
    """Whether the sketch's lines were recognised; where they weren't the matrix is the identity."""
    on_lines: float = 0.0
    """Share of the sketch's strokes that lie on drawn ones, beyond what would by chance."""

    def moved(self, height: int, width: int) -> float:
        """How far the corner that moved most was moved, as a share of the longer side."""
        corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float32)
        away = corners @ self.matrix.T - corners[:, :2]
        return float(np.hypot(away[:, 0], away[:, 1]).max()) / max(height, width)

    def undo(self, picture: RGB) -> RGB:
        """The picture moved back; what then lies outside of it is filled up from its border."""
        height, width = picture.shape[:2]
        if self.moved(height, width) * max(height, width) < _NOT_WORTH_IT:
            return picture
        way = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(
            picture, self.matrix, (width, height), flags=way, borderMode=cv2.BORDER_REPLICATE
        )


def register(ink: Ink, picture: RGB) -> Registration:
    """Finds the sketch's lines in a drawn picture.

    Args:
        ink: (H, W) of the sketch, 255 = line.
        picture: (h, w, 3), shows the whole canvas at any size.

    Raises:
        MovedPicture: they are there, but farther away than `MOST_MOVED`.
    """
    height, width = picture.shape[:2]
    if max(height, width) < _LEAST_SIDE:
        return Registration()
    lines = strokes(255 - cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA))
    drawn = strokes(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY))
    if (drawn > 0.5).mean() > _DENSEST or np.count_nonzero(lines > 0.5) < _FEWEST:
        return Registration()
    matrix = _anywhere(lines, drawn)
    for side, blur in _REFINED:
        matrix = _refined(lines, drawn, matrix, side, blur)
    on_lines, explained = _agreement(lines, drawn, matrix)
    across, down = float(matrix[0, 0]), float(matrix[1, 1])
    possible = all(_SCALES[0] <= scale <= _SCALES[-1] for scale in (across, down, across / max(down, 1e-6)))
    if on_lines < _SURE or explained < _EXPLAINED or not possible:
        return Registration(on_lines=on_lines)
    found = Registration(matrix, found=True, on_lines=on_lines)
    share = found.moved(height, width)
    if share > MOST_MOVED:
        raise MovedPicture(
            f"The model moved the picture by {share:.0%} of its longer side: too far to bring its colours back under"
            " your lines. Colour it with another seed, or at another working size under Advanced."
        )
    return found


def strokes(luminance: NDArray[np.uint8]) -> Plane:
    """(h, w), 0..1: how much each pixel is a thin dark stroke, whatever the picture is painted in (black top-hat)."""
    radius, amount = _SHARPENED
    soft = cv2.GaussianBlur(luminance, (0, 0), radius)
    luminance = cv2.addWeighted(luminance, 1 + amount, soft, -amount, 0)
    side = 2 * max(1, round(_STROKE * max(luminance.shape) / 2)) + 3
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    smooth = cv2.GaussianBlur(luminance, (0, 0), max(0.8, max(luminance.shape) / 1000))
    depth = cv2.morphologyEx(smooth, cv2.MORPH_BLACKHAT, kernel).astype(np.float32)
    grain = float(np.median(depth))
    depth = np.maximum(depth - 2 * grain, 0)
    force = max(0.35 * float(np.percentile(depth, 98)), 12.0)
    # A stroke beside a dark area shows less of itself, and less on that side: all are made alike by their ridge.
    ridge = cv2.dilate(depth, kernel)
    return (depth / np.maximum(ridge, 1e-3) * np.clip(ridge / force, 0, 1)).astype(np.float32)


def _anywhere(lines: Plane, drawn: Plane) -> Affine:
    """The scale and shift at which both maps correlate best, over all shifts."""
    height, width = lines.shape
    reach = min(1.0, _SIDE / max(height, width))
    size = (max(8, round(width * reach)), max(8, round(height * reach)))
    small, target = (_blurred(plane, size, 1.0) for plane in (lines, drawn))
    rows, columns = (2 * length for length in target.shape)
    spectrum = np.fft.rfft2(target - target.mean(), (rows, columns))
    best, chosen = -np.inf, _still()
    for scale in _SCALES:
        scaled = cv2.resize(small, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
        scaled = scaled[:rows, :columns] - scaled.mean()
        likeness = np.fft.irfft2(spectrum * np.conj(np.fft.rfft2(scaled, (rows, columns))), (rows, columns))
        likeness /= max(float(np.sqrt((scaled**2).sum())), 1e-6)
        place = int(likeness.argmax())
        if likeness.flat[place] > best:
            best = float(likeness.flat[place])
            down, across = divmod(place, columns)
            down -= rows * (down > rows // 2)
            across -= columns * (across > columns // 2)
            chosen = np.array([[scale, 0, across / reach], [0, scale, down / reach]], np.float32)
    return chosen


def _refined(lines: Plane, drawn: Plane, start: Affine, side: int, blur: float) -> Affine:
    """Gauss-Newton from a start, on copies of `side` px: one scale and one shift for each axis."""
    height, width = lines.shape
    reach = min(1.0, side / max(height, width))
    size = (max(8, round(width * reach)), max(8, round(height * reach)))
    small, target = (_blurred(plane, size, blur) for plane in (lines, drawn))
    y, x = np.nonzero(cv2.dilate((small > 0.1).astype(np.uint8), np.ones((5, 5), np.uint8)))
    wanted = small[y, x]
    slopes = [cv2.Sobel(target, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1))]
    middle_x, middle_y = x.mean(), y.mean()  # scales around the lines' middle don't mix with shifts
    values = np.array(
        [
            start[0, 0],
            start[0, 0] * middle_x + start[0, 2] * reach,
            start[1, 1],
            start[1, 1] * middle_y + start[1, 2] * reach,
        ]
    )
    for _ in range(_STEPS):
        across, down = values[0] * (x - middle_x) + values[1], values[2] * (y - middle_y) + values[3]
        seen, by_x, by_y = (_at(plane, across, down) for plane in (target, *slopes))
        off = seen - wanted
        weight = 1 / (1 + (off / _OUTLIER) ** 2) ** 2
        jacobian = np.stack([by_x * (x - middle_x), by_x, by_y * (y - middle_y), by_y], axis=1)
        weighed = jacobian * weight[:, None]
        normal = weighed.T @ jacobian
        change = np.linalg.solve(normal + np.diag(1e-6 + 1e-3 * normal.diagonal()), weighed.T @ off)
        values = values - change
        if np.abs(change * [max(size), 1, max(size), 1]).max() < 0.01:
            break
    shift_x, shift_y = values[1] - values[0] * middle_x, values[3] - values[2] * middle_y
    return np.array([[values[0], 0, shift_x / reach], [0, values[2], shift_y / reach]], np.float32)


def _at(plane: Plane, x: NDArray[np.float64], y: NDArray[np.float64]) -> Plane:
    """(n,): the plane's values at places in px, bilinear; beyond its border 0."""
    places = x.astype(np.float32)[None], y.astype(np.float32)[None]
    return np.concatenate(
        [
            cv2.remap(plane, places[0][:, at : at + 30000], places[1][:, at : at + 30000], cv2.INTER_LINEAR)[
                0
            ]
            for at in range(0, len(x), 30000)
        ]
    )


def _agreement(lines: Plane, drawn: Plane, matrix: Affine) -> tuple[float, float]:
    """How much of the sketch's strokes lies on drawn ones, and of those on the sketch's; 0 is what would by chance."""
    height, width = lines.shape
    back = cv2.warpAffine(drawn, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return _share_near(lines > 0.5, back > 0.5), _share_near(back > 0.5, lines > 0.5)


def _share_near(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    reach = max(1, round(_ON_LINE * max(one.shape)))
    near = cv2.dilate(other.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8))
    chance = float(near.mean())
    there = float(near[one].mean()) if one.any() else 0.0
    return max(0.0, (there - chance) / max(1 - chance, 1e-6))


def _blurred(plane: Plane, size: tuple[int, int], blur: float) -> Plane:
    small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), blur), np.float32)

"""How far the model moved the drawing, and the picture moved back under the artist's lines.

An edit model draws the whole picture anew and may shift, enlarge or squeeze it. The thin dark strokes of the sketch are
looked for among those of what it drew: first everywhere at once, by correlation over all shifts at a few scales (in
the Fourier domain), then by Gauss-Newton (Lucas & Kanade 1981), coarse to fine, with weights that fade for strokes the
model left out (Geman-McClure). In a soft picture a stroke between a dark and a light area shows too near to the dark
one; so at last the picture itself is compared with what it would be with the sketch's lines sharp in it. The map is one
scale and one shift for each axis: what the model redrew in another shape isn't bent back.
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
_REFINED = ((128, 2.0), (256, 2.5), (512, 2.0))
"""Longer side and blur, px, of the rounds with strokes,"""
_COMPARED = 768, 1.5
"""and of those with the sharp picture; a smaller picture is compared at its own size."""
_WIDER = (-1, 0, 1, 2)
"""How much wider, px on either side, than the sketch's the model's strokes may be."""
_SOFT = 4
"""How far from lines, px, the colours of a soft picture are the areas' own,"""
_ACROSS = 6
"""and half of the widest line that they are continued below."""
_INKED = 0.12
"""Ink, 0..1, from which a pixel is a line's."""
_FARTHEST = 3 / 100
"""How far the comparison may move what the strokes told, as a share of the longer side."""
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
    ink = cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA)
    luminance = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    lines, drawn = strokes(255 - ink), strokes(luminance)
    if (drawn > 0.5).mean() > _DENSEST or np.count_nonzero(lines > 0.5) < _FEWEST:
        return Registration()
    matrix = _anywhere(lines, drawn)
    for side, blur in _REFINED:
        matrix, _ = _refined(lines, drawn, matrix, side, blur)
    matrix = _compared(ink, luminance, matrix)
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


def _compared(ink: Ink, luminance: NDArray[np.uint8], start: Affine) -> Affine:
    """Where the picture is most like itself with sharp lines, both (h, w); the start, if that is somewhere else.

    The model may draw its strokes wider or narrower than the sketch's: the width that fits best counts.
    """
    drawn = luminance.astype(np.float32) / np.float32(255)
    near, _ = _fitted(ink, drawn, start)
    matrix, _ = min((_fitted(_widened(ink, px), drawn, near) for px in _WIDER), key=lambda fit: fit[1])
    height, width = ink.shape
    away = Registration(matrix - start + _still()).moved(height, width)
    return matrix if away < _FARTHEST else start


def _fitted(ink: Ink, drawn: Plane, start: Affine) -> tuple[Affine, float]:
    """The map from a start, and how much the picture then differs from itself with sharp lines."""
    wanted, known = _sharp(ink, drawn, start)
    near = known & cv2.dilate((ink > 0).astype(np.uint8), np.ones((7, 7), np.uint8))
    return _refined(wanted, drawn, start, *_COMPARED, near) if near.any() else (start, np.inf)


def _widened(ink: Ink, px: int) -> Ink:
    """The ink with its strokes so many px wider on either side."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(px) + 1,) * 2)
    return (cv2.dilate if px > 0 else cv2.erode)(ink, kernel)


def _sharp(ink: Ink, drawn: Plane, matrix: Affine) -> tuple[Plane, NDArray[np.uint8]]:
    """The picture on the canvas with its areas' colours up to the sketch's lines, and 1 = where that is known."""
    height, width = ink.shape
    back = cv2.warpAffine(
        drawn,
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    cover = ink.astype(np.float32) / np.float32(255)
    off_lines = cover < _INKED
    known = cv2.distanceTransform(off_lines.view(np.uint8), cv2.DIST_L2, 3) > _SOFT
    areas = np.where(known, back, np.float32(0))
    everywhere = np.ones_like(off_lines)
    for where, steps in ((off_lines, _SOFT + 3), (everywhere, _ACROSS)):
        for _ in range(steps):
            total = cv2.boxFilter(areas, -1, (3, 3), normalize=False)
            count = cv2.boxFilter(known.astype(np.float32), -1, (3, 3), normalize=False)
            new = ~known & where & (count > 0)
            areas[new] = total[new] / count[new]
            known |= new
    full = back[cover > 0.8]
    darkest = np.float32(np.percentile(full, 10) if len(full) else 0)
    return areas * (1 - cover) + darkest * cover, known.view(np.uint8)


def _refined(
    lines: Plane,
    drawn: Plane,
    start: Affine,
    side: int,
    blur: float,
    where: NDArray[np.uint8] | None = None,
) -> tuple[Affine, float]:
    """Gauss-Newton from a start, on copies of `side` px: one scale and one shift for each axis, and what still differs.

    Args:
        lines: (h, w), what is on the canvas.
        drawn: (h, w), what was drawn.
        start: the map to start from.
        side: longer side of the copies, px.
        blur: of the copies, px.
        where: (h, w), 1 = compared; None: beside lines.
    """
    height, width = lines.shape
    reach = min(1.0, side / max(height, width))
    size = (max(8, round(width * reach)), max(8, round(height * reach)))
    small, target = (_blurred(plane, size, blur) for plane in (lines, drawn))
    if where is None:
        chosen = cv2.dilate((small > 0.1).astype(np.uint8), np.ones((5, 5), np.uint8))
    else:
        chosen = cv2.resize(where, size, interpolation=cv2.INTER_NEAREST)
    y, x = np.nonzero(chosen)
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
    matrix = np.array([[values[0], 0, shift_x / reach], [0, values[2], shift_y / reach]], np.float32)
    return matrix, float(np.minimum(off**2, _OUTLIER**2).mean())


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

"""One drawn figure as sketches come from real documents, with the right colour of every pixel known.

Papers of any opacity, turned and torn, scanned and photographed; pens that break off; pale lines between light and
shade; roughs below inks; small figures, several figures, pages. All are drawn here from a seed, at any size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from drawn import Picture, opaque
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

Plane = NDArray[np.uint8]
Colour = tuple[int, int, int]

INK: Colour = (26, 20, 30)
PAPER = 0
WHITE = 255
"""Labels of what is not judged, and of what has to stay white."""


@dataclass(frozen=True)
class Part:
    """A shape of the figure in a unit square: an ellipse (middle, half axes, degrees) or a polygon."""

    colour: Colour
    ellipse: tuple[float, float, float, float, float] | None = None
    corners: tuple[tuple[float, float], ...] = ()

    def outline(self, size: int) -> NDArray[np.int32]:
        """(N, 1, 2), px times 16."""
        if self.ellipse is not None:
            x, y, wide, high, turn = self.ellipse
            angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
            lying = np.column_stack([wide * np.cos(angle), high * np.sin(angle)])
            cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
            points = lying @ np.array([[cosine, sine], [-sine, cosine]]) + (x, y)
        else:
            points = np.array(self.corners)
        return np.rint(points * size * 16).astype(np.int32).reshape(-1, 1, 2)


CAT = (
    Part((120, 92, 160), ellipse=(0.80, 0.78, 0.05, 0.16, 25)),  # tail
    Part((226, 160, 84), corners=((0.24, 0.34), (0.27, 0.07), (0.45, 0.22))),  # ears
    Part((226, 160, 84), corners=((0.76, 0.34), (0.73, 0.07), (0.55, 0.22))),
    Part((240, 190, 200), corners=((0.29, 0.27), (0.30, 0.14), (0.38, 0.22))),
    Part((240, 190, 200), corners=((0.71, 0.27), (0.70, 0.14), (0.62, 0.22))),
    Part((46, 120, 104), corners=((0.25, 0.97), (0.30, 0.68), (0.70, 0.68), (0.75, 0.97))),  # pullover
    Part((198, 70, 52), ellipse=(0.5, 0.66, 0.21, 0.055, 0)),  # scarf
    Part((226, 160, 84), ellipse=(0.5, 0.40, 0.27, 0.24, 0)),  # head
    Part((252, 240, 222), ellipse=(0.5, 0.51, 0.13, 0.09, 0)),  # muzzle
    Part((150, 60, 70), ellipse=(0.5, 0.475, 0.032, 0.02, 0)),  # nose
    Part((250, 250, 170), ellipse=(0.395, 0.36, 0.055, 0.05, 12)),  # eyes
    Part((250, 250, 170), ellipse=(0.605, 0.36, 0.055, 0.05, -12)),
    Part((40, 60, 140), ellipse=(0.395, 0.362, 0.02, 0.036, 0)),
    Part((40, 60, 140), ellipse=(0.605, 0.362, 0.02, 0.036, 0)),
    Part((236, 200, 60), corners=((0.42, 0.80), (0.58, 0.80), (0.565, 0.90), (0.435, 0.90))),  # pocket
    Part((214, 214, 224), ellipse=(0.66, 0.78, 0.014, 0.014, 0)),  # button
    Part((96, 60, 44), corners=((0.40, 0.19), (0.5, 0.30), (0.60, 0.19), (0.5, 0.225))),  # forelock
)
SHADES = ((5, 0.86, (20, 74, 70)), (7, 0.47, (170, 110, 52)), (6, 0.672, (136, 36, 30)))
"""Part, height below which it lies in shade, colour of that shade."""


@dataclass(frozen=True)
class Document:
    """A sketch, and what its right colouring is."""

    sketch: Picture
    labels: Plane
    """(H, W): PAPER, 1.. the parts, WHITE."""
    lines: Plane
    """(H, W): how far each pixel is covered by any line; nothing is judged there."""
    reference: Picture
    truth: NDArray[np.uint8]
    """(H, W, 3)."""

    def right(self, result: NDArray[np.uint8]) -> tuple[float, float]:
        """The share of pixels within CIEDE2000 10 of the truth, and of parts of which nine tenths are."""
        judged = (self.labels != PAPER) & (cv2.dilate(self.lines, np.ones((5, 5), np.uint8)) < 20)
        got, wanted = result[judged][:, :3] / 255, self.truth[judged] / 255
        right = deltaE_ciede2000(rgb2lab(got), rgb2lab(wanted)) < 10
        parts = self.labels[judged]
        return float(right.mean()), float(np.mean([right[parts == p].mean() > 0.9 for p in np.unique(parts)]))


@dataclass(frozen=True)
class Drawing:
    """Labels and coverage by lines of one drawing, (S, S) each."""

    labels: Plane
    lines: Plane
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        return len(self.labels)

    @property
    def flats(self) -> NDArray[np.uint8]:
        """(S, S, 3)."""
        palette = np.full((256, 3), 255, np.uint8)
        palette[1 : len(self.parts) + 1] = [part.colour for part in self.parts]
        return palette[self.labels]

    @property
    def reference(self) -> Picture:
        """The figure in its colours, with its lines."""
        return opaque(inked(self.flats, self.lines))

    def document(self, sketch: Picture, **changes: Plane) -> Document:
        """It as one kind of sketch; `changes` of labels and lines, where the sketch shows others."""
        shown = replace(self, **changes)
        return Document(sketch, shown.labels, shown.lines, self.reference, shown.flats)


def draw(size: int, width: int, parts: tuple[Part, ...] = CAT) -> Drawing:
    """The figure; later parts cover earlier ones."""
    labels, lines = np.zeros((size, size), np.uint8), np.zeros((size, size), np.uint8)
    for number, part in enumerate(parts, 1):
        outline = part.outline(size)
        cv2.fillPoly(labels, [outline], number, cv2.LINE_8, 4)
        cv2.fillPoly(lines, [outline], 0, cv2.LINE_8, 4)
        cv2.polylines(lines, [outline], True, 255, width, cv2.LINE_AA, 4)
    return Drawing(labels, lines, parts)


def inked(colours: NDArray[np.uint8], lines: Plane, ink: Colour = INK) -> NDArray[np.uint8]:
    """Lines painted over colours."""
    share = lines[..., None] / 255
    return np.rint(colours * (1 - share) + np.array(ink) * share).astype(np.uint8)


def on_paper(lines: Plane, paper: Colour = (255, 255, 255), ink: Colour = INK) -> Picture:
    """On opaque paper."""
    return opaque(inked(np.broadcast_to(np.array(paper, np.uint8), (*lines.shape, 3)), lines, ink))


def on_nothing(lines: Plane, ink: Colour = INK) -> Picture:
    """On transparency."""
    return np.dstack([np.broadcast_to(np.array(ink, np.uint8), (*lines.shape, 3)), lines])


def laid_over(below: Picture, above: Picture) -> Picture:
    """One layer merged down onto another."""
    over, under = above[..., 3:] / 255, below[..., 3:] / 255
    alpha = over + under * (1 - over)
    colours = (above[..., :3] * over + below[..., :3] * under * (1 - over)) / np.maximum(alpha, 1e-6)
    return np.rint(np.concatenate([colours, alpha * 255], axis=2)).astype(np.uint8)


def turned(plane: NDArray[np.uint8], angle: float, *, smooth: bool) -> NDArray[np.uint8]:
    """Around its middle, reduced so that most stays on the canvas; outside is 0 (transparent black)."""
    size = plane.shape[0]
    matrix = cv2.getRotationMatrix2D((size / 2, size / 2), angle, 0.88)
    way = cv2.INTER_AREA if smooth else cv2.INTER_NEAREST
    return cv2.warpAffine(plane, matrix, (size, size), flags=way)


def placed(
    plane: NDArray[np.uint8], shape: tuple[int, ...], x: int, y: int, fill: int = 0
) -> NDArray[np.uint8]:
    """On a larger canvas."""
    canvas = np.full((*shape[:2], *plane.shape[2:]), fill, np.uint8)
    canvas[y : y + plane.shape[0], x : x + plane.shape[1]] = plane
    return canvas


def with_alpha(sketch: Picture, alpha: int | Plane) -> Picture:
    """Of another opacity."""
    sketch = sketch.copy()
    sketch[..., 3] = alpha
    return sketch


def erased(drawing: Drawing, radius: int) -> Document:
    """A hole in the paper, beside the figure."""
    sketch = on_paper(drawing.lines)
    cv2.circle(sketch, (drawing.size // 10, drawing.size // 12), radius, (255, 255, 255, 0), -1)
    return drawing.document(sketch)


def sheet_turned(drawing: Drawing, angle: float) -> Document:
    """A page that lies askew."""
    sketch = turned(on_paper(drawing.lines), angle, smooth=True)
    labels, lines = turned(drawing.labels, angle, smooth=False), turned(drawing.lines, angle, smooth=True)
    return drawing.document(sketch, labels=labels, lines=lines)


def pasted_scan(drawing: Drawing, share: float) -> Document:
    """A scan smaller than the canvas."""
    small = draw(round(drawing.size * share), 3)
    shape, x, y = drawing.labels.shape, drawing.size // 9, drawing.size // 7
    sketch = placed(on_paper(small.lines), shape, x, y)
    labels, lines = placed(small.labels, shape, x, y), placed(small.lines, shape, x, y)
    return drawing.document(sketch, labels=labels, lines=lines)


def soft_border(drawing: Drawing) -> Document:
    """Paper that fades out at the canvas's edge."""
    inside = np.zeros_like(drawing.lines)
    rim = max(6, drawing.size // 60)
    cv2.rectangle(inside, (rim, rim), (drawing.size - rim, drawing.size - rim), 255, -1)
    return drawing.document(with_alpha(on_paper(drawing.lines), cv2.GaussianBlur(inside, (0, 0), rim / 3)))


def white_below(drawing: Drawing) -> Document:
    """White under the figure alone."""
    white = np.full((*drawing.labels.shape, 4), 255, np.uint8)
    white[drawing.labels == PAPER] = 0
    return drawing.document(laid_over(white, on_nothing(drawing.lines)))


def traced(drawing: Drawing, colour: Colour) -> Document:
    """Coloured or pale lines between light and shade."""
    parts, labels, dividing = list(drawing.parts), drawing.labels.copy(), np.zeros_like(drawing.lines)
    width = max(2, drawing.size // 250)
    for index, height, shade in SHADES:
        inside, row = labels == index + 1, round(height * drawing.size)
        dividing[row : row + width][inside[row : row + width]] = 255
        parts.append(Part(shade))
        labels[row:][inside[row:]] = len(parts)
    divided = Drawing(labels, np.maximum(drawing.lines, dividing), tuple(parts))
    sketch = laid_over(on_paper(drawing.lines), on_nothing(dividing, colour))
    reference = Drawing(labels, drawing.lines, tuple(parts)).reference
    return replace(divided.document(sketch), reference=reference)


def broken(drawing: Drawing, rng: np.random.Generator, *, dots: int, lost: float) -> Document:
    """A dry pen: of its strokes the share `lost` is missing, in squares of `dots` px; the rest is of any strength."""
    wide = draw(drawing.size, max(3, drawing.size // 170), drawing.parts)
    cells = -(-drawing.size // dots)
    strength = rng.random((cells, cells)).repeat(dots, 0).repeat(dots, 1)[: drawing.size, : drawing.size]
    force = (strength > lost) * (1 if dots == 1 else np.clip(1.3 * strength, 0, 1))
    return wide.document(on_nothing((wide.lines * force).astype(np.uint8)))


def over_rough(drawing: Drawing, colour: Colour, shift: float) -> Document:
    """Black inks over a coloured rough that lies a little beside them."""
    move = np.array([[1, shift, -shift * 200], [-shift, 1, shift * 500]], np.float32)
    rough = cv2.warpAffine(drawing.lines, move, drawing.lines.shape)
    paper = on_paper(np.zeros_like(rough))
    sketch = laid_over(laid_over(paper, on_nothing(rough, colour)), on_nothing(drawing.lines))
    return drawing.document(sketch, lines=np.maximum(drawing.lines, rough))


def hatched(drawing: Drawing) -> Document:
    """Strokes of shading on the pullover."""
    lines, size = drawing.lines.copy(), drawing.size
    for x in range(round(0.31 * size), round(0.40 * size), max(6, size // 90)):
        cv2.line(lines, (x, round(0.75 * size)), (x - size // 50, round(0.81 * size)), 255, 2, cv2.LINE_AA)
    return drawing.document(on_paper(lines), lines=lines)


def small_on_sheet(size: int, *, notes: bool) -> Document:
    """A figure an eighth as high as its sheet."""
    small, side = draw(size // 2, 3), 4 * size
    shape, x, y = (side, side), side * 5 // 8, side * 3 // 8
    labels, lines = placed(small.labels, shape, x, y), placed(small.lines, shape, x, y)
    if notes:
        for row, text in enumerate(("TAKE 3  SHEET 7", "hold until the door", "x2  x4  x8")):
            scale, thick = size / 300, max(2, size // 130)
            at = (side // 20, side // 12 + row * side // 26)
            cv2.putText(lines, text, at, cv2.FONT_HERSHEY_DUPLEX, scale, 255, thick, cv2.LINE_AA)
    return small.document(on_paper(lines), labels=labels, lines=lines)


def faded_out(drawing: Drawing, height: float) -> Document:
    """Lines that end in nothing below."""
    lines = drawing.lines.copy()
    lines[round(height * drawing.size) :] = 0
    return drawing.document(on_paper(lines), lines=lines)


def compressed(drawing: Drawing, quality: int) -> Document:
    """As JPEG."""
    packed = cv2.imencode(".jpg", on_paper(drawing.lines)[..., :3], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return drawing.document(opaque(cv2.imdecode(packed, cv2.IMREAD_COLOR)))


def photographed(
    drawing: Drawing, rng: np.random.Generator, light: NDArray[np.float64] | None = None
) -> Document:
    """By uneven light (size, size), with grain."""
    size = drawing.size
    if light is None:
        light = np.linspace(1, 0.5, size)[None] * np.linspace(0.82, 1, size)[:, None]
    photo = on_paper(drawing.lines)[..., :3] * light[..., None] + rng.normal(0, 3.5, (size, size, 1))
    return drawing.document(opaque(np.clip(photo, 0, 255).astype(np.uint8)))


def on_a_table(
    lines: Plane,
    rng: np.random.Generator,
    angle: float,
    table: Colour,
    *,
    light: float = 0.7,
    noise: float = 3,
) -> Picture:
    """A turned sheet on something darker, photographed by light that changes from `light` to 1."""
    share = turned(np.full(lines.shape, 255, np.uint8), angle, smooth=True)[..., None] / 255
    photo = turned(on_paper(lines), angle, smooth=True)[..., :3] + np.array(table) * (1 - share)
    photo = photo * np.linspace(light, 1, len(lines))[:, None, None] + rng.normal(0, noise, share.shape)
    return opaque(np.clip(photo, 0, 255).astype(np.uint8))


def photographed_on_a_table(drawing: Drawing, rng: np.random.Generator, angle: float) -> Document:
    """A sheet that lies askew on a brown table."""
    labels = turned(drawing.labels, angle, smooth=False)
    lines = turned(drawing.lines, angle, smooth=True)
    return drawing.document(on_a_table(drawing.lines, rng, angle, (96, 70, 50)), labels=labels, lines=lines)


def with_shadow(size: int, kind: str, depth: float, softness: float) -> NDArray[np.float64]:
    """Even light (size, size) with one shadow in it: of an "arm", a "hand", or a "half" of the sheet.

    Args:
        size: px.
        kind: its outline.
        depth: share of the light that it takes away.
        softness: standard deviation of its blurred edge, as a share of `size`.
    """
    shadow = np.zeros((size, size), np.float32)
    if kind == "arm":
        cv2.line(shadow, (size * 7 // 8, 0), (size // 2, size * 3 // 4), 1, size // 9)
    elif kind == "hand":
        cv2.circle(shadow, (size * 5 // 8, size // 2), size // 4, 1, cv2.FILLED)
    else:
        cv2.fillPoly(shadow, [np.array([(0, 0), (size * 3 // 4, 0), (size // 3, size), (0, size)])], 1)
    return 0.95 * (1 - depth * cv2.GaussianBlur(shadow, (0, 0), softness * size))


def side_by_side(drawing: Drawing) -> Document:
    """Two figures."""
    labels, lines = np.hstack([drawing.labels] * 2), np.hstack([drawing.lines] * 2)
    return drawing.document(on_paper(lines), labels=labels, lines=lines)


def cases(size: int, seed: int) -> dict[str, Callable[[], Document]]:
    """Every kind of document by name; each is drawn when it is called."""
    rng = np.random.default_rng(seed)
    drawing = draw(size, max(2, round(size / 240)))
    white = on_paper(drawing.lines)
    found: dict[str, Callable[[], Document]] = {
        "on transparency": lambda: drawing.document(on_nothing(drawing.lines)),
        "on paper": lambda: drawing.document(white),
        "on cream paper": lambda: drawing.document(on_paper(drawing.lines, (246, 236, 206))),
        "white on dark": lambda: drawing.document(on_paper(drawing.lines, (24, 26, 34), (240, 240, 236))),
        "light ink for a dark canvas": lambda: drawing.document(on_nothing(drawing.lines, (250, 250, 250))),
        "one pixel erased": lambda: erased(drawing, 0),
        "a hole erased": lambda: erased(drawing, size // 16),
        "scan smaller than the canvas": lambda: pasted_scan(drawing, 0.7),
        "soft border": lambda: soft_border(drawing),
        "white below the figure": lambda: white_below(drawing),
        "dry brush": lambda: broken(drawing, rng, dots=1, lost=0.42),
        "charcoal": lambda: broken(drawing, rng, dots=max(3, size // 140), lost=0.16),
        "hatching": lambda: hatched(drawing),
        "small figure": lambda: small_on_sheet(size, notes=False),
        "small figure with notes": lambda: small_on_sheet(size, notes=True),
        "thin lines on a large canvas": lambda: (large := draw(4 * size, 4)).document(on_paper(large.lines)),
        "fading out below": lambda: faded_out(drawing, 0.93),
        "photograph": lambda: photographed(drawing, rng),
    }
    for angle in (4, -33):
        found[f"photograph on a table, turned by {angle}"] = lambda angle=angle: photographed_on_a_table(
            drawing, rng, angle
        )
    for kind, depth, softness in (("arm", 0.74, 0.03), ("hand", 0.6, 0.008), ("half", 0.7, 0.04)):
        light = with_shadow(size, kind, depth, softness)
        found[f"photograph, {kind} in shadow"] = lambda light=light: photographed(drawing, rng, light)
    for alpha in (253, 190, 110):
        found[f"paper of alpha {alpha}"] = lambda alpha=alpha: drawing.document(with_alpha(white, alpha))
    for angle in (-12, 38):
        found[f"page turned by {angle}"] = lambda angle=angle: sheet_turned(drawing, angle)
    for name, colour in TRACES.items():
        found[f"trace lines, {name}"] = lambda colour=colour: traced(drawing, colour)
    for name, colour in ROUGHS.items():
        found[f"inks over a {name} rough"] = lambda colour=colour: over_rough(drawing, colour, 0.012)
    for quality in (10, 40):
        found[f"JPEG of quality {quality}"] = lambda quality=quality: compressed(drawing, quality)
    return found


TRACES: dict[str, Colour] = {
    "blue": (178, 206, 255),
    "green": (196, 246, 190),
    "pink": (255, 190, 205),
    "grey": (206, 206, 206),
    "red": (226, 52, 60),
}
ROUGHS: dict[str, Colour] = {"red": (240, 110, 100), "blue": (140, 180, 250)}

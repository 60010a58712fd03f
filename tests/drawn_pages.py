"""Comic pages drawn from a seed, with their right answer: panels, what must stay white, and the parts of the figures.

A page is cut into panels again and again, with slanted gutters, frames that lack a side or have a gap, panels that
bleed off the page, figures that stick out of their frame, and speech bubbles that may lie across it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
Points = NDArray[np.float64]
"""(N, 2), x and y."""

WHITE = 255
"""The label of gutters, bubbles and lettering."""

DOLL: tuple[tuple[str, str, tuple[float, ...], tuple[int, int, int]], ...] = (
    # part, shape, its numbers in a unit square, colour
    ("left leg", "poly", (0.40, 0.66, 0.49, 0.66, 0.48, 0.90, 0.39, 0.90), (60, 70, 130)),
    ("right leg", "poly", (0.51, 0.66, 0.60, 0.66, 0.61, 0.90, 0.52, 0.90), (60, 70, 130)),
    ("left shoe", "ellipse", (0.42, 0.92, 0.07, 0.035), (120, 40, 30)),
    ("right shoe", "ellipse", (0.58, 0.92, 0.07, 0.035), (120, 40, 30)),
    ("left arm", "poly", (0.36, 0.42, 0.40, 0.50, 0.25, 0.62, 0.20, 0.56), (40, 150, 120)),
    ("right arm", "poly", (0.64, 0.42, 0.60, 0.50, 0.75, 0.62, 0.80, 0.56), (40, 150, 120)),
    ("left hand", "ellipse", (0.21, 0.61, 0.045, 0.045), (245, 205, 170)),
    ("right hand", "ellipse", (0.79, 0.61, 0.045, 0.045), (245, 205, 170)),
    ("shirt", "poly", (0.38, 0.38, 0.62, 0.38, 0.64, 0.68, 0.36, 0.68), (215, 60, 70)),
    ("pocket", "poly", (0.53, 0.50, 0.59, 0.50, 0.59, 0.57, 0.53, 0.57), (240, 200, 60)),
    ("hair", "ellipse", (0.50, 0.19, 0.17, 0.16), (90, 50, 140)),
    ("face", "ellipse", (0.50, 0.25, 0.13, 0.14), (245, 205, 170)),
    ("left eye", "ellipse", (0.45, 0.24, 0.026, 0.032), (70, 190, 230)),
    ("right eye", "ellipse", (0.55, 0.24, 0.026, 0.032), (70, 190, 230)),
    ("mouth", "ellipse", (0.50, 0.325, 0.035, 0.018), (150, 30, 50)),
)


@dataclass
class Page:
    """What was drawn."""

    lines: Plane
    """(H, W), 255 = ink."""
    labels: Plane
    """(H, W): 0 = whatever is behind a figure, 1.. = part of the doll, `WHITE`."""
    panels: list[Plane] = field(default_factory=list)
    """(H, W) each, in reading order, 255 = inside."""

    def sketch(self, *, transparent: bool = False) -> NDArray[np.uint8]:
        """RGBA, on white paper or on nothing."""
        if transparent:
            return np.dstack([np.zeros((*self.lines.shape, 3), np.uint8), self.lines])
        paper = 255 - self.lines
        return np.dstack([paper, paper, paper, np.full_like(paper, 255)])

    def truth(self) -> NDArray[np.uint8]:
        """(H, W, 3): the doll's colours, white elsewhere."""
        palette = np.full((256, 3), 255, np.uint8)
        palette[1 : len(DOLL) + 1] = [colour for *_, colour in DOLL]
        return palette[self.labels]


@dataclass(frozen=True)
class Style:
    """How a page is drawn; shares are of the page's shorter side."""

    gutter: float = 0.025
    margin: float = 0.03
    """0: the panels bleed off the page."""
    slant: float = 0.0
    """Largest slope of a gutter."""
    frame: float = 0.004
    missing_sides: int = 0
    gaps: int = 0
    sticking_out: bool = False
    bubbles: bool = True
    across: bool = False
    """Bubbles lie across the frames."""


def doll(side: int, width: int) -> tuple[Plane, Plane]:
    """Labels and lines (side, side) of the doll."""
    labels, lines = np.zeros((side, side), np.uint8), np.zeros((side, side), np.uint8)
    for number, (_, kind, numbers, _) in enumerate(DOLL, 1):
        shape = np.zeros((side, side), np.uint8)
        if kind == "ellipse":
            x, y, a, b = (round(value * side * 16) for value in numbers)
            cv2.ellipse(shape, (x, y), (a, b), 0, 0, 360, 255, -1, cv2.LINE_8, 4)
        else:
            corners = np.round(np.array(numbers).reshape(-1, 2) * side * 16).astype(np.int32)
            cv2.fillPoly(shape, [corners], 255, cv2.LINE_8, 4)
        edge = np.zeros_like(lines)
        outline = cv2.findContours(shape, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
        cv2.drawContours(edge, outline, -1, 255, max(1, width), cv2.LINE_AA)
        labels[shape > 0] = number
        lines = np.maximum(np.where(shape > 0, np.uint8(0), lines), edge)
    return labels, lines


def doll_reference(side: int = 512) -> NDArray[np.uint8]:
    """RGBA: the coloured doll on white."""
    labels, lines = doll(side, max(2, side // 250))
    page = Page(lines, labels)
    colours = page.truth() * (1 - lines[..., None] / 255.0)
    return np.dstack([np.rint(colours).astype(np.uint8), np.full_like(lines, 255)])


def draw_page(
    seed: int, width: int = 1024, height: int = 1024, *, panels: int = 4, style: Style | None = None
) -> Page:
    """A page of so many panels."""
    style = style or Style()
    rng = np.random.default_rng(seed)
    page = Page(np.zeros((height, width), np.uint8), np.full((height, width), WHITE, np.uint8))
    side = min(width, height)
    edge = style.margin * side
    whole = np.array(
        [(edge, edge), (width - edge, edge), (width - edge, height - edge), (edge, height - edge)]
    )
    shapes = _cut(rng, whole, panels, style, style.gutter * side)
    for number, shape in enumerate(shapes):
        _draw_panel(page, shape, rng, style, number)
    _break_frames(page, shapes, rng, style)
    for shape in shapes[::2] if style.bubbles else []:
        _draw_bubble(page, shape, rng, style)
    return page


def quad(points: Points, shape: tuple[int, ...]) -> Plane:
    """(H, W), 255 inside."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 255)
    return mask


def _cut(rng: np.random.Generator, area: Points, count: int, style: Style, gutter: float) -> list[Points]:
    """Panels in reading order: rows first, then columns within them."""
    if count == 1:
        return [area]
    height = np.linalg.norm(area[3] - area[0])
    width = np.linalg.norm(area[1] - area[0])
    first = count // 2 if count % 2 == 0 else int(rng.choice([count // 2, count // 2 + 1]))
    upright = width > height * 0.9  # cut a wide area by an upright gutter
    share = first / count + rng.uniform(-0.06, 0.06)
    lean = rng.uniform(-style.slant, style.slant)
    corners = area if not upright else area[[0, 3, 2, 1]]  # the sides that are cut: 0-3 and 1-2
    size, across = (width, height) if upright else (height, width)
    low = share - lean * across / size / 2
    high = share + lean * across / size / 2
    half = gutter / size / 2
    a, b, c, d = corners
    before = np.array([a, b, b + (c - b) * (high - half), a + (d - a) * (low - half)])
    after = np.array([a + (d - a) * (low + half), b + (c - b) * (high + half), c, d])
    if upright:
        before, after = before[[0, 3, 2, 1]], after[[0, 3, 2, 1]]
    return _cut(rng, before, first, style, gutter) + _cut(rng, after, count - first, style, gutter)


def _draw_panel(page: Page, shape: Points, rng: np.random.Generator, style: Style, number: int) -> None:
    height, width = page.lines.shape
    inside = quad(shape, page.lines.shape)
    page.panels.append(inside)
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    tall, wide = bottom - top, right - left
    side = int(min(tall, wide) * rng.uniform(0.6, 0.95))
    line = max(2, round(min(height, width) / 500))
    figure, ink = doll(side, line)
    y = bottom - side - round(0.02 * tall)
    x = int(left + (wide - side) * rng.uniform(0.2, 0.8))
    shown = inside[y : y + side, x : x + side] > 0
    if style.sticking_out and number == 0:  # the head reaches over the frame, never off the page
        y = max(1, top - round(side * 0.08))
        shown = np.ones((side, side), bool)
    page.labels[inside > 0] = 0
    target = (slice(y, y + side), slice(x, x + side))
    frame = np.zeros_like(page.lines)
    cv2.polylines(
        frame,
        [np.round(shape).astype(np.int32)],
        True,
        255,
        max(2, round(style.frame * min(height, width))),
        cv2.LINE_AA,
    )
    if style.sticking_out and number == 0:
        solid = cv2.dilate((figure > 0).view(np.uint8), np.ones((3, 3), np.uint8)) > 0
        frame[target][solid] = 0
    page.labels[target] = np.where((figure > 0) & shown, figure, page.labels[target])
    page.lines[target] = np.maximum(page.lines[target], np.where(shown, ink, 0))
    page.lines = np.maximum(page.lines, frame)


def _draw_bubble(page: Page, shape: Points, rng: np.random.Generator, style: Style) -> None:
    left, top = round(max(shape[0, 0], shape[3, 0])), round(max(shape[0, 1], shape[1, 1]))
    wide, tall = shape.max(0) - shape.min(0)
    axes = (max(24, round(wide * 0.2)), max(16, round(tall * 0.1)))
    at = [left + round(wide * 0.24), top + round(tall * 0.13)]
    if style.across:
        at[0] = left + round(axes[0] * 0.6)
    bubble = np.zeros_like(page.lines)
    cv2.ellipse(bubble, tuple(at), axes, 0, 0, 360, 255, -1)
    tail = np.array([(at[0], at[1] + axes[1] * 0.8), (at[0] + axes[0] * 0.5, at[1] + axes[1] * 0.7)])
    tail = np.vstack([tail, [(at[0] + axes[0] * 0.6, at[1] + axes[1] * 1.5)]])
    cv2.fillPoly(bubble, [np.round(tail).astype(np.int32)], 255)
    page.labels[bubble > 0] = WHITE
    page.lines[bubble > 0] = 0
    line = max(2, round(min(page.lines.shape) / 500))
    outline = cv2.findContours(bubble, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    cv2.drawContours(page.lines, outline, -1, 255, line, cv2.LINE_AA)
    words = ["LOOK OUT!", "Where are we?", "I told you", "Not again..."]
    scale = min(axes[0] / 110, axes[1] / 42)
    for row in range(2):
        word = words[int(rng.integers(len(words)))]
        place = (round(at[0] - axes[0] * 0.72), round(at[1] + (row * 2 - 0.7) * axes[1] * 0.3))
        cv2.putText(
            page.lines,
            word,
            place,
            cv2.FONT_HERSHEY_SIMPLEX,
            scale * 0.75,
            255,
            max(1, round(scale * 1.6)),
            cv2.LINE_AA,
        )


def _break_frames(page: Page, shapes: list[Points], rng: np.random.Generator, style: Style) -> None:
    """Takes whole sides, or pieces of them, off the frames."""
    thick = max(2, round(style.frame * min(page.lines.shape))) + 4
    chosen = rng.permutation(len(shapes))
    for number in chosen[: style.missing_sides]:
        side = int(rng.integers(4))
        _erase(page, shapes[number][side], shapes[number][(side + 1) % 4], thick)
    for number in chosen[: style.gaps]:
        side, start = int(rng.integers(4)), rng.uniform(0.1, 0.6)
        a, b = shapes[number][side], shapes[number][(side + 1) % 4]
        _erase(page, a + (b - a) * start, a + (b - a) * (start + 0.25), thick)


def _erase(page: Page, start: Points, end: Points, thick: int) -> None:
    step = (end - start) / np.linalg.norm(end - start) * thick
    gone = np.zeros_like(page.lines)
    ends = [tuple(int(v) for v in np.round(point)) for point in (start + step, end - step)]
    cv2.line(gone, *ends, 255, thick)
    page.lines[(gone > 0) & ((page.labels == 0) | (page.labels == WHITE))] = 0

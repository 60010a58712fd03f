"""Documents as artists have them, drawn: a robot whose every part has a colour of its own, and its reference.

Its colours differ in lightness, too: in grey documents they are all that there is. Pictures are RGBA.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
Picture = NDArray[np.uint8]

SIDE = 480
LINE = 3
WHITE = (255, 255, 255)

ROBOT: tuple[tuple[str, tuple[float, ...], tuple[int, int, int]], ...] = (
    # shape, its numbers in a unit square (an ellipse's: middle and radii), colour; later ones lie above
    ("poly", (0.36, 0.80, 0.46, 0.80, 0.46, 0.96, 0.34, 0.96), (52, 66, 120)),
    ("poly", (0.54, 0.80, 0.64, 0.80, 0.66, 0.96, 0.54, 0.96), (52, 66, 120)),
    ("poly", (0.30, 0.50, 0.36, 0.56, 0.22, 0.72, 0.15, 0.66), (214, 120, 60)),
    ("poly", (0.70, 0.50, 0.64, 0.56, 0.78, 0.72, 0.85, 0.66), (214, 120, 60)),
    ("poly", (0.30, 0.46, 0.70, 0.46, 0.66, 0.82, 0.34, 0.82), (150, 40, 52)),
    ("poly", (0.40, 0.54, 0.60, 0.54, 0.60, 0.68, 0.40, 0.68), (120, 214, 150)),
    ("ellipse", (0.50, 0.75, 0.035, 0.035), (248, 226, 110)),
    ("poly", (0.46, 0.40, 0.54, 0.40, 0.54, 0.46, 0.46, 0.46), (60, 60, 66)),
    ("poly", (0.30, 0.14, 0.70, 0.14, 0.74, 0.41, 0.26, 0.41), (176, 198, 232)),
    ("ellipse", (0.41, 0.25, 0.055, 0.06), (250, 246, 226)),
    ("ellipse", (0.59, 0.25, 0.055, 0.06), (250, 246, 226)),
    ("ellipse", (0.41, 0.25, 0.022, 0.026), (30, 110, 70)),
    ("ellipse", (0.59, 0.25, 0.022, 0.026), (30, 110, 70)),
    ("poly", (0.42, 0.34, 0.58, 0.34, 0.55, 0.38, 0.45, 0.38), (196, 70, 130)),
    ("poly", (0.44, 0.06, 0.56, 0.06, 0.60, 0.15, 0.40, 0.15), (96, 60, 150)),
)


@dataclass(frozen=True)
class Layer:
    """A layer of the sketch."""

    picture: Picture
    opacity: int = 255
    """As Krita counts it."""


@dataclass(frozen=True)
class Sheet:
    """A document: several layers are the sketch as a group."""

    layers: tuple[Layer, ...]
    labels: Plane
    """(H, W): 0 = nothing to judge, else which part of the robot."""
    lines: Plane
    """(H, W), 255 = ink."""
    truth: Picture = field(init=False)
    """What is right, without lines."""
    reference: Picture = field(init=False)

    def __post_init__(self) -> None:
        labels, lines = robot(SIDE)
        object.__setattr__(self, "truth", flat(self.labels))
        object.__setattr__(self, "reference", inked(flat(labels), lines))

    @property
    def judged(self) -> NDArray[np.bool_]:
        """(H, W): the figure's pixels off the lines."""
        return (self.labels > 0) & (cv2.dilate(self.lines, np.ones((5, 5), np.uint8)) < 20)


def robot(side: int) -> tuple[Plane, Plane]:
    """Labels and lines, (side, side)."""
    labels, lines = np.zeros((side, side), np.uint8), np.zeros((side, side), np.uint8)
    for number, (kind, values, _) in enumerate(ROBOT, 1):
        points = np.rint(np.array(values).reshape(-1, 2) * side).astype(np.int32)
        area, edge = np.zeros_like(labels), np.zeros_like(labels)
        if kind == "ellipse":
            cv2.ellipse(area, points[0].tolist(), points[1].tolist(), 0, 0, 360, 255, -1)
            cv2.ellipse(edge, points[0].tolist(), points[1].tolist(), 0, 0, 360, 255, LINE, cv2.LINE_AA)
        else:
            cv2.fillPoly(area, [points], 255)
            cv2.polylines(edge, [points], isClosed=True, color=255, thickness=LINE, lineType=cv2.LINE_AA)
        labels[area > 0] = number
        lines = np.maximum(np.where(area > 0, np.uint8(0), lines), edge)
    return labels, lines


def flat(labels: Plane) -> Picture:
    """The parts' colours on white."""
    colours = np.array([WHITE, *(colour for *_, colour in ROBOT)], np.uint8)[labels]
    return np.dstack([colours, np.full_like(labels, 255)])


def inked(picture: Picture, lines: Plane) -> Picture:
    """Lines multiplied on a picture."""
    colours = np.rint(picture[..., :3] * (1 - lines[..., None] / 255.0)).astype(np.uint8)
    return np.dstack([colours, picture[..., 3]])


def on_paper(lines: Plane) -> Picture:
    """Black lines on opaque white."""
    return inked(np.full((*lines.shape, 4), 255, np.uint8), lines)


def on_nothing(lines: Plane) -> Picture:
    """Black lines on transparency."""
    return np.dstack([np.zeros((*lines.shape, 3), np.uint8), lines])


def half_clear_layer() -> Sheet:
    """A scan in a layer of 80 % opacity."""
    labels, lines = robot(SIDE)
    return Sheet((Layer(on_paper(lines), opacity=204),), labels, lines)


def pasted_scan() -> Sheet:
    """A scan that is smaller than the canvas."""
    side, edge = SIDE * 4 // 5, SIDE // 10
    pasted = [np.pad(plane, (edge, SIDE - side - edge)) for plane in robot(side)]
    picture = np.zeros((SIDE, SIDE, 4), np.uint8)
    picture[edge : edge + side, edge : edge + side] = on_paper(robot(side)[1])
    return Sheet((Layer(picture),), *pasted)


def turned_page() -> Sheet:
    """A page turned by 11 degrees, its corners clear."""
    labels, lines = robot(SIDE)
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), 11, 0.85)
    turned = [
        cv2.warpAffine(plane, turn, (SIDE, SIDE), flags=way)
        for plane, way in (
            (on_paper(lines), cv2.INTER_AREA),
            (labels, cv2.INTER_NEAREST),
            (lines, cv2.INTER_AREA),
        )
    ]
    return Sheet((Layer(turned[0]),), *turned[1:])


def erased_pixel() -> Sheet:
    """One pixel erased from opaque paper."""
    labels, lines = robot(SIDE)
    picture = on_paper(lines)
    picture[7, 11, 3] = 0
    return Sheet((Layer(picture),), labels, lines)


def group_of_layers() -> Sheet:
    """Paper, the upper half's lines and the lower half's, in a group."""
    labels, lines = robot(SIDE)
    upper, lower = lines.copy(), lines.copy()
    upper[SIDE // 2 :], lower[: SIDE // 2] = 0, 0
    paper = np.full((SIDE, SIDE, 4), 255, np.uint8)
    return Sheet((Layer(paper), Layer(on_nothing(upper)), Layer(on_nothing(lower))), labels, lines)


def page_with_panels() -> Sheet:
    """Two panels above a wide one, the robot in each, in three sizes."""
    side, edge = 2 * SIDE, SIDE // 20
    labels, lines = np.zeros((side, side), np.uint8), np.zeros((side, side), np.uint8)
    panels = (
        (edge, edge, SIDE - 2 * edge, SIDE - 2 * edge, 0.95),
        (SIDE, edge, SIDE - edge, SIDE - 2 * edge, 0.75),
        (edge, SIDE, side - 2 * edge, SIDE - edge, 0.9),
    )
    for x, y, width, height, share in panels:
        size = round(height * share)
        left, top = x + (width - size) // 2, y + height - size
        here = slice(top, top + size), slice(left, left + size)
        labels[here], lines[here] = robot(size)
        cv2.rectangle(lines, (x, y), (x + width - 1, y + height - 1), 255, LINE)
    return Sheet((Layer(on_paper(lines)),), labels, lines)


SHEETS = {
    make.__name__: make
    for make in (
        half_clear_layer,
        pasted_scan,
        turned_page,
        erased_pixel,
        group_of_layers,
        page_with_panels,
    )
}

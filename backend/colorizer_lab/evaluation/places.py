"""The point that a simulated artist clicks: the middle of a judged region, on the sketch."""

from __future__ import annotations

import cv2
import numpy as np

from colorizer_lab.evaluation.judge import SIDE, Problem


def middle_of(problem: Problem, judged: int, size: tuple[int, int]) -> tuple[int, int]:
    """The pixel of the sketch (`size`: width, height) that is farthest from the border of a judged region."""
    return middle_and_depth(problem, judged, size)[0]


def middle_and_depth(problem: Problem, judged: int, size: tuple[int, int]) -> tuple[tuple[int, int], float]:
    """Like `middle_of`, with the distance to the border, px of the sketch."""
    width, height = size
    scale = max(size) / SIDE
    left, top = (max(size) - width) / 2, (max(size) - height) / 2
    inside = np.pad(problem.regions == problem.judged[judged], 1).astype(np.uint8)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    across, down = round((x + 0.5) * scale - left), round((y + 0.5) * scale - top)
    place = min(max(0, across), width - 1), min(max(0, down), height - 1)
    return place, float(depth.max()) * scale

"""Small pictures of flat colours to take apart, drawn here."""

import cv2
import numpy as np
from colorizer_lab.data.art.fills import find_fills

SKIN, SHIRT, SHADE, HAIR = (240, 190, 150), (40, 90, 200), (30, 78, 180), (120, 60, 20)


def figure(size=256, *, outlined=False, shade=False, moved=0):
    """(size, size, 4): a head on a body, with hair; `moved` px to the side."""
    picture = np.zeros((size, size, 4), np.uint8)
    unit = size // 16

    def shape(colour, center, axes):
        center = (center[0] * unit + moved, center[1] * unit)
        axes = (axes[0] * unit, axes[1] * unit)
        cv2.ellipse(picture, center, axes, 0, 0, 360, (*colour, 255), -1)
        if outlined:
            cv2.ellipse(picture, center, axes, 0, 0, 360, (10, 10, 10, 255), max(2, size // 100))

    shape(SHIRT, (8, 12), (5, 3))
    if shade:
        cv2.ellipse(picture, (9 * unit + moved, 13 * unit), (2 * unit, unit), 0, 0, 360, (*SHADE, 255), -1)
    shape(HAIR, (8, 5), (4, 4))
    shape(SKIN, (8, 6), (3, 3))
    return picture


def fills(size=128, **how):
    """The same, taken apart."""
    found = find_fills(figure(2 * size, **how), soft=False, size=size)
    assert found is not None
    return found

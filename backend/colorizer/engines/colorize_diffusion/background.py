"""Character-mask merging and background bleaching of v2's training (arXiv 2504.06895), as choices at inference.

Mask merging removes the sketch's foreground from the background reference as well as the reference's own, so that the
hole doesn't show the foreground's outline. Background bleaching removes the whole background reference and the sketch's
lines outside of the foreground. Here are the masks and lines for both; how training applies them is in `augmentation`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from colorizer.imaging.values import RGB, Mask

_OUTLINE = 0.005
"""Half of a thick line's width as a share of the longer side."""


@dataclass(frozen=True)
class Hiding:
    """The artist's two choices."""

    merge_masks: bool = False
    """The sketch's foreground is taken out of the reference's background as well as the reference's own."""
    bleach: bool = False
    """All of the reference's background is taken away, and the lines that the sketch has there: it becomes white."""

    def hole(self, reference_mask: Mask, sketch_mask: Mask | None) -> Mask:
        """Where the reference is painted out: its foreground's mask (H, W), grown as chosen.

        Args:
            reference_mask: (H, W), 255 = the reference's foreground.
            sketch_mask: of the sketch, any size; it is laid over the whole reference.
        """
        if self.bleach:
            return np.full_like(reference_mask, 255)
        if not self.merge_masks or sketch_mask is None:
            return reference_mask
        height, width = reference_mask.shape
        laid = cv2.resize(sketch_mask, (width, height), interpolation=cv2.INTER_AREA)
        return np.maximum(reference_mask, laid)

    def lines(self, lines: RGB, sketch_mask: Mask | None, threshold: float) -> RGB:
        """The sketch's lines (H, W, 3), light on black; where bleached, without those outside of the foreground."""
        if not self.bleach or sketch_mask is None:
            return lines
        foreground = (sketch_mask > threshold * 255).astype(np.uint8)
        wide = (
            2 * round(max(foreground.shape) * _OUTLINE) + 1
        )  # a mask may end in the middle of the foreground's outline
        foreground = cv2.dilate(foreground, np.ones((wide, wide), np.uint8))
        return np.where((foreground > 0)[..., None], lines, np.uint8(0))

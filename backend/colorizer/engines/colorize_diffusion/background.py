"""Character-mask merging and background bleaching of v2's training (arXiv 2504.06895), as options at inference.

Mask merging removes the sketch's foreground from the background reference, in addition to the reference's own
foreground, so that the shape of the removed area does not reveal the foreground's outline. Background bleaching removes
the whole background reference and the sketch's lines outside the foreground. Training applies both in `augmentation`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from colorizer.imaging.values import RGB, Mask

_OUTLINE = 0.005
"""Half the width of a thick line, as a share of the longer side."""


@dataclass(frozen=True)
class BackgroundRemoval:
    """Which parts of the background are removed before the network sees them."""

    merge_masks: bool = False
    """Remove the sketch's foreground from the background reference too."""
    bleach: bool = False
    """Remove the whole background reference and the sketch's background lines: the background becomes white."""

    def removed_area(self, reference_mask: Mask, sketch_mask: Mask | None) -> Mask:
        """Mask (H, W) of the area of the reference that is painted white.

        Args:
            reference_mask: (H, W), 255 = the reference's foreground.
            sketch_mask: the sketch's foreground, any size; it is stretched to the reference's size.
        """
        if self.bleach:
            return np.full_like(reference_mask, 255)
        if not self.merge_masks or sketch_mask is None:
            return reference_mask
        height, width = reference_mask.shape
        stretched = cv2.resize(sketch_mask, (width, height), interpolation=cv2.INTER_AREA)
        return np.maximum(reference_mask, stretched)

    def kept_lines(self, lines: RGB, sketch_mask: Mask | None, threshold: float) -> RGB:
        """Returns the lines (H, W, 3), light on black; with `bleach`, without those outside the foreground."""
        if not self.bleach or sketch_mask is None:
            return lines
        foreground = (sketch_mask > threshold * 255).astype(np.uint8)
        # A mask may end in the middle of the foreground's outline.
        width = 2 * round(max(foreground.shape) * _OUTLINE) + 1
        foreground = cv2.dilate(foreground, np.ones((width, width), np.uint8))
        return np.where((foreground > 0)[..., None], lines, np.uint8(0))

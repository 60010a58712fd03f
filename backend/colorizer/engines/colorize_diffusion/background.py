"""How much of a reference's background its branch sees: two things v2's training does (arXiv 2504.06895), as choices.

The training hides more of the background reference than its figure, so that the hole doesn't tell the figure's outline
(character-mask merging), or all of it, with the sketch's background lines (background bleaching); see `augmentation`.
What it has learned from that can be asked for: here are the masks and lines for it.
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
    """The sketch's figure is taken out of the reference's background as well as the reference's own."""
    bleach: bool = False
    """All of the reference's background is taken away, and the lines that the sketch has there: it becomes white."""

    def hole(self, reference_mask: Mask, sketch_mask: Mask | None) -> Mask:
        """Where the reference is painted out: its figure's mask (H, W), grown as chosen.

        Args:
            reference_mask: (H, W), 255 = the reference's figure.
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
        """The sketch's lines (H, W, 3), light on black, without those outside of its figure where that is bleached."""
        if not self.bleach or sketch_mask is None:
            return lines
        figure = (sketch_mask > threshold * 255).astype(np.uint8)
        wide = (
            2 * round(max(figure.shape) * _OUTLINE) + 1
        )  # a mask may end in the middle of the figure's outline
        figure = cv2.dilate(figure, np.ones((wide, wide), np.uint8))
        return np.where((figure > 0)[..., None], lines, np.uint8(0))

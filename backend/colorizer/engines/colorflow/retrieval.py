"""ColorFlow's Retrieval-Augmented Pipeline (arXiv 2412.11815, section 3.1): chooses the patches around the picture.

Picture and references are cut into overlapping patches. An image tower measures their similarity, and the three most
similar patches for each quadrant are pasted around the picture on one canvas. Pictures are uint8 RGB (H, W, 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from colorizer.imaging.values import RGB

Embeddings = NDArray[np.float32]
"""Embeddings of patches by the image tower, (patches, D)."""


@dataclass(frozen=True)
class Size:
    """Width and height in px."""

    width: int
    height: int

    def times(self, factor: float) -> Size:
        """This size times a factor."""
        return Size(int(self.width * factor), int(self.height * factor))


SIZES = (Size(640, 640), Size(512, 800), Size(800, 512))
"""Working sizes of the published models; the sides of the page are 1.5 times as long."""

_STRETCH = 0.15
"""Relative difference of aspect ratios up to which a picture is stretched instead of cropped."""
_PATCHES_PER_REFERENCE = 5
_BEST = 3
_FRAME = 1
"""White frame around each patch, px."""
_CELLS = (
    ((1, 0), (0, 1), (0, 0)),
    ((1, 3), (0, 2), (0, 3)),
    ((2, 0), (3, 1), (3, 0)),
    ((2, 3), (3, 2), (3, 3)),
)
"""Cells (row, column) of the 4 x 4 canvas for the best three patches of each quadrant (top left, top right, bottom
left, bottom right), best first: two touch the picture's edge, the third is in the corner."""


def nearest_size(width: int, height: int) -> Size:
    """The published size whose aspect ratio is nearest to a picture's."""
    return min(SIZES, key=lambda size: abs(np.log(size.width / size.height * height / width)))


def fit(picture: RGB, size: Size) -> RGB:
    """Resizes a picture to `size`, stretching it if the aspect ratio is similar, else cropping its centre first."""
    height, width = picture.shape[:2]
    if (width, height) == (size.width, size.height):
        return picture
    ratio = size.width / size.height
    left = top = 0
    cut_width, cut_height = width, height
    if abs(width / height - ratio) / ratio >= _STRETCH:
        if width / height > ratio:
            cut_width = int(height * ratio)
            left = int((width - cut_width) / 2)
        else:
            cut_height = int(width / ratio)
            top = int((height - cut_height) / 2)
    cut = picture[top : top + cut_height, left : left + cut_width]
    return _resized(cut, size)


def query_patches(picture: RGB) -> list[RGB]:
    """Four overlapping crops of three quarters of each side: top left, top right, bottom left, bottom right."""
    height, width = picture.shape[:2]
    tall, wide = height * 3 // 4, width * 3 // 4
    corners = [(0, 0), (0, width // 4), (height // 4, 0), (height // 4, width // 4)]
    return [picture[top : top + tall, left : left + wide] for top, left in corners]


def reference_patches(picture: RGB) -> list[RGB]:
    """The whole picture, then its four crops."""
    return [picture, *query_patches(picture)]


def similarities(query: Embeddings, references: Embeddings) -> NDArray[np.float32]:
    """Cosine similarities between query and reference patches, (queries, references)."""
    unit = query / np.linalg.norm(query, axis=1, keepdims=True)
    others = references / np.linalg.norm(references, axis=1, keepdims=True)
    return np.asarray(unit @ others.T)


def ranking(cosines: NDArray[np.float32]) -> NDArray[np.intp]:
    """Indices of the reference patches for each query patch, most similar first; ties keep their order."""
    return np.argsort(-cosines, axis=1, kind="stable")


def stitch(picture: RGB, patches: Sequence[RGB], order: NDArray[np.intp]) -> RGB:
    """Stitches a white canvas (2H, 2W, 3) with the picture in its centre and the best patches around it.

    Args:
        picture: (H, W, 3), fitted to one of the sizes.
        patches: all reference patches.
        order: (4, patches), see `ranking`. A patch may be used several times, as in the published code.
    """
    height, width = picture.shape[:2]
    canvas = np.full((2 * height, 2 * width, 3), 255, np.uint8)
    canvas[height // 2 : height // 2 + height, width // 2 : width // 2 + width] = picture
    cell = Size(width // 2, height // 2)
    inside = Size(cell.width - 2 * _FRAME, cell.height - 2 * _FRAME)
    for cells, best in zip(_CELLS, order[:, :_BEST], strict=True):
        for (row, column), patch in zip(cells, best, strict=False):
            top, left = row * cell.height + _FRAME, column * cell.width + _FRAME
            pasted = _resized(patches[patch], inside)
            canvas[top : top + inside.height, left : left + inside.width] = pasted
    return canvas


def _resized(picture: RGB, size: Size) -> RGB:
    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(image.resize((size.width, size.height), Image.Resampling.BICUBIC))

"""Training data of a klein LoRA: procedural drawings, or a folder of coloured pictures; items are seeded by their
number.

An item is a coloured picture, its line art, and a reference with the same objects: for procedural drawings the same
characters in another pose, for the user's pictures a warped copy, as in AnimeDiffusion (arXiv 2303.11137, section 4.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from colorizer.engines.anime_diffusion.pictures import XDOG_SIGMAS, Warp, xdog
from colorizer.errors import InvalidInput
from colorizer.imaging.pictures import over_white, read_picture
from colorizer.imaging.values import RGB

from colorizer_lab.data.drawing import triplet

FIRST_TRAINING_SEED = 1_000_000
"""Drawings with smaller seeds are held out for validation in all trainings."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class Item:
    """A training item; all pictures are (S, S, 3)."""

    picture: RGB
    lines: RGB
    reference: RGB


class OwnDrawings:
    """An endless series of procedural drawings."""

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._first = FIRST_TRAINING_SEED + seed * 1_000_000_000

    def item(self, number: int) -> Item:
        """Drawing `number` of the series."""
        drawing = triplet(self._first + number, self._size)
        inked = drawing.flats * (drawing.sketch[..., None] / np.float32(255))
        lines = np.repeat(drawing.sketch[..., None], 3, axis=2)
        return Item(np.asarray(inked * 255 + 0.5, np.uint8), lines, drawing.reference)


class PictureFolder:
    """The user's pictures. Lines are extracted by XDoG unless `lines/` contains files of the same names.

    Raises:
        InvalidInput: the folder contains no picture.
    """

    def __init__(self, folder: Path, size: int, seed: int) -> None:
        self._size, self._seed = size, seed
        self._folder = folder
        found = folder.iterdir() if folder.is_dir() else ()
        self._names = sorted(path.name for path in found if path.suffix.lower() in SUFFIXES)
        if not self._names:
            raise InvalidInput(
                f"{folder} contains no pictures ({', '.join(SUFFIXES)}). Choose another folder."
            )

    def item(self, number: int) -> Item:
        """Item `number`; each epoch has its own order."""
        epoch, place = divmod(number, len(self._names))
        name = self._names[np.random.default_rng((self._seed, epoch)).permutation(len(self._names))[place]]
        random = np.random.default_rng((self._seed, number))
        picture = self._square(over_white(read_picture(self._folder / name)))
        drawn = self._folder / "lines" / name
        if drawn.is_file():
            lines = self._square(over_white(read_picture(drawn)))
        else:
            lines = np.repeat(
                xdog(picture, XDOG_SIGMAS[random.integers(len(XDOG_SIGMAS))])[..., None], 3, axis=2
            )
        return Item(picture, lines, Warp.draw(random).apply(picture))

    def _square(self, picture: RGB) -> RGB:
        """Fits the picture into the square, centred on white, without cropping."""
        height, width = picture.shape[:2]
        scale = self._size / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(np.ascontiguousarray(picture), size, interpolation=way)
        square = np.full((self._size, self._size, 3), 255, np.uint8)
        top, left = (self._size - size[1]) // 2, (self._size - size[0]) // 2
        square[top : top + size[1], left : left + size[0]] = small
        return square

"""AnimeDiffusion's training data: the published folder layout, or procedural drawings; each item is seeded by its
number.

An item is a coloured picture with its lines. The reference is a warped copy of the picture (arXiv 2303.11137, section
4.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from colorizer.engines.anime_diffusion.pictures import XDOG_SIGMAS, Warp, to_tensor, xdog
from colorizer.errors import InvalidInput
from colorizer.imaging.pictures import over_white, read_picture
from colorizer.imaging.values import RGB
from numpy.typing import NDArray
from torch import Tensor

from colorizer_lab.data.drawing import triplet

PUBLISHED_ITEMS = 31_696
"""Number of training pictures in the paper's data set, which is the length of an epoch."""
FIRST_TRAINING_SEED = 1_000_000
"""Drawings with smaller seeds are held out for validation in all trainings."""


@dataclass(frozen=True)
class Item:
    """A training item."""

    picture: RGB
    """(S, S, 3), the target."""
    lines: NDArray[np.uint8]
    """(S, S), 0 = line."""
    reference: RGB
    """(S, S, 3), the warped target."""

    def tensors(self) -> tuple[Tensor, Tensor]:
        """The target (1, 3, S, S) and the condition (1, 4, S, S), in [-1, 1]."""
        return to_tensor(self.picture), torch.cat([to_tensor(self.lines), to_tensor(self.reference)], dim=1)


class OwnDrawings:
    """An endless series of procedural drawings, with lines extracted by XDoG."""

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._first = FIRST_TRAINING_SEED + seed * 1_000_000_000

    def item(self, number: int) -> Item:
        """Drawing `number` of the series."""
        drawing = triplet(self._first + number, self._size)
        inked = drawing.flats * (drawing.sketch[..., None] / np.float32(255))
        picture = np.asarray(inked * 255 + 0.5, np.uint8)
        random = np.random.default_rng((self._first, number))
        sigma = XDOG_SIGMAS[random.integers(len(XDOG_SIGMAS))]
        return Item(picture, xdog(picture, sigma), Warp.draw(random).apply(picture))


class PublishedFolder:
    """The paper's layout: `reference/` with pictures and `condition/` with their lines, equal names in order.

    Raises:
        InvalidInput: a folder is missing or empty, or the names differ.
    """

    def __init__(self, folder: Path, size: int, seed: int) -> None:
        self._size, self._seed = size, seed
        names = [
            sorted(path.name for path in (folder / part).glob("*.*")) for part in ("reference", "condition")
        ]
        if not names[0] or names[0] != names[1]:
            raise InvalidInput(
                f"{folder} must contain `reference` and `condition` with pictures of equal names;"
                f" there are {len(names[0])} and {len(names[1])}."
            )
        self._folder, self._names = folder, names[0]

    def item(self, number: int) -> Item:
        """Item `number`; each epoch has its own order."""
        epoch, place = divmod(number, len(self._names))
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._names))
        name = self._names[order[place]]
        picture = over_white(read_picture(self._folder / "reference" / name))
        lines = over_white(read_picture(self._folder / "condition" / name))
        warped = Warp.draw(np.random.default_rng((self._seed, number))).apply(picture)
        grey = cv2.cvtColor(self._square(lines), cv2.COLOR_RGB2GRAY)
        return Item(self._square(picture), grey, self._square(warped))

    def _square(self, picture: RGB) -> RGB:
        """Crops the central square and resizes it."""
        height, width = picture.shape[:2]
        short = min(height, width)
        top, left = (height - short) // 2, (width - short) // 2
        way = cv2.INTER_AREA if short > self._size else cv2.INTER_LINEAR
        inner = np.ascontiguousarray(picture[top : top + short, left : left + short])
        return cv2.resize(inner, (self._size, self._size), interpolation=way)  # type: ignore[no-any-return]

"""Reads the folder layouts of the papers' benchmarks.

`anime-diffusion` (arXiv 2303.11137): `reference/` and `condition/` contain colour pictures and their line drawings
with the same file names. The colour picture is the truth. The reference is a warped copy of it (`same`), or another
picture (`cross`). `colorflow` (arXiv 2412.11815): ColorFlow-Bench was never published, so the folder names are chosen
here. Each chapter has `CHAPTER/reference/` (the pool), `CHAPTER/page/` (black and white) and `CHAPTER/original/` with
the same file names as the pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from colorizer.engines.base import Picture
from colorizer.errors import InvalidInput
from colorizer.imaging.pictures import over_white, read_picture

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


class Layout(str, Enum):
    """The folder layout of a benchmark."""

    ANIME_DIFFUSION = "anime-diffusion"
    COLORFLOW = "colorflow"


@dataclass(frozen=True)
class Example:
    """One picture to colour; files are read on access."""

    name: str
    sketch: Path
    truth: Path
    references: tuple[Path, ...]
    warp_seed: int | None = None
    """Seed of the warp that is applied to the reference, as in training; None: no warp."""

    def pool(self) -> tuple[Picture, ...]:
        """The references."""
        pictures = tuple(read_picture(path) for path in self.references)
        return pictures if self.warp_seed is None else tuple(_warped(p, self.warp_seed) for p in pictures)


def read_benchmark(folder: Path, layout: Layout, *, cross: bool = False) -> list[Example]:
    """Reads the examples of a benchmark's folder, sorted by name.

    Args:
        folder: the folder.
        layout: its layout.
        cross: whether the reference is another picture; `anime-diffusion` only.

    Raises:
        InvalidInput: the folder does not have this layout.
    """
    if layout is Layout.COLORFLOW:
        found = [example for chapter in sorted(folder.iterdir()) for example in _chapter(chapter)]
    else:
        found = _faces(folder, cross=cross)
    if not found:
        raise InvalidInput(
            f"{folder} doesn't have the layout of {layout.value}. See `colorize benchmark --help`."
        )
    return found


def _faces(folder: Path, *, cross: bool) -> list[Example]:
    colours, lines = _pictures(folder / "reference"), _pictures(folder / "condition")
    if colours.keys() != lines.keys():
        lonely = sorted(colours.keys() ^ lines.keys())[0]
        raise InvalidInput(
            f"{lonely} is in only one of `reference` and `condition`. Add it to the other one."
        )
    names = sorted(colours)
    return [
        Example(
            name,
            sketch=lines[name],
            truth=colours[name],
            # The reference is the next picture, so that pairs are reproducible and no picture is its own reference.
            references=(colours[names[(index + 1) % len(names)]] if cross else colours[name],),
            warp_seed=None if cross else index,
        )
        for index, name in enumerate(names)
    ]


def _chapter(folder: Path) -> Iterator[Example]:
    pool, originals = _pictures(folder / "reference"), _pictures(folder / "original")
    for name, page in _pictures(folder / "page").items():
        if name in originals and pool:
            yield Example(f"{folder.name}/{name}", page, originals[name], tuple(pool.values()))


def _pictures(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by their names without suffix."""
    if not folder.is_dir():
        return {}
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    return {path.stem: path for path in found}


def _warped(picture: Picture, seed: int) -> Picture:
    from colorizer.engines.anime_diffusion.pictures import Warp

    bent = Warp.draw(np.random.default_rng(seed)).apply(over_white(picture))
    return np.dstack([bent, np.full(bent.shape[:2], 255, np.uint8)])

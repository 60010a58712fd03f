"""`python -m colorizer_lab.data SHEET.png`: draws a contact sheet of triplets, for visual inspection."""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from colorizer_lab.data.drawing import Triplet, triplet


def contact_sheet(first_seed: int, count: int, size: int, columns: int) -> NDArray[np.uint8]:
    """A sheet (H, W, 3) sRGB of triplets: sketch, reference, flats, foreground mask."""
    cells = [_cell(triplet(first_seed + i, size)) for i in range(count)]
    cells += [np.zeros_like(cells[0])] * (-count % columns)
    rows = [np.concatenate(cells[i : i + columns], 1) for i in range(0, len(cells), columns)]
    return np.concatenate(rows, 0)


def _cell(drawn: Triplet) -> NDArray[np.uint8]:
    flats = np.asarray(drawn.flats * 255 + 0.5, np.uint8)
    mask = np.asarray(drawn.foreground * 255, np.uint8)
    grays = [np.repeat(gray[..., None], 3, 2) for gray in (drawn.sketch, mask)]
    return np.concatenate([grays[0], drawn.reference, flats, grays[1]], 1)


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="python -m colorizer_lab.data", description=__doc__)
    parser.add_argument("sheet", help="PNG file to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--size", type=int, default=192, help="edge of each picture, px")
    parser.add_argument("--columns", type=int, default=2)
    options = parser.parse_args()
    sheet = contact_sheet(options.seed, options.count, options.size, options.columns)
    Image.fromarray(sheet).save(options.sheet)


if __name__ == "__main__":
    main()

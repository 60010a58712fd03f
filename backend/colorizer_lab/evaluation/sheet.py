"""The contact sheet: every coloured item as a row of small pictures, for visual inspection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from colorizer.imaging.pictures import write_png
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

TILE = 192
_GAP = 8
_CAPTION = 20
_HEAD = 64
_GROUND = (244, 243, 240)
_TEXT = (48, 46, 44)
_COLUMNS = ("sketch", "reference", "truth", "engine", "same place", "palette match")

Colours = NDArray[np.uint8]
"""(H, W, 3), sRGB."""


@dataclass(frozen=True)
class Row:
    """One item's pictures, of any sizes."""

    caption: str
    sketch: Colours
    reference: Colours
    truth: Colours | None
    ours: Colours
    baselines: tuple[Colours, ...]
    """`same_place` and `palette_match`; empty without a truth."""

    def small(self) -> Row:
        """A copy with pictures no larger than a tile, to save memory."""
        truth = None if self.truth is None else _tile(self.truth)
        return Row(
            self.caption,
            _tile(self.sketch),
            _tile(self.reference),
            truth,
            _tile(self.ours),
            tuple(_tile(picture) for picture in self.baselines),
        )


def write_sheet(path: Path, rows: Sequence[Row], *, title: str) -> None:
    """Writes the sheet with the heading `title`; many items are arranged in two columns."""
    across = 2 if len(rows) > 6 else 1
    down = -(-len(rows) // across)
    width = across * (len(_COLUMNS) * (TILE + _GAP) + 3 * _GAP)
    height = _HEAD + down * (TILE + _CAPTION + _GAP) + _GAP
    sheet = Image.new("RGB", (width, max(height, _HEAD)), _GROUND)
    draw = ImageDraw.Draw(sheet)
    draw.text((2 * _GAP, _GAP), title, _TEXT, ImageFont.load_default(18))
    for half in range(across):
        left = half * (width // across) + 2 * _GAP
        for column, name in enumerate(_COLUMNS):
            draw.text((left + column * (TILE + _GAP), _HEAD - 24), name, _TEXT, ImageFont.load_default(14))
    for index, row in enumerate(rows):
        left = (index // down) * (width // across) + 2 * _GAP
        top = _HEAD + (index % down) * (TILE + _CAPTION + _GAP)
        _draw_row(sheet, row, left, top)
    write_png(path, np.asarray(sheet))


def _draw_row(sheet: Image.Image, row: Row, left: int, top: int) -> None:
    draw = ImageDraw.Draw(sheet)
    draw.text((left, top), row.caption, _TEXT, ImageFont.load_default(13))
    for column, picture in enumerate((row.sketch, row.reference, row.truth, row.ours, *row.baselines)):
        if picture is None:
            continue
        tile = Image.fromarray(_tile(picture))
        x = left + column * (TILE + _GAP) + (TILE - tile.width) // 2
        sheet.paste(tile, (x, top + _CAPTION + (TILE - tile.height) // 2))


def _tile(picture: Colours) -> Colours:
    image = Image.fromarray(np.ascontiguousarray(picture))
    image.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
    return np.asarray(image)

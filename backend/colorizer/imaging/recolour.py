"""Palette edits: replaces colours in finished pictures exactly, without blending.

`colorizer.imaging.palette` finds the colours of a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorizer.imaging.values import Layer, Picture, Role, Swap

FLAT = (Role.BACKGROUND, Role.FOREGROUND)
"""The roles of layers with palette colours."""

_ALPHA = np.uint32(0xFF000000)
_ALPHA_STEP = np.uint32(0x01000000)
_BAND_ROWS = 64
"""Number of rows whose data fits into the CPU's cache."""


def recolour(picture: Picture, swaps: Sequence[Swap]) -> tuple[Picture, int]:
    """Makes all swaps at once, so that two colours can be exchanged. Returns the picture and the number of changed
    pixels.

    Only visible pixels with exactly a swap's colour are changed; alpha stays the same.
    """
    result = np.ascontiguousarray(picture).copy()
    words = result.view("<u4")[..., 0]  # 0xAABBGGRR
    bands = range(0, len(words), _BAND_ROWS)
    return result, sum(_recolour_band(words[top : top + _BAND_ROWS], swaps) for top in bands)


def _recolour_band(words: NDArray[np.uint32], swaps: Sequence[Swap]) -> int:
    """Makes all swaps in some rows, in place; returns the number of changed pixels."""
    colours, shown = words & (_ALPHA_STEP - 1), words >= _ALPHA_STEP
    changed = 0
    for swap in swaps:
        found = (colours == _word(swap.before)) & shown
        count = int(np.count_nonzero(found))
        if count:
            words[found] = words[found] & _ALPHA | _word(swap.after)
            changed += count
    return changed


def _word(colour: str) -> np.uint32:
    """Parses "#rrggbb" to 0x00BBGGRR."""
    return np.uint32(int.from_bytes(bytes.fromhex(colour[1:]), "little"))


def recolour_layers(layers: Sequence[Layer], swaps: Sequence[Swap]) -> tuple[Layer, ...]:
    """Makes the swaps in the flat layers; shading and light stay unchanged."""
    return tuple(
        replace(layer, pixels=recolour(layer.pixels, swaps)[0]) if layer.role in FLAT else layer
        for layer in layers
    )


def recolour_report(report: dict[str, Any], swaps: Sequence[Swap]) -> dict[str, Any]:
    """A result's report with the swaps made in its palette: each colour once, in the former order."""
    new = {swap.before: swap.after for swap in swaps}
    palette = [new.get(name, name) for name in report.get("palette", [])]
    return report | {"palette": list(dict.fromkeys(palette))}

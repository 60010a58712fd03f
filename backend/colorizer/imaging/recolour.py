"""Palette edits: one colour takes another's place in finished pictures, exactly and everywhere at once.

Which colours a picture has is found in `colorizer.imaging.palette`; nothing is guessed or blended here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorizer.imaging.values import Layer, Picture, Role, Swap

FLAT = (Role.BACKGROUND, Role.FOREGROUND)
"""The roles of layers that hold palette colours."""

_ALPHA = np.uint32(0xFF000000)
_ALPHA_STEP = np.uint32(0x01000000)
_BAND_ROWS = 64
"""What is computed of so many rows stays in the processor's cache."""


def recolour(picture: Picture, swaps: Sequence[Swap]) -> tuple[Picture, int]:
    """The picture with all swaps made at once (so that two colours can change places), and how many pixels changed.

    Only pixels that show something and have exactly a swap's colour change; alpha stays as it is.
    """
    result = np.ascontiguousarray(picture).copy()
    words = result.view("<u4")[..., 0]  # 0xAABBGGRR
    bands = range(0, len(words), _BAND_ROWS)
    return result, sum(_recolour_band(words[top : top + _BAND_ROWS], swaps) for top in bands)


def _recolour_band(words: NDArray[np.uint32], swaps: Sequence[Swap]) -> int:
    """Makes all swaps in some rows, in place; how many pixels changed."""
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
    """ "#rrggbb" as 0x00BBGGRR."""
    return np.uint32(int.from_bytes(bytes.fromhex(colour[1:]), "little"))


def recolour_layers(layers: Sequence[Layer], swaps: Sequence[Swap]) -> tuple[Layer, ...]:
    """The layers with the swaps made in the flat ones; shading and light stay as they are."""
    return tuple(
        replace(layer, pixels=recolour(layer.pixels, swaps)[0]) if layer.role in FLAT else layer
        for layer in layers
    )


def recolour_report(report: dict[str, Any], swaps: Sequence[Swap]) -> dict[str, Any]:
    """A result's report whose palette names the colours that came in; each once, in the old order."""
    new = {swap.before: swap.after for swap in swaps}
    palette = [new.get(name, name) for name in report.get("palette", [])]
    return report | {"palette": list(dict.fromkeys(palette))}

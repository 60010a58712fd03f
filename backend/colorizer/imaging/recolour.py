"""Palette edits: one colour takes another's place in finished pictures, exactly and everywhere at once.

Which colours a picture has is found in `colorizer.imaging.palette`; nothing is guessed or blended here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from colorizer.imaging import color
from colorizer.imaging.values import Layer, Picture, Role, Swap

FLAT = (Role.BACKGROUND, Role.FIGURE)
"""The roles of layers that hold palette colours."""


def recolour(picture: Picture, swaps: Sequence[Swap]) -> tuple[Picture, int]:
    """The picture with all swaps made at once (so that two colours can change places), and how many pixels changed.

    Only pixels that show something and have exactly a swap's colour change; alpha stays as it is.
    """
    before = color.pack(color.from_hex([swap.before for swap in swaps]))
    after = color.from_hex([swap.after for swap in swaps])
    packed = color.pack(picture)
    result = picture.copy()
    changed = 0
    for old, new in zip(before, after, strict=True):
        found = (packed == old) & (picture[..., 3] > 0)
        result[found, :3] = new
        changed += int(np.count_nonzero(found))
    return result, changed


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

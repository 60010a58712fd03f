"""What counts as delivered of a result, as it travels with a repair or a palette edit (docs/wire.md, "redo").

Pictures stay packed: what is compared and changed in them is the backend's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from krita_colorize.core.bundle import Bundle, Placed, Writer
from krita_colorize.core.port import KEY_STROKES, ROLES


@dataclass(frozen=True)
class DeliveredLayer:
    """A layer and, of its size and in its place, its mask. In an answer, None is as it was."""

    role: str
    pixels: Placed | None
    mask: Placed | None = None


def to_json(layers: Iterable[DeliveredLayer], writer: Writer) -> list[dict[str, Any]]:
    """Those of the layers that a change can reach."""
    return [
        {"role": layer.role, "pixels": writer.place(layer.pixels), "mask": writer.place(layer.mask)}
        for layer in layers
        if layer.role in (*ROLES, KEY_STROKES)
    ]


def read(entries: Iterable[Mapping[str, Any]], answer: Bundle) -> dict[str, DeliveredLayer]:
    """The layers of an answer by their roles. Raises `BundleError`, `KeyError` or `TypeError`."""
    return {
        entry["role"]: DeliveredLayer(
            str(entry["role"]), answer.placed(entry["pixels"]), answer.placed(entry["mask"])
        )
        for entry in entries
    }

"""Reads and writes the delivered layers of results, for repairs and palette edits (docs/wire.md, "redo").

The pictures stay packed, because the backend compares and changes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from krita_colorize.core.bundle import Bundle, Placed, Writer
from krita_colorize.core.port import KEY_STROKES, ROLES


@dataclass(frozen=True)
class DeliveredLayer:
    """A layer and its mask, which has the same size and position. In an answer, None means unchanged."""

    role: str
    pixels: Placed | None
    mask: Placed | None = None


def to_json(layers: Iterable[DeliveredLayer], writer: Writer) -> list[dict[str, Any]]:
    """The layers that a change can affect, as JSON; their pictures are added to `writer`."""
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

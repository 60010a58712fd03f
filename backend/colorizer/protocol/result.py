"""The header of a result's bundle and of an edit's."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from colorizer.imaging.roles import Blend, PlaceKind, Role
from colorizer.protocol.base import Count, Message
from colorizer.protocol.request import EditedLayer


class LayerMask(Message):
    """A mask of its layer's size and place."""

    blob: Count
    name: str


class LayerEntry(Message):
    """One layer, from bottom to top."""

    name: str
    role: Role
    blob: Count
    x: int
    y: int
    blend: Blend
    opacity: float = Field(ge=0, le=1)
    clip: bool = Field(description="Shown only where what is below it in the group is opaque.")
    mask: LayerMask | None


class PlaceEntry(Message):
    """A rectangle of the canvas, px, that somebody should look at."""

    kind: PlaceKind
    x: int
    y: int
    width: Count
    height: Count
    confidence: float = Field(ge=0, le=1)


class CheckMask(Message):
    """A `gray8` mask of the canvas's size, 255 = look here."""

    blob: Count


class CheckEntry(Message):
    """Where a result may be wrong."""

    mask: CheckMask
    places: list[PlaceEntry]


class ResultHeader(Message):
    """The header of a result, beside `blobs`."""

    preview: Count = Field(description="The blob of the flattened result, PNG.")
    layers: list[LayerEntry]
    check: CheckEntry | None = Field(description="Null from engines that don't know.")
    record: dict[str, Any] = Field(description="How it came about: request, report, versions, hashes, times.")


class EditAnswer(Message):
    """The header of an edit's answer, beside `blobs`."""

    layers: list[EditedLayer]

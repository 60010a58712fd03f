"""The header of a result's bundle and of an edit's."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from colorizer.imaging.roles import Blend, Role
from colorizer.protocol.base import Count, Message
from colorizer.protocol.request import CheckEntry, DeliveredLayer, EditedLayer, MadeFrom


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


class RedoAnswer(Message):
    """What counts as delivered, and as what it was made from, once `layers` have been put into the document."""

    state: Count = Field(description="Which of the request's states it starts from.")
    delivered: list[DeliveredLayer]
    made_from: MadeFrom = Field(
        description="`sketch_mask` is always told; of the others null is as the request had it."
    )
    unseen: bool = Field(
        description="Whether the chosen mask was painted where the result's own shows the other side."
    )


class ResultHeader(Message):
    """The header of a result, beside `blobs`."""

    preview: Count = Field(description="The blob of the flattened result, PNG.")
    layers: list[LayerEntry]
    check: CheckEntry | None = Field(description="Null from engines that don't know.")
    redo: RedoAnswer | None = None
    record: dict[str, Any] = Field(description="How it came about: request, report, versions, hashes, times.")


class EditAnswer(Message):
    """The header of an edit's answer, beside `blobs`."""

    layers: list[EditedLayer]
    delivered: list[DeliveredLayer]

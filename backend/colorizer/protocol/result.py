"""The header of a result's bundle and of an edit's."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from colorizer.imaging.roles import Blend, Role
from colorizer.protocol.base import Colour, Count, Message
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


class RegionLabels(Message):
    """The regions as runs of pixels in reading order, across the ends of rows. The words (32 bits, little endian) of a
    `bgra8` blob are the lengths of all runs, then the numbers of their regions; what follows is padding."""

    blob: Count
    runs: Count


class RegionsEntry(Message):
    """The regions of the result, as corrections need them."""

    labels: RegionLabels
    colours: list[Colour] = Field(description="Likely colours, before `swaps` were made.")
    background: list[Count] = Field(
        description="The regions that the background layer shows; the others are the figure layer's."
    )
    likely: list[list[Count]] = Field(
        description="Of every region its colour, then others that it may have, the likely first; indices of `colours`."
    )
    alike: list[list[Count]] = Field(description="Of every region those that were taken for the same thing.")


class ResultHeader(Message):
    """The header of a result, beside `blobs`."""

    preview: Count = Field(description="The blob of the flattened result, PNG.")
    layers: list[LayerEntry]
    check: CheckEntry | None = Field(description="Null from engines that don't know.")
    redo: RedoAnswer | None = None
    regions: RegionsEntry | None = Field(
        default=None, description="Null where the canvas has no regions, or more than can be told."
    )
    record: dict[str, Any] = Field(description="How it came about: request, report, versions, hashes, times.")


class EditAnswer(Message):
    """The header of an edit's answer, beside `blobs`."""

    layers: list[EditedLayer]
    delivered: list[DeliveredLayer]

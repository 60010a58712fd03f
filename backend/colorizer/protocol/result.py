"""The headers of the bundles of results and of edits."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from colorizer.imaging.roles import Blend, Role
from colorizer.protocol.base import Colour, Count, Message
from colorizer.protocol.request import CheckEntry, DeliveredLayer, EditedLayer, MadeFrom


class LayerMask(Message):
    """A mask with its layer's size and position."""

    blob: Count
    name: str


class LayerEntry(Message):
    """One layer of a result; layers are listed from bottom to top."""

    name: str
    role: Role
    blob: Count
    x: int
    y: int
    blend: Blend
    opacity: float = Field(ge=0, le=1)
    clip: bool = Field(
        description="Whether it is visible only where the layers below it in the group are opaque."
    )
    mask: LayerMask | None


class RedoAnswer(Message):
    """The delivered layers and the pictures they were made from, once `layers` are in the document."""

    state: Count = Field(description="The index of the request's state that was repaired.")
    delivered: list[DeliveredLayer]
    made_from: MadeFrom = Field(
        description="`sketch_mask` is always given; for the others null means as in the request."
    )
    unseen: bool = Field(
        description="Whether the chosen mask was changed at places that the result's own masks hide."
    )


class RegionLabels(Message):
    """The regions as runs of pixels in reading order; runs continue across the ends of rows. The words (32 bits, little
    endian) of a `bgra8` blob are the lengths of all runs, then the numbers of their regions, then padding."""

    blob: Count
    runs: Count


class RegionsEntry(Message):
    """The regions of the result, for corrections."""

    labels: RegionLabels
    colours: list[Colour] = Field(description="Likely colours, before the `swaps`.")
    background: list[Count] = Field(
        description="The regions of the background layer; the others are on the figure layer."
    )
    likely: list[list[Count]] = Field(
        description="For every region its colour, then other possible ones, the most likely first; indices of"
        " `colours`."
    )
    alike: list[list[Count]] = Field(
        description="For every region the regions that were recognised as the same part."
    )


class ResultHeader(Message):
    """The header of a result, without `blobs`."""

    preview: Count = Field(description="The blob of the flattened result, PNG.")
    layers: list[LayerEntry]
    check: CheckEntry | None = Field(description="Null from engines that don't support it.")
    redo: RedoAnswer | None = None
    regions: RegionsEntry | None = Field(
        default=None, description="Null if the canvas has no regions or too many."
    )
    record: dict[str, Any] = Field(description="How it was made: request, report, versions, hashes, times.")


class EditAnswer(Message):
    """The header of an edit's answer, without `blobs`."""

    layers: list[EditedLayer]
    delivered: list[DeliveredLayer]

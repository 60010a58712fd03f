"""What clients send: the header of a job's bundle and of an edit's, and the small bodies of the other routes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from colorizer.protocol.base import FAR, Colour, Count, Hash, Message
from colorizer.protocol.modes import Mode
from colorizer.protocol.options import Options

REFERENCES = 16
BINDINGS = 256
SWAPS = 256
_FRAMES = 4096


class PlacedBlob(Message):
    """A picture and where its top left corner lies on its canvas, px."""

    blob: Count
    x: int = Field(default=0, ge=-FAR, le=FAR)
    y: int = Field(default=0, ge=-FAR, le=FAR)


class ReferenceBlobs(Message):
    """A reference and, where the artist made one, its foreground mask."""

    picture: PlacedBlob
    mask: PlacedBlob | None = None


class CanvasSize(Message):
    """The size of the canvas, px."""

    width: int = Field(ge=1)
    height: int = Field(ge=1)


class SpotBinding(Message):
    """This region of the canvas takes that spot of a reference, px."""

    x: Count
    y: Count
    reference: Count
    reference_x: Count
    reference_y: Count


class ColourSwap(Message):
    """One palette colour takes another's place."""

    before: Colour = Field(alias="from")
    after: Colour = Field(alias="to")


class DeliveredLayer(Message):
    """A layer of the earlier result: as the backend sent it, and as it is in the document now."""

    role: Literal["background", "figure"]
    delivered: PlacedBlob
    now: PlacedBlob


class RedoBlobs(Message):
    """An earlier result that is to be repaired where something changed."""

    changed: PlacedBlob
    layers: list[DeliveredLayer] = Field(min_length=1, max_length=2)


class JobRequest(Message):
    """`header["request"]` of a job."""

    api: Literal[2]
    task: Literal["colorize", "mask", "survey"] = Field(
        description="Colour the sketch, find its foreground, or look at one frame of an animation."
    )
    engine: str = Field(min_length=1, max_length=64)
    model: str = Field(default="", max_length=128, description="Empty for the engine's default.")
    mode: Mode = Field(default=Mode.WHOLE, strict=False)
    canvas: CanvasSize
    sketch: PlacedBlob
    sketch_mask: PlacedBlob | None = None
    references: list[ReferenceBlobs] = Field(max_length=REFERENCES)
    background: PlacedBlob | None = None
    hints: PlacedBlob | None = None
    bindings: list[SpotBinding] = Field(default_factory=list, max_length=BINDINGS)
    swaps: list[ColourSwap] = Field(default_factory=list, max_length=SWAPS)
    redo: RedoBlobs | None = None
    sequence: list[Hash] = Field(default_factory=list, max_length=_FRAMES)
    seed: int = Field(default=0, ge=0, lt=2**63)
    options: Options = Options()

    @property
    def pictures(self) -> dict[str, PlacedBlob]:
        """Field name -> blob, for all that must be pictures."""
        found: dict[str, PlacedBlob | None]
        found = {f"references.{i}.picture": one.picture for i, one in enumerate(self.references)}
        found |= {"sketch": self.sketch, "background": self.background, "hints": self.hints}
        for i, layer in enumerate(self.redo.layers if self.redo else []):
            found |= {f"redo.layers.{i}.delivered": layer.delivered, f"redo.layers.{i}.now": layer.now}
        return {name: placed for name, placed in found.items() if placed is not None}

    @property
    def masks(self) -> dict[str, PlacedBlob]:
        """Field name -> blob, for all masks there are."""
        found = {f"references.{i}.mask": one.mask for i, one in enumerate(self.references) if one.mask}
        found |= {"sketch_mask": self.sketch_mask} if self.sketch_mask else {}
        return found | ({"redo.changed": self.redo.changed} if self.redo else {})


class EditedLayer(Message):
    """A layer of an edit, as it is in the document; of its answer, as it is to be."""

    role: Literal["background", "figure"]
    pixels: PlacedBlob


class EditRequest(Message):
    """`header["edit"]` of a palette edit: the swaps are made in all layers, all at once."""

    api: Literal[2]
    layers: list[EditedLayer] = Field(min_length=1, max_length=2)
    swaps: list[ColourSwap] = Field(min_length=1, max_length=SWAPS)

    @property
    def pictures(self) -> dict[str, PlacedBlob]:
        """Field name -> blob."""
        return {f"layers.{i}.pixels": layer.pixels for i, layer in enumerate(self.layers)}


class Announcement(Message):
    """What is posted instead of a bundle: a file descriptor of the program that started the backend, and the length."""

    fd: int = Field(ge=0, lt=2**31)
    bytes: int = Field(ge=1)


class AcceptLicence(Message):
    """The body of a download: its licence was shown and accepted."""

    accept_licence: Literal[True]


class OwnModel(Message):
    """A file or folder of the backend's machine that is to become a model, and what it predicts where that is known."""

    path: str = Field(description="Absolute.")
    prediction: Literal["", "epsilon", "v_prediction"] = ""


SECRET_BYTES = 5
NAME_LETTERS = 60


class PairingWish(Message):
    """What a docker sends to be paired."""

    secret: Annotated[str, Field(pattern=rf"^[0-9a-f]{{{2 * SECRET_BYTES}}}$")]
    name: str = Field(min_length=1, max_length=NAME_LETTERS)

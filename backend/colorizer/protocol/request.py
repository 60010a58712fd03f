"""The messages that clients send: the headers of bundles for jobs and edits, and the bodies of the other routes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from colorizer.imaging.roles import PlaceKind
from colorizer.protocol.base import FAR, Colour, Count, Hash, Message
from colorizer.protocol.modes import Mode
from colorizer.protocol.options import Options

REFERENCES = 16
BINDINGS = 256
CORRECTIONS = 4096
SWAPS = 256
STATES = 12
_FRAMES = 4096


class PlacedBlob(Message):
    """A picture and the position of its top left corner on its canvas, in pixels."""

    blob: Count
    x: int = Field(default=0, ge=-FAR, le=FAR)
    y: int = Field(default=0, ge=-FAR, le=FAR)


class ReferenceBlobs(Message):
    """A reference and, if the artist has made one, its foreground mask."""

    picture: PlacedBlob
    mask: PlacedBlob | None = None


class CanvasSize(Message):
    """The size of the canvas, in pixels."""

    width: int = Field(ge=1)
    height: int = Field(ge=1)


class SpotBinding(Message):
    """The region at x, y of the canvas gets the colour at a spot of a reference; all in pixels."""

    x: Count
    y: Count
    reference: Count
    reference_x: Count
    reference_y: Count


class ColourSwap(Message):
    """A palette colour is replaced by another one."""

    before: Colour = Field(alias="from")
    after: Colour = Field(alias="to")


class RegionCorrection(Message):
    """The region at x, y of the canvas, in pixels, gets this colour; null makes it transparent."""

    x: Count
    y: Count
    colour: Colour | None


Flat = Literal["background", "figure"]
"""The roles of layers with flat colours."""


class PlaceEntry(Message):
    """A rectangle of the canvas, in pixels, that the artist should check."""

    kind: PlaceKind = Field(strict=False)
    x: int
    y: int
    width: Count
    height: Count
    confidence: float = Field(ge=0, le=1)


class CheckMask(Message):
    """A `gray8` mask of the canvas's size; 255 marks what to check."""

    blob: Count


class CheckEntry(Message):
    """The parts of a result that may be wrong."""

    mask: CheckMask
    places: list[PlaceEntry]


class Spot(Message):
    """A pixel of the canvas."""

    x: Count
    y: Count


class MadeFrom(Message):
    """The pictures that determine a result, besides its settings; null if there is none."""

    sketch: PlacedBlob | None = None
    hints: PlacedBlob | None = None
    chosen_mask: PlacedBlob | None = Field(
        default=None, description="The sketch's foreground mask as the artist chose it."
    )
    sketch_mask: PlacedBlob | None = Field(
        default=None,
        description="The mask that the engine was given: `chosen_mask` with the changes painted on the result's masks.",
    )


class DeliveredLayer(Message):
    """A layer of an earlier result as the engine delivered it. In an answer, null means unchanged."""

    role: Literal["background", "figure", "key_strokes"]
    pixels: PlacedBlob | None = None
    mask: PlacedBlob | None = Field(default=None, description="It has the layer's size and position.")


class DocumentLayer(Message):
    """A layer of an applied result in its present state in the document."""

    role: Flat
    pixels: PlacedBlob | None = Field(default=None, description="Null if the layer is empty.")
    mask: PlacedBlob | None = None


class EarlierResult(Message):
    """A state of a result: its layers, the pictures it was made from, and other changes since then."""

    layers: list[DeliveredLayer] = Field(min_length=1, max_length=3)
    made_from: MadeFrom = MadeFrom()
    spots: list[Spot] = Field(
        default_factory=list,
        max_length=2 * BINDINGS,
        description="Positions of bindings that were added or removed.",
    )
    everywhere: bool = Field(
        default=False, description="Whether a reference's mask has changed, which affects the whole picture."
    )
    check: CheckEntry | None = None


class RedoBlobs(Message):
    """An earlier result that is to be coloured again only where something has changed."""

    states: list[EarlierResult] = Field(
        min_length=1,
        max_length=STATES,
        description="The newest first. After an undo the document shows an earlier state; the most similar one is"
        " used.",
    )
    layers: list[DocumentLayer] = Field(min_length=1, max_length=2)
    selection: PlacedBlob | None = Field(
        default=None, description="Pixels where it is below 128 stay unchanged."
    )


class JobRequest(Message):
    """`header["request"]` of a job."""

    api: Literal[3]
    task: Literal["colorize", "mask", "survey"] = Field(
        description="Colour the sketch, find its foreground, or survey one frame of an animation."
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
    corrections: list[RegionCorrection] = Field(default_factory=list, max_length=CORRECTIONS)
    swaps: list[ColourSwap] = Field(default_factory=list, max_length=SWAPS)
    redo: RedoBlobs | None = None
    sequence: list[Hash] = Field(default_factory=list, max_length=_FRAMES)
    seed: int = Field(default=0, ge=0, lt=2**63)
    options: Options = Options()

    @property
    def pictures(self) -> dict[str, PlacedBlob]:
        """The blobs that must be pictures, by field name."""
        found: dict[str, PlacedBlob | None]
        found = {f"references.{i}.picture": one.picture for i, one in enumerate(self.references)}
        found |= {"sketch": self.sketch, "background": self.background, "hints": self.hints}
        for i, layer in enumerate(self.redo.layers if self.redo else []):
            found[f"redo.layers.{i}.pixels"] = layer.pixels
        for i, state in enumerate(self.redo.states if self.redo else []):
            place, made = f"redo.states.{i}", state.made_from
            found |= {f"{place}.layers.{j}.pixels": layer.pixels for j, layer in enumerate(state.layers)}
            found |= {f"{place}.made_from.sketch": made.sketch, f"{place}.made_from.hints": made.hints}
        return _there(found)

    @property
    def masks(self) -> dict[str, PlacedBlob]:
        """The blobs of all masks, by field name."""
        found: dict[str, PlacedBlob | None]
        found = {f"references.{i}.mask": one.mask for i, one in enumerate(self.references)}
        found["sketch_mask"] = self.sketch_mask
        if self.redo is not None:
            found["redo.selection"] = self.redo.selection
            found |= {f"redo.layers.{i}.mask": layer.mask for i, layer in enumerate(self.redo.layers)}
        for i, state in enumerate(self.redo.states if self.redo else []):
            place, made = f"redo.states.{i}", state.made_from
            found |= {f"{place}.layers.{j}.mask": layer.mask for j, layer in enumerate(state.layers)}
            found |= {f"{place}.made_from.chosen_mask": made.chosen_mask}
            found |= {f"{place}.made_from.sketch_mask": made.sketch_mask}
            found[f"{place}.check.mask"] = PlacedBlob(blob=state.check.mask.blob) if state.check else None
        return _there(found)


def _there(found: dict[str, PlacedBlob | None]) -> dict[str, PlacedBlob]:
    return {name: placed for name, placed in found.items() if placed is not None}


class EditedLayer(Message):
    """A layer of an edit as it is in the document; in the answer, with its colours replaced."""

    role: Flat
    pixels: PlacedBlob


class EditRequest(Message):
    """`header["edit"]` of a palette edit: all swaps are made at once, in all layers."""

    api: Literal[3]
    canvas: CanvasSize
    layers: list[EditedLayer] = Field(min_length=1, max_length=2)
    delivered: list[DeliveredLayer] = Field(
        default_factory=list,
        max_length=3,
        description="The delivered layers of the result that these layers belong to.",
    )
    swaps: list[ColourSwap] = Field(min_length=1, max_length=SWAPS)

    @property
    def pictures(self) -> dict[str, PlacedBlob]:
        """The blobs that must be pictures, by field name."""
        found: dict[str, PlacedBlob | None]
        found = {f"layers.{i}.pixels": layer.pixels for i, layer in enumerate(self.layers)}
        found |= {f"delivered.{i}.pixels": layer.pixels for i, layer in enumerate(self.delivered)}
        return _there(found)

    @property
    def masks(self) -> dict[str, PlacedBlob]:
        """The blobs of all masks, by field name."""
        return _there({f"delivered.{i}.mask": layer.mask for i, layer in enumerate(self.delivered)})


class Announcement(Message):
    """The body sent instead of a bundle: a file descriptor of the program that started the backend, and the length."""

    fd: int = Field(ge=0, lt=2**31)
    bytes: int = Field(ge=1)


class AcceptLicence(Message):
    """The body of a download: the licence was shown and accepted."""

    accept_licence: Literal[True]


class OwnModel(Message):
    """A file or folder on the backend's machine to convert to a model, and what the model predicts if that is known."""

    path: str = Field(description="Absolute.")
    prediction: Literal["", "epsilon", "v_prediction"] = ""


SECRET_BYTES = 5
NAME_LETTERS = 60


class PairingWish(Message):
    """The body of a request for pairing."""

    secret: Annotated[str, Field(pattern=rf"^[0-9a-f]{{{2 * SECRET_BYTES}}}$")]
    name: str = Field(min_length=1, max_length=NAME_LETTERS)

"""What a job's header may say: every field, its type, its range, and what must fit together.

Nothing is decoded and no engine is imported here; what the engines can do comes as `EngineInfo` in JSON form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from colorizer.engines import advanced
from colorizer.engines.registry import unknown
from colorizer.errors import InvalidInput
from colorizer.imaging.sizes import MAX_SIDE
from colorizer.server import limits
from colorizer.server.bundle import Bundle, first_rule
from colorizer.server.failures import Code, Refused

API = 2
_FAR = 2**31
_COLOUR = r"^#[0-9a-f]{6}$"
_SURVEY = r"^[0-9a-f]{64}$"
_FRAMES = 4096
_Model = TypeVar("_Model", bound=BaseModel)


class InvalidRequest(InvalidInput):
    """A header that breaks a rule; the message names the field and the rule."""

    code = "invalid_request"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PlacedBlob(_Strict):
    """A picture and where its top left corner lies on its canvas, px."""

    blob: int = Field(ge=0)
    x: int = Field(default=0, ge=-_FAR, le=_FAR)
    y: int = Field(default=0, ge=-_FAR, le=_FAR)


class ReferenceBlobs(_Strict):
    """A reference and, where the artist made one, its foreground mask."""

    picture: PlacedBlob
    mask: PlacedBlob | None = None


class CanvasSize(_Strict):
    """The size of the canvas, px."""

    width: int = Field(ge=1)
    height: int = Field(ge=1)


class SpotBinding(_Strict):
    """This region of the canvas takes that spot of a reference, px."""

    x: int = Field(ge=0)
    y: int = Field(ge=0)
    reference: int = Field(ge=0)
    reference_x: int = Field(ge=0)
    reference_y: int = Field(ge=0)


class ColourSwap(_Strict):
    """One palette colour takes another's place."""

    before: str = Field(alias="from", pattern=_COLOUR)
    after: str = Field(alias="to", pattern=_COLOUR)


class DeliveredLayer(_Strict):
    """A layer of the earlier result: as the backend sent it, and as it is in the document now."""

    role: Literal["background", "figure"]
    delivered: PlacedBlob
    now: PlacedBlob


class RedoBlobs(_Strict):
    """An earlier result that is to be repaired where something changed."""

    changed: PlacedBlob
    layers: list[DeliveredLayer] = Field(min_length=1, max_length=2)


class EditedLayer(_Strict):
    """A layer as it is in the document."""

    role: Literal["background", "figure"]
    pixels: PlacedBlob


class EditRequest(_Strict):
    """`header["edit"]` of a palette edit: the swaps are made in all layers, all at once."""

    api: Literal[2]
    layers: list[EditedLayer] = Field(min_length=1, max_length=2)
    swaps: list[ColourSwap] = Field(min_length=1, max_length=limits.SWAPS)


class JobOptions(_Strict):
    """`colorizer.engines.base.Options` with its ranges."""

    palette_lock: bool = True
    style_detail: bool = False
    background_detail: bool = False
    line_gap: float = Field(default=0.02, ge=0, le=0.1, allow_inf_nan=False)
    steps: int = Field(default=0, ge=0, le=1000)
    size: int = Field(default=0, ge=0, le=MAX_SIDE)
    colorize_mask: bool = False
    colour_paper: bool = False
    advanced: dict[str, Any] = Field(default=asdict(advanced.STANDARD))

    @field_validator("advanced")
    @classmethod
    def _in_range(cls, values: dict[str, Any]) -> dict[str, Any]:
        try:
            return asdict(advanced.read(values))
        except InvalidInput as error:
            raise ValueError(str(error)) from error


class JobRequest(_Strict):
    """`header["request"]` of a job."""

    api: Literal[2]
    task: Literal["colorize", "mask", "survey"]
    engine: str = Field(min_length=1, max_length=64)
    model: str = Field(default="", max_length=128)
    mode: Literal["whole", "split", "foreground", "background"] = "whole"
    canvas: CanvasSize
    sketch: PlacedBlob
    sketch_mask: PlacedBlob | None = None
    references: list[ReferenceBlobs] = Field(max_length=limits.REFERENCES)
    background: PlacedBlob | None = None
    hints: PlacedBlob | None = None
    bindings: list[SpotBinding] = Field(default_factory=list, max_length=limits.BINDINGS)
    swaps: list[ColourSwap] = Field(default_factory=list, max_length=limits.SWAPS)
    redo: RedoBlobs | None = None
    sequence: list[Annotated[str, Field(pattern=_SURVEY)]] = Field(default_factory=list, max_length=_FRAMES)
    seed: int = Field(default=0, ge=0, lt=2**63)
    options: JobOptions = JobOptions()

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


def _check_api(request: object, name: str) -> None:
    """Says which side is too old before anything else is found wrong with the other's request."""
    spoken = request.get("api") if isinstance(request, dict) else None
    if isinstance(spoken, int) and not isinstance(spoken, bool) and spoken != API:
        older, newer = ("docker", "colour engine") if spoken < API else ("colour engine", "docker")
        raise InvalidRequest(
            f"`{name}.api`: this docker speaks version {spoken} of the wire, the colour engine {API}. "
            f"The {older} is older than the {newer}: update it."
        )


def read(bundle: Bundle) -> JobRequest:
    """The request of a job's bundle, checked against the bundle's blobs and the limits.

    Raises `InvalidRequest`, or `Refused` with `too_large`.
    """
    request = _header(bundle, "request", JobRequest)
    canvas = request.canvas
    if max(canvas.width, canvas.height) > MAX_SIDE:
        raise Refused(
            Code.TOO_LARGE,
            f"A canvas of {canvas.width} x {canvas.height} px is too large: sides may have {MAX_SIDE} px.",
        )
    _check_blobs(bundle, "request", request.pictures, request.masks)
    _check_bindings(request, bundle)
    _check_swaps(request.swaps, "request")
    _check_roles(request.redo.layers if request.redo else [], "request.redo")
    return request


def read_edit(bundle: Bundle) -> EditRequest:
    """The palette edit of a bundle, checked against the bundle's blobs. Raises `InvalidRequest`."""
    edit = _header(bundle, "edit", EditRequest)
    _check_swaps(edit.swaps, "edit")
    _check_roles(edit.layers, "edit")
    _check_blobs(bundle, "edit", {f"layers.{i}.pixels": layer.pixels for i, layer in enumerate(edit.layers)})
    return edit


def _header(bundle: Bundle, name: str, model: type[_Model]) -> _Model:
    """The one field beside `blobs` that a bundle's header has."""
    extra = set(bundle.header) - {"blobs", name}
    if extra:
        raise InvalidRequest(f"`{min(extra)}`: there is no such field in this header.")
    _check_api(bundle.header.get(name), name)
    try:
        return model.model_validate(bundle.header.get(name))
    except ValidationError as error:
        raise InvalidRequest(first_rule(error, name)) from error


def _check_blobs(
    bundle: Bundle,
    root: str,
    pictures: Mapping[str, PlacedBlob],
    masks: Mapping[str, PlacedBlob] | None = None,
) -> None:
    for name, placed in {**pictures, **(masks or {})}.items():
        if placed.blob >= len(bundle.blobs):
            raise InvalidRequest(
                f"`{root}.{name}.blob`: there are {len(bundle.blobs)} blobs, not {placed.blob + 1}."
            )
    for name, placed in pictures.items():
        if bundle.blobs[placed.blob].info.format == "gray8":
            raise InvalidRequest(f"`{root}.{name}`: a picture must be bgra8 or png, not gray8.")


def _check_bindings(request: JobRequest, bundle: Bundle) -> None:
    for number, binding in enumerate(request.bindings):
        name = f"`request.bindings.{number}`"
        if binding.x >= request.canvas.width or binding.y >= request.canvas.height:
            raise InvalidRequest(f"{name}: the place {binding.x}, {binding.y} lies outside of the canvas.")
        if binding.reference >= len(request.references):
            raise InvalidRequest(
                f"{name}: there are {len(request.references)} references, not {binding.reference + 1}."
            )
        info = bundle.blobs[request.references[binding.reference].picture.blob].info
        if binding.reference_x >= info.width or binding.reference_y >= info.height:
            spot = f"{binding.reference_x}, {binding.reference_y}"
            raise InvalidRequest(f"{name}: the spot {spot} lies outside of its reference.")


def _check_swaps(swaps: Sequence[ColourSwap], root: str) -> None:
    if len({swap.before for swap in swaps}) < len(swaps):
        raise InvalidRequest(f"`{root}.swaps`: a colour can be changed into one other colour only.")


def _check_roles(layers: Sequence[DeliveredLayer | EditedLayer], root: str) -> None:
    if len({layer.role for layer in layers}) < len(layers):
        raise InvalidRequest(f"`{root}.layers`: give each role once.")


def check_engine(request: JobRequest, engines: Sequence[Mapping[str, Any]]) -> None:
    """Checks a request against what the engines say about themselves (`EngineInfo` as JSON).

    Raises `UnknownEngine` or `InvalidRequest`.
    """
    info = {engine["name"]: engine for engine in engines}.get(request.engine)
    if info is None:
        raise unknown(request.engine, [engine["name"] for engine in engines])
    models = ["", *(model["name"] for model in info["models"])]
    if request.model not in models:
        raise InvalidRequest(f"`request.model`: {info['title']} has no model {request.model!r}.")
    if max(request.canvas.width, request.canvas.height) > info["max_side"]:
        raise InvalidRequest(f"`request.canvas`: {info['title']} takes sides up to {info['max_side']} px.")
    if request.mode not in info["modes"]:
        modes = ", ".join(info["modes"])
        raise InvalidRequest(f"`request.mode`: {info['title']} has the modes {modes}, not {request.mode!r}.")
    if request.task in ("colorize", "survey"):
        _check_references(request, info)
    if (request.task == "survey" or request.sequence) and "sequence" not in info["options"]:
        raise InvalidRequest(f"`request.sequence`: {info['title']} colours every frame by itself.")


def _check_references(request: JobRequest, info: Mapping[str, Any]) -> None:
    if not request.references:
        raise InvalidRequest("`request.references`: give at least one reference picture.")
    if len(request.references) > info["max_references"]:
        count = len(request.references)
        raise InvalidRequest(
            f"`request.references`: {info['title']} takes up to {info['max_references']} references, not {count}."
        )

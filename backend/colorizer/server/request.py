"""Reads the header of a job's or an edit's bundle (`protocol.request`) and checks its consistency.

It decodes no pictures and imports no engine; it gets the engines' capabilities as `EngineInfo` in JSON form.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from colorizer.engines.registry import unknown
from colorizer.errors import InvalidInput
from colorizer.imaging.sizes import MAX_SIDE
from colorizer.protocol.base import API, first_rule
from colorizer.protocol.checks import check_bindings, check_corrections, check_references
from colorizer.protocol.errors import Code
from colorizer.protocol.request import (
    CanvasSize,
    ColourSwap,
    DeliveredLayer,
    DocumentLayer,
    EditedLayer,
    EditRequest,
    JobRequest,
    PlacedBlob,
)
from colorizer.server.bundle import Bundle
from colorizer.server.failures import Refused

_Model = TypeVar("_Model", JobRequest, EditRequest)


class InvalidRequest(InvalidInput):
    """The header violates a rule; the message names the field and the rule."""

    code = "invalid_request"


def _check_api(request: object, name: str) -> None:
    """Checks the version of the protocol first, so that an error says which side is too old."""
    spoken = request.get("api") if isinstance(request, dict) else None
    if isinstance(spoken, int) and not isinstance(spoken, bool) and spoken != API:
        older, newer = ("docker", "colour engine") if spoken < API else ("colour engine", "docker")
        raise InvalidRequest(
            f"`{name}.api`: this docker uses version {spoken} of the protocol, the colour engine version {API}. "
            f"The {older} is older than the {newer}: update it."
        )


@contextlib.contextmanager
def _named(field: str) -> Iterator[None]:
    """Adds the field's name to errors raised in the `with` block."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidRequest(f"`{field}`: {error}") from error


def read(bundle: Bundle) -> JobRequest:
    """Reads the request of a job's bundle and checks it against the bundle's blobs and the limits.

    Raises `InvalidRequest`, or `Refused` with `too_large`.
    """
    request = _header(bundle, "request", JobRequest)
    canvas = request.canvas
    _check_canvas(canvas)
    _check_blobs(bundle, "request", request.pictures, request.masks)
    sizes = [_size(bundle, one.picture) for one in request.references]
    with _named("request.bindings"):
        check_bindings(request.bindings, (canvas.width, canvas.height), sizes)
    with _named("request.corrections"):
        check_corrections(request.corrections, (canvas.width, canvas.height))
    _check_swaps(request.swaps, "request")
    if request.redo is not None:
        _check_roles(request.redo.layers, "request.redo.layers")
        for number, state in enumerate(request.redo.states):
            _check_delivered(state.layers, f"request.redo.states.{number}.layers")
    return request


def read_edit(bundle: Bundle) -> EditRequest:
    """Reads the palette edit of a bundle and checks it against the bundle's blobs. Raises `InvalidRequest`."""
    edit = _header(bundle, "edit", EditRequest)
    _check_swaps(edit.swaps, "edit")
    _check_roles(edit.layers, "edit.layers")
    _check_delivered(edit.delivered, "edit.delivered")
    _check_canvas(edit.canvas)
    _check_blobs(bundle, "edit", edit.pictures, edit.masks)
    return edit


def _header(bundle: Bundle, name: str, model: type[_Model]) -> _Model:
    """Reads the only field of a bundle's header beside `blobs`."""
    extra = set(bundle.header) - {"blobs", name}
    if extra:
        raise InvalidRequest(f"`{min(extra)}`: there is no such field in this header.")
    _check_api(bundle.header.get(name), name)
    try:
        return model.model_validate(bundle.header.get(name))
    except ValidationError as error:
        raise InvalidRequest(first_rule(error, name)) from error


def _check_canvas(canvas: CanvasSize) -> None:
    if max(canvas.width, canvas.height) > MAX_SIDE:
        raise Refused(
            Code.TOO_LARGE,
            f"A canvas of {canvas.width} x {canvas.height} px is too large: sides may have {MAX_SIDE} px.",
        )


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


def _size(bundle: Bundle, placed: PlacedBlob) -> tuple[int, int]:
    info = bundle.blobs[placed.blob].info
    return info.width, info.height


def _check_swaps(swaps: Sequence[ColourSwap], root: str) -> None:
    if len({swap.before for swap in swaps}) < len(swaps):
        raise InvalidRequest(f"`{root}.swaps`: each colour can be replaced only once.")


def _check_roles(layers: Sequence[DocumentLayer | DeliveredLayer | EditedLayer], field: str) -> None:
    if len({layer.role for layer in layers}) < len(layers):
        raise InvalidRequest(f"`{field}`: give each role once.")


def _check_delivered(layers: Sequence[DeliveredLayer], field: str) -> None:
    _check_roles(layers, field)
    for number, layer in enumerate(layers):
        if layer.pixels is None:
            raise InvalidRequest(f"`{field}.{number}.pixels`: a delivered layer must have pixels.")


def check_engine(request: JobRequest, engines: Sequence[Mapping[str, Any]]) -> None:
    """Checks a request against the engines' capabilities (`EngineInfo` as JSON).

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
        raise InvalidRequest(
            f"`request.mode`: {info['title']} has the modes {modes}, not {request.mode.value!r}."
        )
    if request.task in ("colorize", "survey"):
        with _named("request.references"):
            check_references(len(request.references), info["max_references"], info["title"])
    if (request.task == "survey" or request.sequence) and "sequence" not in info["options"]:
        raise InvalidRequest(
            f"`request.sequence`: {info['title']} doesn't support sequences; it colours every frame independently."
        )

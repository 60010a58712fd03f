"""A request: all data that determine a result, as one comparable value, and the bundle that contains it.

`krita_port` and `app` read the pictures, which `bundle_parts` adds; the result's record has their hashes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from typing import Any

from krita_colorize.core import bundle, delivered, edits, settings
from krita_colorize.core.bundle import Placed
from krita_colorize.core.delivered import DeliveredLayer
from krita_colorize.core.placement import Placement
from krita_colorize.core.port import Pixels
from krita_colorize.core.settings import Settings, Source, SourceKind

API = 3
"""The version of the wire format."""


class Task(str, Enum):
    """The kinds of jobs."""

    COLORIZE = "colorize"
    MASK = "mask"  # the foreground of the sketch, which may then be any picture
    SURVEY = "survey"  # analyses one frame of a sequence


@dataclass(frozen=True)
class Request:
    """A job: its task, pictures and settings. `width` and `height` are the canvas's, in pixels."""

    sketch: Source
    width: int
    height: int
    settings: Settings = field(default_factory=Settings)
    task: Task = Task.COLORIZE
    sequence: tuple[str, ...] = ()
    """The names of the surveys of all frames of its sequence, which get the same colours."""

    @property
    def layer_ids(self) -> tuple[str, ...]:
        """The ids of all layers to read from the document, each once, the sketch first."""
        chosen = self.settings
        ids = [self.sketch.key] if self.sketch.kind is SourceKind.LAYER else []
        if self.task in (Task.COLORIZE, Task.SURVEY):
            ids += chosen.layer_ids
        return tuple(dict.fromkeys(key for key in ids if key))

    def on(self, placement: Placement) -> Request:
        """The request for a changed canvas; bindings and corrections outside that are left out."""
        bindings = tuple(binding for one in self.settings.bindings if (binding := one.on(placement)))
        corrections = tuple(moved for one in self.settings.corrections if (moved := one.on(placement)))
        settings = replace(self.settings, bindings=bindings, corrections=corrections)
        return replace(self, width=placement.width, height=placement.height, settings=settings)

    def to_json(self) -> dict[str, Any]:
        """JSON values, which `from_json` reads."""
        return {
            "sketch": asdict(self.sketch),
            "width": self.width,
            "height": self.height,
            "settings": settings.to_json(self.settings),
            "task": self.task.value,
            "sequence": list(self.sequence),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Request:
        """Reads what `to_json` wrote. Raises `KeyError`, `TypeError` or `ValueError` for anything else."""
        sketch = data["sketch"]
        return cls(
            sketch=Source(SourceKind(sketch["kind"]), str(sketch["key"]), str(sketch["name"])),
            width=int(data["width"]),
            height=int(data["height"]),
            settings=settings.from_json(data["settings"]),
            task=Task(data["task"]),
            sequence=tuple(str(name) for name in data.get("sequence", ())),
        )


@dataclass(frozen=True)
class Pictures:
    """The pixels of a request. A reference's mask (1 channel) has the reference's size; other masks are placed on the
    canvas."""

    sketch: Pixels
    sketch_mask: Pixels | None = None
    references: tuple[tuple[Pixels, Pixels | None], ...] = ()
    background: Pixels | None = None
    hints: Pixels | None = None
    redo: Redo | None = None


@dataclass(frozen=True)
class EarlierResult:
    """A state of an applied result: its layers, the pictures it was made from (by their wire names), and what else has
    changed since."""

    layers: tuple[DeliveredLayer, ...]
    made_from: Mapping[str, Placed | None]
    spots: tuple[tuple[int, int], ...] = ()
    """The positions (image pixels) of bindings that were added or removed since."""
    everywhere: bool = False
    """Whether a reference's mask has changed since, so that all regions are repaired."""
    check: Placed | None = None
    places: Sequence[Any] = ()


@dataclass(frozen=True)
class DocumentLayer:
    """A layer of an applied result in its present state, and its mask; empty pixels are transparent."""

    role: str
    pixels: Pixels
    mask: Pixels | None = None


@dataclass(frozen=True)
class Redo:
    """The data for a repair: the states that the document may have, newest first, and its present layers."""

    states: tuple[EarlierResult, ...]
    layers: tuple[DocumentLayer, ...]
    selection: Pixels | None = None


def bundle_parts(request: Request, pictures: Pictures) -> list[bytes | bytearray]:
    """The parts of the bundle for `POST /v1/jobs`. Slow (it compresses): for worker threads."""
    writer = bundle.Writer()
    place = writer.place
    chosen = request.settings
    body = {
        "api": API,
        "task": request.task.value,
        "engine": chosen.engine,
        "model": chosen.model,
        "mode": chosen.mode.value,
        "canvas": {"width": request.width, "height": request.height},
        "sketch": place(pictures.sketch),
        "sketch_mask": place(pictures.sketch_mask),
        "references": [
            {"picture": place(picture), "mask": place(mask)} for picture, mask in pictures.references
        ],
        "background": place(pictures.background),
        "hints": place(pictures.hints),
        "bindings": wire_bindings(request, pictures),
        "corrections": [
            {"x": one.x, "y": one.y, "colour": one.colour or None}
            for one in chosen.corrections
            if one.x < request.width and one.y < request.height
        ],
        "swaps": edits.to_json((), chosen.swaps)["swaps"],
        "redo": None if pictures.redo is None else _redo(pictures.redo, writer),
        "sequence": list(request.sequence),
        "seed": chosen.seed,
        "options": asdict(chosen.options),
    }
    return writer.bundle({"request": body}).parts()


def _redo(redo: Redo, writer: bundle.Writer) -> dict[str, Any]:
    return {
        "states": [_earlier(state, writer) for state in redo.states],
        "layers": [
            {
                "role": layer.role,
                "pixels": writer.place(layer.pixels if layer.pixels.data else None),
                "mask": writer.place(_some(layer.mask)),
            }
            for layer in redo.layers
        ],
        "selection": writer.place(_some(redo.selection)),
    }


def _some(mask: Pixels | None) -> Pixels | None:
    """The mask with at least one pixel; an empty one is 0 everywhere."""
    return mask if mask is None or mask.data else Pixels(1, 1, b"\0")


def _earlier(state: EarlierResult, writer: bundle.Writer) -> dict[str, Any]:
    check = None
    if state.check is not None:
        check = {"mask": {"blob": writer.add(state.check.packed)}, "places": list(state.places)}
    return {
        "layers": delivered.to_json(state.layers, writer),
        "made_from": {name: writer.place(picture) for name, picture in state.made_from.items()},
        "spots": [{"x": x, "y": y} for x, y in state.spots],
        "everywhere": state.everywhere,
        "check": check,
    }


def wire_bindings(request: Request, pictures: Pictures) -> list[dict[str, int]]:
    """The bindings as JSON, with spots in pixels of the sent pictures; those outside canvas or picture are left out."""
    chosen = request.settings
    numbers = {item.source.key: number for number, item in enumerate(chosen.references)}
    found = []
    for binding in chosen.bindings:
        number = numbers.get(binding.reference, -1)
        inside = binding.x < request.width and binding.y < request.height
        if not inside or not 0 <= number < len(pictures.references):
            continue
        picture = pictures.references[number][0]
        x, y = binding.reference_x, binding.reference_y
        if chosen.references[number].source.kind is SourceKind.LAYER:
            x, y = x - picture.x, y - picture.y
        if 0 <= x < picture.width and 0 <= y < picture.height:
            place = {"x": binding.x, "y": binding.y, "reference": number}
            found.append({**place, "reference_x": x, "reference_y": y})
    return found

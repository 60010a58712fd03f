"""The artist's settings of each sketch layer, and their JSON in the document.

The JSON has a version. Reading it never fails: values that are missing, of another type or out of range get their
defaults, and the artist gets a message. `krita_port` stores it, `app` decides when.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, TypeVar

from krita_colorize.core import edits, option_table
from krita_colorize.core.edits import Binding, Correction, Swap
from krita_colorize.core.modes import Mode
from krita_colorize.core.option_table import Value

NOTE = "state.json"
VERSION = 2
"""Version 1, which has no document id, hints, bindings, swaps and locked colours, is read in the same way."""

MAX_REFERENCES = 16
MAX_SEED = 2**31 - 1
MAX_LINE_GAP = 0.1

SWATCH_MERGE, MAX_SWATCH_MERGE = 5, 30
"""CIE 1976 colour difference up to which colours share a swatch of the palette: default and maximum."""

BROKEN = "The colouring settings stored in this picture can't be read, so the defaults are used."
FROM_LATER_VERSION = (
    "This picture's colouring settings were saved by a later version of Krita Colorize; settings that this"
    " version doesn't know have their default values."
)

_E = TypeVar("_E", bound=Enum)


class SourceKind(str, Enum):
    """Where a picture is stored."""

    LAYER = "layer"  # a layer of the document; the key is its id
    FILE = "file"  # a picture file; the key is its path
    NOTE = "note"  # a picture from the clipboard, stored in the document; the key is its annotation's name


@dataclass(frozen=True)
class Source:
    """The place of a picture; `name` is shown to the artist."""

    kind: SourceKind
    key: str
    name: str


@dataclass(frozen=True)
class Reference:
    """A picture to take colours from; `mask` is the layer with its foreground, "" if the engine finds it."""

    source: Source
    mask: str = ""


@dataclass(frozen=True)
class Options:
    """The options that all engines share, with their names on the wire."""

    palette_lock: bool = True
    style_detail: bool = False
    background_detail: bool = False
    line_gap: float = (
        0.0  # widest opening that is still closed, share of the longer side; 0: what suits the lines
    )
    steps: int = 0  # 0: as many as suit the model
    size: int = 0  # working resolution in pixels; 0: the engine chooses it
    colorize_mask: bool = False  # also returns the flats as key strokes, for Krita 5.2 and later
    colour_paper: bool = False  # colours gutters and speech bubbles of comic pages, too
    advanced: Mapping[str, Value] = field(default_factory=dict)
    """The engines' own options that the artist has changed, by name (`option_table`)."""


@dataclass(frozen=True)
class Settings:
    """All settings of one sketch layer. Layer ids are Krita's; "" means automatic or none."""

    mode: Mode = Mode.WHOLE
    engine: str = "match"
    model: str = ""
    references: tuple[Reference, ...] = ()
    sketch_mask: str = ""
    background: str = ""
    hints: str = ""
    bindings: tuple[Binding, ...] = ()
    corrections: tuple[Correction, ...] = ()
    """Only in the settings of a result; those of a sketch have none."""
    swaps: tuple[Swap, ...] = ()
    locked: tuple[str, ...] = ()
    """Palette colours ("#rrggbb", as shown) that stay when a palette is loaded."""
    swatch_merge: int = SWATCH_MERGE
    seed: int = 0
    options: Options = field(default_factory=Options)

    @property
    def layer_ids(self) -> tuple[str, ...]:
        """The ids of all layers in these settings, each once; the sketch isn't among them."""
        layers = [item.source.key for item in self.references if item.source.kind is SourceKind.LAYER]
        masks = [item.mask for item in self.references]
        ids = [*layers, *masks, self.sketch_mask, self.background, self.hints]
        return tuple(dict.fromkeys(key for key in ids if key))


@dataclass(frozen=True)
class Stored:
    """The content of the annotation: settings by sketch layer id, the document's id ("" without one), and `problem`, a
    sentence for the artist if it is broken."""

    layers: Mapping[str, Settings]
    problem: str = ""
    document: str = ""


def dump(layers: Mapping[str, Settings], document: str = "") -> bytes:
    """The annotation's bytes; equal settings give equal bytes."""
    stored = {key: to_json(settings) for key, settings in layers.items()}
    note = {"version": VERSION, "document": document, "layers": stored}
    return json.dumps(note, ensure_ascii=False, sort_keys=True, indent=1).encode("utf-8")


def load(note: bytes | None) -> Stored:
    """Reads the annotation of any version, also a broken one; None if the document has none."""
    if note is None:
        return Stored({})
    try:
        data = json.loads(note.decode("utf-8"))
    except (ValueError, RecursionError):
        return Stored({}, BROKEN)
    if not isinstance(data, dict) or not isinstance(data.get("layers"), dict):
        return Stored({}, BROKEN)
    layers = {key: from_json(value) for key, value in data["layers"].items() if isinstance(value, dict)}
    version, document = data.get("version"), _text(data.get("document"))
    if not isinstance(version, int) or len(layers) < len(data["layers"]):
        return Stored(layers, BROKEN, document)
    return Stored(layers, FROM_LATER_VERSION if version > VERSION else "", document)


def to_json(settings: Settings) -> dict[str, Any]:
    """JSON values of one layer's settings."""
    return {
        **asdict(settings),
        "references": [asdict(reference) for reference in settings.references],
        **edits.to_json(settings.bindings, settings.swaps),
        "corrections": [vars(one) for one in settings.corrections],
        "locked": list(settings.locked),
    }


def from_json(data: Mapping[str, Any]) -> Settings:
    """Reads settings from JSON values; invalid values get their defaults."""
    references = data.get("references")
    known = [_reference(item) for item in references] if isinstance(references, list) else []
    return Settings(
        mode=_member(Mode, data.get("mode"), Mode.WHOLE),
        engine=_text(data.get("engine")) or "match",
        model=_text(data.get("model")),
        references=tuple(item for item in known if item is not None)[:MAX_REFERENCES],
        sketch_mask=_text(data.get("sketch_mask")),
        background=_text(data.get("background")),
        hints=_text(data.get("hints")),
        bindings=edits.read_bindings(data.get("bindings")),
        corrections=edits.read_corrections(data.get("corrections")),
        swaps=edits.read_swaps(data.get("swaps")),
        locked=edits.read_colours(data.get("locked")),
        swatch_merge=_whole(data.get("swatch_merge"), 0, MAX_SWATCH_MERGE, SWATCH_MERGE),
        seed=_whole(data.get("seed"), 0, MAX_SEED, 0),
        options=_options(data.get("options")),
    )


def _reference(data: object) -> Reference | None:
    source = data.get("source") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(source, dict):
        return None
    try:
        kind = SourceKind(source.get("kind"))
    except ValueError:
        return None
    key = _text(source.get("key"))
    return Reference(Source(kind, key, _text(source.get("name"))), _text(data.get("mask"))) if key else None


def _options(data: object) -> Options:
    default = Options()
    if not isinstance(data, dict):
        return default
    line_gap = data.get("line_gap")
    valid_gap = (
        isinstance(line_gap, (int, float))
        and not isinstance(line_gap, bool)
        and 0 <= line_gap <= MAX_LINE_GAP
    )
    return Options(
        palette_lock=_switch(data.get("palette_lock"), default=default.palette_lock),
        style_detail=_switch(data.get("style_detail"), default=default.style_detail),
        background_detail=_switch(data.get("background_detail"), default=default.background_detail),
        line_gap=float(line_gap) if valid_gap else default.line_gap,  # type: ignore[arg-type]
        steps=_whole(data.get("steps"), 0, 1000, default.steps),
        size=_whole(data.get("size"), 0, 16384, default.size),
        colorize_mask=_switch(data.get("colorize_mask"), default=default.colorize_mask),
        colour_paper=_switch(data.get("colour_paper"), default=default.colour_paper),
        advanced=option_table.read_values(data.get("advanced")),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _switch(value: object, *, default: bool) -> bool:
    return value if isinstance(value, bool) else default


def _whole(value: object, low: int, high: int, default: int) -> int:
    fits = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    return value if fits else default  # type: ignore[return-value]


def _member(kind: type[_E], value: object, default: _E) -> _E:
    try:
        return kind(value)
    except ValueError:
        return default

"""A result as it came over the wire, and the group of layers it becomes (DESIGN section 8).

The pictures stay packed until somebody applies the result: at 4k they would take a gigabyte a dozen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from krita_colorize.core import bundle, edits, key_strokes
from krita_colorize.core.port import KEY_STROKES, NewGroup, NewLayer, Pixels
from krita_colorize.core.request import Request

KRITA_BLENDS = {"normal": "normal", "multiply": "multiply", "screen": "screen", "addition": "add"}
"""The wire's blend modes in Krita's words (`Node.blendingMode`)."""

GROUP_NAME = "Colorized"
FOREGROUND_MASK_NAME = "Foreground mask"


class ResultError(ValueError):
    """A result that breaks the wire's rules; the message says which."""


@dataclass(frozen=True)
class Result:
    """A finished job: its request, the packed bundle, a small preview (PNG) and the backend's record."""

    request: Request
    bundle: bundle.Bundle
    preview_png: bytes
    record: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The name of the group."""
        references = self.request.settings.references
        name = references[0].source.name if references else self.request.sketch.name
        more = f" +{len(references) - 1}" if len(references) > 1 else ""
        return f"{GROUP_NAME} · {name}{more} · seed {self.request.settings.seed}"

    @property
    def doubts(self) -> int:
        """How many regions the engine was not sure about."""
        report = self.record.get("report")
        count = report.get("doubtful_regions", 0) if isinstance(report, Mapping) else 0
        return count if isinstance(count, int) else 0

    @property
    def coloured_lines(self) -> str:
        """What coloured lines were taken for: "borders", "roughs" or "trace_lines"; empty where there are none."""
        report = self.record.get("report")
        return str(report.get("coloured_lines", "")) if isinstance(report, Mapping) else ""

    @property
    def panels(self) -> int:
        """How many panels of a comic page were coloured; 0 for a single picture."""
        report = self.record.get("report")
        count = report.get("panels", 0) if isinstance(report, Mapping) else 0
        return count if isinstance(count, int) else 0

    @property
    def survey(self) -> str:
        """The name of a frame's survey; empty for anything else."""
        report = self.record.get("report")
        return str(report.get("survey", "")) if isinstance(report, Mapping) else ""

    @property
    def palette(self) -> tuple[str, ...]:
        """The colours ("#rrggbb") of the flat layers; empty where the engine doesn't say."""
        report = self.record.get("report")
        colours = report.get("palette") if isinstance(report, Mapping) else None
        return edits.read_colours(colours)

    def with_palette(self, palette: Sequence[str]) -> Result:
        """The same result with other colours in its record."""
        report = self.record.get("report")
        known = dict(report) if isinstance(report, Mapping) else {}
        return replace(self, record={**self.record, "report": {**known, "palette": list(palette)}})

    @property
    def size_bytes(self) -> int:
        """What it takes in memory."""
        return sum(len(packed.data) for packed in self.bundle.packed)

    def layers(self) -> tuple[NewLayer, ...]:
        """The layers from bottom to top, unpacked. Slow: for worker threads. Raises `BundleError`, `ResultError`."""
        return tuple(_new_layer(entry, self.bundle) for entry in self.bundle.header["layers"])

    def compact(self) -> Result:
        """The same result in less memory. Slow: for worker threads."""
        return replace(self, bundle=self.bundle.compact())

    def group(self) -> NewGroup:
        """The group to insert beside the sketch layer. Raises as `layers` does. Slow: for worker threads."""
        layers = tuple(_with_key_strokes(layer) for layer in self.layers())
        if not self.record.get("sketch_has_paper"):
            return NewGroup(self.title, layers)
        # Over paper the lines must show through: dark ones on light paper multiply, light ones on dark paper screen.
        blend = "screen" if self.record.get("sketch_has_dark_paper") else "multiply"
        return NewGroup(self.title, layers, blend=blend, above=True)


def read(request: Request, data: bytes | Sequence[bytes]) -> Result:
    """Checks a result bundle and unpacks its preview. Raises `BundleError` or `ResultError`."""
    packed = bundle.decode(data)
    layers, record = packed.header.get("layers"), packed.header.get("record")
    if not isinstance(layers, list) or not isinstance(record, dict):
        raise ResultError("the result has no layers or no record")
    preview = packed.blob(packed.header.get("preview", -1))
    return Result(
        request, packed, bytes(preview.data) if preview.format is bundle.Format.PNG else b"", record
    )


def _new_layer(entry: object, packed: bundle.Bundle) -> NewLayer:
    if not isinstance(entry, dict):
        raise ResultError("a layer is not an object")
    try:
        x, y = int(entry["x"]), int(entry["y"])
        mask = entry["mask"]
        return NewLayer(
            name=str(entry["name"]),
            pixels=packed.blob(entry["blob"]).to_pixels(x, y),
            blend=KRITA_BLENDS[entry["blend"]],
            opacity=float(entry["opacity"]),
            clip=bool(entry["clip"]),
            mask=_mask(mask["blob"], packed, x, y) if mask else None,
            mask_name=str(mask["name"]) if mask else "",
            role=str(entry["role"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ResultError(f"a layer can't be read ({error!r})") from error


def _with_key_strokes(layer: NewLayer) -> NewLayer:
    """Marks as the port takes them."""
    if layer.role != KEY_STROKES:
        return layer
    try:
        return replace(layer, pixels=Pixels(0, 0, b""), key_strokes=key_strokes.split(layer.pixels))
    except ValueError as error:
        raise ResultError(str(error)) from error


def _mask(index: int, packed: bundle.Bundle, x: int, y: int) -> Pixels:
    return packed.blob(index).to_pixels(x, y)

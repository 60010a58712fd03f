"""A result of the backend, and the group of layers that is made from it.

The pictures stay packed until the result is applied, because a dozen unpacked results at 4k would take a gigabyte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from krita_colorize.core import bundle, edits, key_strokes
from krita_colorize.core.bundle import Placed
from krita_colorize.core.delivered import DeliveredLayer
from krita_colorize.core.geometry import placed
from krita_colorize.core.placement import Placement
from krita_colorize.core.port import KEY_STROKES, NewGroup, NewLayer, Pixels
from krita_colorize.core.request import Request

KRITA_BLENDS = {"normal": "normal", "multiply": "multiply", "screen": "screen", "addition": "add"}
"""The blend modes on the wire: their ids in Krita (`Node.blendingMode`)."""

GROUP_NAME = "Colorized"

_BOX = ("x", "y", "width", "height")
FOREGROUND_MASK_NAME = "Foreground mask"


class ResultError(ValueError):
    """A result that violates docs/wire.md; the message says how."""


@dataclass(frozen=True)
class Result:
    """A finished job: its request, the packed bundle, a small preview (PNG) and the backend's record.

    If the canvas has changed since, request, preview, layers and check are those for the present canvas; `origin` is
    the original result, which shares the bundle, and `placement` the change of the canvas.
    """

    request: Request
    bundle: bundle.Bundle
    preview_png: bytes
    record: Mapping[str, Any]
    origin: Result | None = None
    placement: Placement | None = None

    @property
    def title(self) -> str:
        """The name of the group."""
        references = self.request.settings.references
        name = references[0].source.name if references else self.request.sketch.name
        more = f" +{len(references) - 1}" if len(references) > 1 else ""
        return f"{GROUP_NAME} · {name}{more} · seed {self.request.settings.seed}"

    @property
    def doubts(self) -> int:
        """The number of regions of whose colours the engine is unsure."""
        report = self.record.get("report")
        count = report.get("doubtful_regions", 0) if isinstance(report, Mapping) else 0
        return count if isinstance(count, int) else 0

    @property
    def coloured_lines(self) -> str:
        """The detected kind of coloured lines: "borders", "roughs" or "trace_lines"; empty if there are none."""
        report = self.record.get("report")
        return str(report.get("coloured_lines", "")) if isinstance(report, Mapping) else ""

    @property
    def panels(self) -> int:
        """The number of coloured panels of a comic page; 0 for a single picture."""
        report = self.record.get("report")
        count = report.get("panels", 0) if isinstance(report, Mapping) else 0
        return count if isinstance(count, int) else 0

    @property
    def survey(self) -> str:
        """The name of a frame's survey; "" for other results."""
        report = self.record.get("report")
        return str(report.get("survey", "")) if isinstance(report, Mapping) else ""

    @property
    def palette(self) -> tuple[str, ...]:
        """The colours ("#rrggbb") of the flat layers; empty if the engine doesn't give them."""
        report = self.record.get("report")
        colours = report.get("palette") if isinstance(report, Mapping) else None
        return edits.read_colours(colours)

    def with_palette(self, palette: Sequence[str]) -> Result:
        """The result with another palette in its record."""
        report = self.record.get("report")
        known = dict(report) if isinstance(report, Mapping) else {}
        return replace(self, record={**self.record, "report": {**known, "palette": list(palette)}})

    @property
    def size_bytes(self) -> int:
        """The size of its packed pictures in bytes."""
        return sum(len(packed.data) for packed in self.bundle.packed)

    def layers(self) -> tuple[NewLayer, ...]:
        """The layers from bottom to top, unpacked. Slow: for worker threads. Raises `BundleError`, `ResultError`."""
        layers = tuple(_new_layer(entry, self.bundle) for entry in self.bundle.header["layers"])
        return layers if self.placement is None else tuple(_moved(layer, self.placement) for layer in layers)

    def packed_layers(self) -> tuple[DeliveredLayer, ...]:
        """The layers from bottom to top, packed. Raises like `layers`. Slow: for worker threads."""
        if self.placement is not None:
            return tuple(
                DeliveredLayer(
                    layer.role, Placed.of(layer.pixels), Placed.of(layer.mask) if layer.mask else None
                )
                for layer in self.layers()
            )
        return tuple(_packed_layer(entry, self.bundle) for entry in self.bundle.header["layers"])

    def compact(self) -> Result:
        """The result with compressed pictures. Slow: for worker threads."""
        packed = self.bundle.compact()
        origin = self.origin and replace(self.origin, bundle=packed)
        return replace(self, bundle=packed, origin=origin)

    def on(self, placement: Placement, preview_png: bytes) -> Result:
        """The result on another canvas, with a preview for that; `placement` maps the original canvas to it."""
        made = self.origin or self
        if placement.still and (placement.width, placement.height) == (
            made.request.width,
            made.request.height,
        ):
            return made
        request = made.request.on(placement)
        return replace(made, request=request, preview_png=preview_png, origin=made, placement=placement)

    @property
    def check_places(self) -> list[Any]:
        """The places to check, as in the bundle's header; empty if the engine gives none."""
        check = self.bundle.header.get("check")
        found = check.get("places") if isinstance(check, dict) else None
        entries = found if isinstance(found, list) else []
        return entries if self.placement is None else [_moved_place(one, self.placement) for one in entries]

    def check_mask(self) -> Pixels | None:
        """The pixels to check: one byte per pixel of the canvas, 255 = check; None if the engine gives none. Slow: for
        worker threads. Raises like `layers`."""
        check = self.bundle.header.get("check")
        if not isinstance(check, dict):
            return None
        try:
            mask = self.bundle.blob(check["mask"]["blob"]).to_pixels()
        except (KeyError, TypeError) as error:
            raise ResultError(f"the check mask can't be read ({error!r})") from error
        if self.placement is None:
            return mask
        width, height = self.request.width, self.request.height
        return placed(self.placement.moved(mask), 0, 0, width, height)

    def group(self) -> NewGroup:
        """The group to insert below or above the sketch layer. Raises like `layers`. Slow: for worker threads."""
        layers = tuple(_with_key_strokes(layer) for layer in self.layers())
        if not self.record.get("sketch_has_paper"):
            return NewGroup(self.title, layers)
        # Above a sketch with paper the lines must stay visible: Multiply on light paper, Screen on dark paper.
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


def _packed_layer(entry: object, packed: bundle.Bundle) -> DeliveredLayer:
    if not isinstance(entry, dict):
        raise ResultError("a layer is not an object")
    try:
        pixels, mask = packed.placed(entry), entry["mask"]
        place = {"x": entry["x"], "y": entry["y"]}
        return DeliveredLayer(str(entry["role"]), pixels, packed.placed({**place, **mask} if mask else None))
    except (KeyError, TypeError, ValueError) as error:
        raise ResultError(f"a layer can't be read ({error!r})") from error


def _moved(layer: NewLayer, placement: Placement) -> NewLayer:
    mask = None if layer.mask is None else placement.moved(layer.mask)
    return replace(layer, pixels=placement.moved(layer.pixels), mask=mask)


def _moved_place(entry: object, placement: Placement) -> object:
    try:
        box = placement.box(*(int(entry[name]) for name in _BOX))  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        return entry
    return {**entry, **dict(zip(_BOX, box, strict=True))}  # type: ignore[dict-item]


def _with_key_strokes(layer: NewLayer) -> NewLayer:
    """The layer with its key strokes split by colour, as the port takes them; other layers are unchanged."""
    if layer.role != KEY_STROKES:
        return layer
    try:
        return replace(layer, pixels=Pixels(0, 0, b""), key_strokes=key_strokes.split(layer.pixels))
    except ValueError as error:
        raise ResultError(str(error)) from error


def _mask(index: int, packed: bundle.Bundle, x: int, y: int) -> Pixels:
    return packed.blob(index).to_pixels(x, y)

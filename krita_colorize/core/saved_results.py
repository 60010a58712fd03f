"""A result as the docker keeps it: with what it was made from, so that it can be repaired later, also after a crash.

One file, in the wire's bundle format: the result's layers as they count as delivered, and the sketch, mask and hints
of that time (`Base`). Where the files lie is `app/history`'s business, what a repair does with them `core/repair`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from krita_colorize.core import bundle, changes, key_strokes
from krita_colorize.core.bundle import Blob, Bundle
from krita_colorize.core.geometry import placed
from krita_colorize.core.placement import Placement
from krita_colorize.core.port import KEY_STROKES, ROLES, NewLayer, Pixels
from krita_colorize.core.request import Request
from krita_colorize.core.result import Result, ResultError

VERSION = 1

_RESULT = ("preview", "layers", "record", "check")
"""The fields of a result's header."""


@dataclass(frozen=True)
class Base:
    """What a result was made from, packed; `get` unpacks. Reference masks only by their hashes.

    `placement` is how the canvas changed since, None where it didn't."""

    bundle: Bundle
    placement: Placement | None = None

    @classmethod
    def pack(cls, pictures: Mapping[str, Pixels | None], hashes: Sequence[str] | None = ()) -> Base:
        """Packs pictures and masks by name; those that are None or empty are left out. Slow: for worker threads."""
        there = {name: pixels for name, pixels in pictures.items() if pixels is not None and pixels.data}
        places = {
            name: {"blob": number, "x": pixels.x, "y": pixels.y}
            for number, (name, pixels) in enumerate(there.items())
        }
        blobs = [Blob.from_pixels(pixels) for pixels in there.values()]
        parts = bundle.encode({"pictures": places, "hashes": None if hashes is None else list(hashes)}, blobs)
        return cls(bundle.decode([bytes(part) for part in parts]).compact())

    def get(self, name: str) -> Pixels | None:
        """One of them, None where there is none. Slow: for worker threads."""
        place = self.bundle.header["pictures"].get(name)
        found = self.bundle.blob(place["blob"]).to_pixels(place["x"], place["y"]) if place else None
        return self.placement.moved(found) if found is not None and self.placement is not None else found

    @property
    def hashes(self) -> tuple[str, ...] | None:
        """The SHA-256 of each reference's mask, "" where it has none; None where the canvas has changed, and the masks
        with it."""
        hashes = self.bundle.header["hashes"]
        return None if hashes is None or self.placement is not None else tuple(hashes)

    def here(self) -> Base:
        """The same as made on the canvas of now. Slow: for worker threads."""
        if self.placement is None:
            return self
        return Base.pack({name: self.get(name) for name in self.bundle.header["pictures"]}, None)


@dataclass(frozen=True)
class SavedResult:
    """A result, its base, when it was made (ns), for which document, and the group it was last applied as. The file
    holds it on the canvas that it was made on."""

    result: Result
    base: Base
    document: str
    made: int
    group_id: str = ""

    def parts(self) -> list[bytes | bytearray]:
        """The file's parts. Raises `BundleError`."""
        made = self.result.origin or self.result
        result, base = made.bundle, self.base.bundle
        header = {
            "kept": VERSION,
            "document": self.document,
            "made": self.made,
            "group": self.group_id,
            "request": made.request.to_json(),
            "base": {key: value for key, value in base.header.items() if key != "blobs"},
            "base_blobs": len(base.packed),
            **{key: result.header[key] for key in _RESULT if key in result.header},
        }
        return Bundle(header, (*result.packed, *base.packed)).parts()


def read(data: bytes) -> SavedResult:
    """Reads a kept file. Raises `BundleError`, `ResultError`, `KeyError`, `TypeError` or `ValueError`."""
    whole = bundle.decode(data)
    header = whole.header
    if header.get("kept") != VERSION:
        raise ResultError("the file was written by another version")
    first = len(whole.packed) - int(header["base_blobs"])
    packed = Bundle({key: header[key] for key in _RESULT if key in header}, whole.packed[:first])
    preview = packed.blob(header["preview"])
    result = Result(Request.from_json(header["request"]), packed, bytes(preview.data), header["record"])
    base = Base(Bundle(header["base"], whole.packed[first:]))
    return SavedResult(result, base, str(header["document"]), int(header["made"]), str(header["group"]))


def with_layers(result: Result, layers: Sequence[NewLayer], preview_png: bytes = b"") -> Result:
    """The same result with other pixels and masks in its layers, given in their order, and another preview where one
    is given. Key strokes follow the colours: it may be applied once more. Slow: for worker threads."""
    flats = [layer for layer in layers if layer.role in ROLES]
    layers = [
        replace(layer, pixels=key_strokes.recoloured(layer.pixels, flats))
        if layer.role == KEY_STROKES
        else layer
        for layer in layers
    ]
    entries: list[dict[str, Any]] = []
    preview = result.bundle.blob(result.bundle.header["preview"])
    shown = preview_png or result.preview_png
    blobs = [replace(preview, data=shown) if shown else preview]
    for entry, layer in zip(result.bundle.header["layers"], layers, strict=True):
        changed = {**entry, "blob": len(blobs), "x": layer.pixels.x, "y": layer.pixels.y}
        blobs.append(Blob.from_pixels(layer.pixels))
        if layer.mask is not None:
            changed["mask"] = {"blob": len(blobs), "name": layer.mask_name}
            blobs.append(Blob.from_pixels(layer.mask))
        entries.append(changed)
    header = {**result.bundle.header, "layers": entries, "preview": 0, "record": dict(result.record)}
    check = header.get("check")
    if isinstance(check, dict):
        mask = result.check_mask()
        assert mask is not None
        header["check"] = {**check, "places": result.check_places, "mask": {"blob": len(blobs)}}
        blobs.append(Blob.from_pixels(mask))
    parts = bundle.encode({key: value for key, value in header.items() if key != "blobs"}, blobs)
    packed = bundle.decode([bytes(part) for part in parts]).compact()
    return Result(result.request, packed, shown, result.record)


def with_check(result: Result, answer: Result) -> Result:
    """The same result, made on the canvas of now; inside of the rectangles that a repair's answer replaced, what is to
    be checked is the answer's. Slow: for worker threads."""
    mask, fresh = result.check_mask(), answer.check_mask()
    if mask is None or fresh is None:
        return result
    boxes = [layer.pixels for layer in answer.layers()]
    places = [place for place in result.check_places if not any(_within(place, box) for box in boxes)]
    for box in boxes:
        there = Pixels(box.width, box.height, b"\xff" * (box.width * box.height), box.x, box.y)
        mask = changes.merged(mask, fresh, placed(there, 0, 0, mask.width, mask.height))
    number = len(result.bundle.packed)
    packed = bundle.decode([bytes(part) for part in bundle.encode({}, [Blob.from_pixels(mask)])]).packed
    check = {
        "mask": {"blob": number},
        "places": sorted([*answer.check_places, *places], key=_area, reverse=True),
    }
    whole = Bundle({**result.bundle.header, "check": check}, (*result.bundle.packed, *packed))
    return replace(result, bundle=whole)


def _within(place: Mapping[str, Any], box: Pixels) -> bool:
    x, y = place["x"] + place["width"] / 2 - box.x, place["y"] + place["height"] / 2 - box.y
    return bool(0 <= x < box.width and 0 <= y < box.height)


def _area(place: Mapping[str, Any]) -> int:
    return int(place["width"] * place["height"])

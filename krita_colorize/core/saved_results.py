"""Saved results: a result with the pictures it was made from, so that it can be repaired later, even after a crash.

A file has the protocol's bundle format. It contains the delivered layers and the sketch, mask and hints of that time
(`Base`). `app/history` stores the files, `core/repair` uses them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from krita_colorize.core import bundle, region_map
from krita_colorize.core.bundle import Bundle, Placed
from krita_colorize.core.delivered import DeliveredLayer
from krita_colorize.core.placement import Placement
from krita_colorize.core.port import Pixels
from krita_colorize.core.request import Request
from krita_colorize.core.result import Result, ResultError

VERSION = 1

_RESULT = ("preview", "layers", "record", "check", "regions")
"""The fields of a result's header."""


@dataclass(frozen=True)
class Base:
    """The pictures that a result was made from, packed, and the hashes of the references' masks.

    `placement` is the change of the canvas since then, None without a change."""

    bundle: Bundle
    placement: Placement | None = None

    @classmethod
    def pack(cls, pictures: Mapping[str, Pixels | Placed | None], hashes: Sequence[str] | None = ()) -> Base:
        """Packs pictures and masks by name; None and empty ones are left out. Slow: for worker threads."""
        writer = bundle.Writer()
        places = {name: writer.place(picture) for name, picture in pictures.items() if not _empty(picture)}
        header = {"pictures": places, "hashes": None if hashes is None else list(hashes)}
        return cls(writer.bundle(header).compact())

    def get(self, name: str) -> Pixels | None:
        """One picture, unpacked and on the present canvas; None if there is none. Slow: for worker threads."""
        place = self.bundle.placed(self.bundle.header["pictures"].get(name))
        found = None if place is None else place.to_pixels()
        return self.placement.moved(found) if found is not None and self.placement is not None else found

    def packed(self, name: str) -> Placed | None:
        """One picture, packed and on the present canvas. Slow: for worker threads."""
        if self.placement is None:
            return self.bundle.placed(self.bundle.header["pictures"].get(name))
        found = self.get(name)
        return None if found is None else Placed.of(found)

    @property
    def hashes(self) -> tuple[str, ...] | None:
        """The SHA-256 of each reference's mask, "" without a mask; None if the canvas and so the masks have changed."""
        hashes = self.bundle.header["hashes"]
        return None if hashes is None or self.placement is not None else tuple(hashes)

    def here(self) -> Base:
        """The base on the present canvas, without hashes if that has changed. Slow: for worker threads."""
        if self.placement is None:
            return self
        return Base.pack({name: self.get(name) for name in self.bundle.header["pictures"]}, None)


@dataclass(frozen=True)
class SavedResult:
    """A result with its base, its document's id, the time it was made (ns since 1970), and the id of the group it was
    last applied as. The file has it on its original canvas."""

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
    """Reads a file. Raises `BundleError`, `ResultError`, `KeyError`, `TypeError` or `ValueError`."""
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


def with_delivered(
    result: Result,
    delivered: Mapping[str, DeliveredLayer],
    preview_png: bytes = b"",
    check: tuple[Mapping[str, Any], Placed] | None = None,
    answer: Result | None = None,
) -> Result:
    """The result on the present canvas, with new data. Slow: for worker threads.

    Args:
        delivered: The new delivered layers, by role; the others stay.
        preview_png: A new preview; b"" keeps the old one.
        check: A new check: its header entry and its mask; None keeps the old one.
        answer: The answer of a repair, whose regions are taken if it has any.
    """
    writer = bundle.Writer()
    shown = preview_png or result.preview_png
    preview = result.bundle.blob(result.bundle.header["preview"])
    header: dict[str, Any] = {"preview": writer.add(replace(preview, data=shown) if shown else preview)}
    header |= {"layers": [], "record": dict(result.record)}
    entries = result.bundle.header["layers"]
    for entry, layer in zip(entries, result.packed_layers(), strict=True):
        new = delivered.get(layer.role, layer)
        mask = writer.place(new.mask or layer.mask)
        name = layer.mask and entry["mask"]["name"]
        found = {**entry, **(writer.place(new.pixels or layer.pixels) or {})}
        found["mask"] = mask and {"blob": mask["blob"], "name": name}
        header["layers"].append(found)
    check = check or _check(result)
    if check is not None:
        header["check"] = {**check[0], "mask": {"blob": writer.add(check[1].packed)}}
    packed = writer.bundle(header).compact()
    told = next((one for one in (answer, result) if one and one.bundle.header.get("regions")), result)
    regions = region_map.read(told)
    if regions is not None:
        packed = region_map.added(packed, told.bundle.header["regions"], regions)
    return Result(result.request, packed, shown, result.record)


def _check(result: Result) -> tuple[Mapping[str, Any], Placed] | None:
    """A result's check on the present canvas: its header entry and its mask; None without a check."""
    mask = result.check_mask()
    return None if mask is None else ({"places": result.check_places}, Placed.of(mask))


def _empty(picture: Pixels | Placed | None) -> bool:
    return picture is None or (isinstance(picture, Pixels) and not picture.data)

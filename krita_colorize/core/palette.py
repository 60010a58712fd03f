"""Palettes as lists of colours: nearest colours, and palette files of Krita (.kpl) and GIMP (.gpl).

Colours are "#rrggbb" in lower case. Names, groups and columns in files are ignored, and so are colours that aren't RGB.
"""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path

from krita_colorize.core.errors import UserError
from krita_colorize.core.translations import tr

MAX_COLOURS = 256
_MAX_FILE_BYTES = 4 << 20
_SRGB = "sRGB-elle-V2-srgbtrc.icc"


def read(path: Path) -> tuple[str, ...]:
    """The colours of a palette file, each once. Raises `UserError`."""
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise ValueError("the file is too large")
        data = path.read_bytes()
        found = _read_kpl(data) if zipfile.is_zipfile(io.BytesIO(data)) else _read_gpl(data)
    except (OSError, ValueError, KeyError, ElementTree.ParseError, zipfile.BadZipFile, RuntimeError) as error:
        raise UserError(
            tr("{name} can't be read as a palette ({reason}).", name=path.name, reason=error)
        ) from error
    if not found:
        raise UserError(tr("There are no colours in {name}.", name=path.name))
    return tuple(dict.fromkeys(found))[:MAX_COLOURS]


def write(path: Path, colours: Sequence[str], name: str) -> None:
    """Writes a .kpl (a Krita palette) or, by its ending, a .gpl. Raises `UserError`."""
    data = _gpl(colours, name) if path.suffix.lower() == ".gpl" else _kpl(colours, name)
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UserError(tr("{name} can't be written ({reason}).", name=path.name, reason=error)) from error


def snapped(colours: Sequence[str], palette: Sequence[str], locked: Collection[str] = ()) -> dict[str, str]:
    """Maps each colour to the nearest one of another palette (CIE 1976 difference); locked and equal ones are left
    out."""
    targets = {colour: _lab(colour) for colour in palette}
    found = {}
    for colour in colours:
        if colour not in locked and targets:
            here = _lab(colour)
            found[colour] = min(targets, key=lambda target: _distance(here, targets[target]))
    return {before: after for before, after in found.items() if before != after}


def distance(first: str, second: str) -> float:
    """The CIE 1976 colour difference of two colours."""
    return float(_distance(_lab(first), _lab(second)) ** 0.5)


def _distance(first: Sequence[float], second: Sequence[float]) -> float:
    return sum((a - b) ** 2 for a, b in zip(first, second, strict=True))


@lru_cache(maxsize=4 * MAX_COLOURS)
def _lab(colour: str) -> tuple[float, float, float]:
    """CIE L*a*b* of an sRGB colour, D65."""
    linear = [_linear(int(colour[start : start + 2], 16) / 255) for start in (1, 3, 5)]
    rows = (
        (0.4124564, 0.3575761, 0.1804375),
        (0.2126729, 0.7151522, 0.0721750),
        (0.0193339, 0.1191920, 0.9503041),
    )
    white = (0.95047, 1.0, 1.08883)
    x, y, z = (
        _cube_root(sum(a * b for a, b in zip(row, linear, strict=True)) / w)
        for row, w in zip(rows, white, strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _cube_root(value: float) -> float:
    return value ** (1 / 3) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116


def _read_gpl(data: bytes) -> list[str]:
    lines = data.decode("utf-8", "replace").splitlines()
    if not lines or not lines[0].startswith("GIMP Palette"):
        raise ValueError("it is neither a GIMP palette nor one of Krita's")
    found = []
    for line in lines[1:]:
        words = line.split()[:3]
        if len(words) == 3 and all(word.isdigit() and int(word) < 256 for word in words):
            found.append("#" + "".join(f"{int(word):02x}" for word in words))
    return found


def _read_kpl(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        info = archive.getinfo("colorset.xml")
        if info.file_size > _MAX_FILE_BYTES:
            raise ValueError("the file is too large")
        root = ElementTree.fromstring(archive.read(info))
    found = []
    for entry in root.iter("ColorSetEntry"):
        rgb = entry.find("RGB")
        if rgb is None:
            rgb = entry.find("sRGB")
        if rgb is not None:
            values = [float(rgb.get(channel, "0")) for channel in "rgb"]
            found.append("#" + "".join(f"{round(255 * min(1.0, max(0.0, value))):02x}" for value in values))
    return found


def _gpl(colours: Sequence[str], name: str) -> bytes:
    rows = [f"{r:3d} {g:3d} {b:3d}\t{colour}" for colour in colours for r, g, b in [_bytes(colour)]]
    title = " ".join(name.split())
    return "\n".join(["GIMP Palette", f"Name: {title}", "Columns: 8", "#", *rows, ""]).encode("utf-8")


def _kpl(colours: Sequence[str], name: str) -> bytes:
    columns = 8
    rows = -(-len(colours) // columns)
    root = ElementTree.Element(
        "ColorSet",
        version="1.0",
        name=name,
        comment="",
        columns=str(columns),
        rows=str(rows),
        readonly="false",
    )
    for number, colour in enumerate(colours):
        entry = ElementTree.SubElement(
            root, "ColorSetEntry", name=colour, id=str(number), spot="false", bitdepth="U8"
        )
        channels = {name: f"{value / 255:.6f}" for name, value in zip("rgb", _bytes(colour), strict=True)}
        ElementTree.SubElement(entry, "RGB", {"space": _SRGB, **channels})
        ElementTree.SubElement(entry, "Position", row=str(number // columns), column=str(number % columns))
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        # Krita requires the mimetype as the first entry, uncompressed.
        archive.writestr("mimetype", "application/x-krita-palette", zipfile.ZIP_STORED)
        archive.writestr("colorset.xml", ElementTree.tostring(root, "utf-8"), zipfile.ZIP_DEFLATED)
        profiles = ElementTree.tostring(ElementTree.Element("Profiles"), "utf-8")
        archive.writestr("profiles.xml", profiles, zipfile.ZIP_DEFLATED)
    return data.getvalue()


def _bytes(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)

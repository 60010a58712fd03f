"""Rasterises the pictures of a family to squares.

Vector pictures are drawn without antialiasing, so that every pixel has a colour that the artist chose. Raster pictures
are resized. Avatar styles are drawn by the package that defines them.
"""

from __future__ import annotations

import fnmatch
import io
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from colorizer_lab.data.art.families import Family, catalogue
from colorizer_lab.data.art.packages import cache_folder, unpacked

Pixels = NDArray[np.uint8]
"""(S, S, 4), sRGB and alpha."""

_MARGIN = 0.05
_SKIN_TONE = re.compile(r"-(light|medium-light|medium|medium-dark|dark)-skin-tone")
_VARIANTS = 4
"""Number of faces per avatar, with the same colours and different features."""
_DRAW_AVATARS = """
import { createAvatar } from '@dicebear/core';
import { writeFileSync } from 'node:fs';
const [name, people, variants, out] = process.argv.slice(2);
const style = await import('@dicebear/' + name);
const isColour = ([key, value]) => /colou?r/i.test(key) && value.default?.length;
const colours = Object.entries(style.schema.properties).filter(isColour);
for (let person = 0; person < +people; person++) {
  const fixed = {};
  for (const [index, [key, value]] of colours.entries())
    fixed[key] = [value.default[(person * 7 + index * 3 + Math.floor(person / 5)) % value.default.length]];
  for (let variant = 0; variant < +variants; variant++) {
    const svg = createAvatar(style, { ...fixed, backgroundColor: ['transparent'], seed: `${person}-${variant}` });
    writeFileSync(`${out}/${String(person).padStart(3, '0')}_${variant}.svg`, svg.toString());
  }
}
"""


@dataclass(frozen=True)
class Source:
    """A picture of a family, not rasterised yet."""

    name: str
    character: str
    """Pictures with the same value show the same character."""
    file: Path | None = None
    svg: str = ""


def sources(family: Family) -> list[Source]:
    """The family's pictures in a fixed order; at most `family.most`, chosen evenly."""
    found = list({"iconify": _icons, "dicebear": _avatars, "files": _files}[family.reader](family))
    if len(found) > family.most:
        step = len(found) / family.most
        found = [found[int(index * step)] for index in range(family.most)]
    return found


def rasterise(source: Source, family: Family, size: int) -> Pixels | None:
    """Rasterises a picture to a transparent square that it nearly fills; None if it cannot be drawn or is empty."""
    picture = _drawn(source, size)
    if picture is None or max(picture.shape[:2]) < family.least:
        return None
    rows, columns = (np.flatnonzero((picture[..., 3] > 127).any(axis=axis)) for axis in (1, 0))
    if len(rows) < 8 or len(columns) < 8:
        return None
    cut = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    inner = round(size * (1 - 2 * _MARGIN))
    scale = inner / max(cut.shape[:2])
    height, width = (max(1, round(side * scale)) for side in cut.shape[:2])
    square = np.zeros((size, size, 4), np.uint8)
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = _resized(cut, width, height, family)
    return square


def _drawn(source: Source, size: int) -> Pixels | None:
    try:
        if source.file is not None and source.file.suffix != ".svg":
            with Image.open(source.file) as image:
                return np.asarray(image.convert("RGBA"))
        svg = source.svg or (source.file or Path()).read_text(encoding="utf-8", errors="replace")
        import resvg_py

        # Drawn twice: the first time to measure the picture's extent, then at the scale that gives it the wanted size.
        first = _resvg(resvg_py, svg, 128)
        rows, columns = (np.flatnonzero((first[..., 3] > 127).any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            return None
        share = max(rows[-1] - rows[0], columns[-1] - columns[0]) / max(first.shape[:2])
        return _resvg(resvg_py, svg, round(min(size / max(share, 0.1), 4 * size)))
    except (OSError, ValueError):
        return None


def _resvg(resvg_py, svg: str, size: int) -> Pixels:  # type: ignore[no-untyped-def]
    png = resvg_py.svg_to_bytes(
        svg_string=svg, width=size, dpi=96, skip_system_fonts=True, shape_rendering="crisp_edges"
    )
    with Image.open(io.BytesIO(bytes(png))) as image:
        return np.asarray(image.convert("RGBA"))


def _resized(picture: Pixels, width: int, height: int, family: Family) -> Pixels:
    """Resizes a picture: vector pictures keep exact colours, pixel art is smoothed, others are interpolated."""
    if family.pixels:
        side = max(1, round(width / picture.shape[1]))
        large = cv2.resize(picture, None, fx=side, fy=side, interpolation=cv2.INTER_NEAREST)
        kernel = side + (1 - side % 2) + 2
        large = np.dstack([cv2.medianBlur(np.ascontiguousarray(large[..., i]), kernel) for i in range(4)])
        return np.asarray(cv2.resize(large, (width, height), interpolation=cv2.INTER_NEAREST))
    if family.reader != "files" or not family.shaded:
        shrinks = width < picture.shape[1] / 1.5
        way = cv2.INTER_NEAREST if family.reader != "files" or not shrinks else cv2.INTER_AREA
        return np.asarray(cv2.resize(picture, (width, height), interpolation=way))
    way = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_CUBIC
    colours = picture[..., :3].astype(np.float32) * (picture[..., 3:] / np.float32(255))
    both = np.dstack([colours, picture[..., 3].astype(np.float32)])
    both = cv2.resize(both, (width, height), interpolation=way).clip(0, 255)
    both[..., :3] *= 255 / np.maximum(both[..., 3:], 1)
    return np.asarray(both.clip(0, 255).round(), np.uint8)


def _icons(family: Family) -> Iterator[Source]:
    folder = unpacked(catalogue().packages[family.package]) / "package"
    icons = json.loads((folder / "icons.json").read_text(encoding="utf-8"))
    categories = json.loads((folder / "metadata.json").read_text(encoding="utf-8")).get("categories", {})
    skipped = {name for category in family.skip for name in categories.get(category, ())}
    by_base: dict[str, list[str]] = {}
    for name in icons["icons"]:
        if name not in skipped and not name.startswith("flag-for-"):
            by_base.setdefault(_SKIN_TONE.sub("", name), []).append(name)
    height = icons.get("height", 16)
    for number, (base, names) in enumerate(by_base.items()):
        name = names[number % len(names)]  # one skin tone of each
        icon = icons["icons"][name]
        wide, high = icon.get("width", icons.get("width", height)), icon.get("height", height)
        box = f"{icon.get('left', 0)} {icon.get('top', 0)} {wide} {high}"
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="{box}" width="{wide}" height="{high}">{icon["body"]}</svg>'
        )
        yield Source(name, base, svg=svg)


def _avatars(family: Family) -> Iterator[Source]:
    out = cache_folder() / "avatars" / family.name
    if not out.is_dir():
        packages = catalogue().packages
        modules = cache_folder() / "avatars" / "node_modules" / "@dicebear"
        for package in (packages["dicebear-core"], packages[family.package]):
            target = modules / package.name.rpartition("/")[2]
            if not target.is_dir():
                shutil.copytree(unpacked(package) / "package", target)
        part = out.with_name(out.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        script = out.with_name("draw.mjs")
        script.write_text(_DRAW_AVATARS, encoding="utf-8")
        style = packages[family.package].name.rpartition("/")[2]
        people = str(family.most // _VARIANTS)
        subprocess.run(
            ["node", script.name, style, people, str(_VARIANTS), part.name], cwd=out.parent, check=True
        )
        part.rename(out)
    for file in sorted(out.glob("*.svg")):
        yield Source(file.stem, file.stem.partition("_")[0], file=file)


def _files(family: Family) -> Iterator[Source]:
    root = unpacked(catalogue().packages[family.package]) / family.root
    for file in sorted(root.rglob("*.*")):
        path = file.relative_to(root).as_posix()
        if file.suffix.lower() in (".png", ".svg", ".webp") and _fits(path, family.pattern):
            found = re.match(family.character, path) if family.character else None
            yield Source(path, found[1] if found else path, file=file)


def _fits(path: str, pattern: str) -> bool:
    """Whether the end of a path matches a pattern: `(a|b)/*.png` means `*a/*.png` or `*b/*.png`."""
    pieces = [part.split("|") for part in re.split(r"[()]", pattern)]
    return any(fnmatch.fnmatch("/" + path, "*/" + "".join(one)) for one in itertools.product(*pieces))

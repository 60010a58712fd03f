"""The deciding pairs as a corpus: what `colorize evaluate` reads, made of the families that are never trained on.

They decide weights, thresholds and what is kept. Each picture is rasterised anew at the judge's size, the truth is the
artist's own picture, and an item's name begins with its family and the kind of its pair.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from colorizer.data.art.families import Family, catalogue
from colorizer.data.art.fills import Fills
from colorizer.data.art.library import Library, prepare
from colorizer.data.art.packages import cache_folder
from colorizer.data.art.pairs import Habits, Laid, Pair, coverage, pair_of
from colorizer.data.art.pictures import Source, sources

SIZE = 640
VERSION = 1
_DRAWN = 960
_ITEMS = {"cross": 10, "self": 7}
"""Of each family, at most; one without partners has both numbers of self pairs."""
_SEED = 20_261_129
_HABITS = Habits(relit=0.0, beside=0.25, beside_sketch=0.0, backdrop=0.3, cut=0.1, mirrored=0.15, habit=False)
_COVERED = 0.75


def deciding_folder() -> Path:
    """Where the corpus lies."""
    return cache_folder() / f"deciding-{VERSION}"


def write_deciding(library: Library, progress: Callable[[str, int, int], None] | None = None) -> Path:
    """Writes the corpus, whole or not at all; returns its folder."""
    folder = deciding_folder()
    if folder.is_dir():
        return folder
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    families = [family for family in catalogue().families if family.split == "deciding"]
    items: list[dict[str, Any]] = []
    for done, family in enumerate(families):
        if progress is not None:
            progress(f"Drawing {family.name}", done, len(families))
        for name, pair in _pairs(library, family):
            items.append(_written(part, name, family, pair))
    (part / "manifest.json").write_text(json.dumps({"items": items}, indent=1) + "\n", encoding="utf-8")
    os.replace(part, folder)
    return folder


def _pairs(library: Library, family: Family) -> list[tuple[str, Pair]]:
    """The family's pairs with their names."""
    rng = random.Random(f"{_SEED} {family.name}")
    drawn = {source.name: source for source in sources(family)}
    numbers = [number for number in library.of("deciding") if library.entries[number].family == family.name]
    rng.shuffle(numbers)
    has_partners = any(library.entries[number].partners for number in numbers)
    found: list[tuple[str, Pair]] = []
    counts = {"cross": 0, "self": 0}

    def large(number: int) -> Fills | None:
        source: Source = drawn[library.entries[number].name]
        return prepare(family, source, SIZE, _DRAWN)

    for number in [*numbers, *numbers]:
        mates = library.entries[number].partners
        kind = "cross" if mates and counts["cross"] < _ITEMS["cross"] else "self"
        most = sum(_ITEMS.values()) - counts["cross"] if not has_partners else _ITEMS[kind]
        if counts[kind] == most:
            continue
        mate = rng.choice(mates) if kind == "cross" else None
        first, other = large(number), large(rng.choice(numbers))
        second = None if mate is None else large(mate)
        if first is None or other is None or (second is not None and coverage(first, second) < _COVERED):
            continue
        pair = pair_of(first, second, other, rng, SIZE, _HABITS, painted=family.painted)
        found.append((f"{family.name}-{kind}_{counts[kind]:02d}", pair))
        counts[kind] += 1
    return found


def _written(folder: Path, name: str, family: Family, pair: Pair) -> dict[str, Any]:
    """Writes one item and describes it."""
    place = folder / name
    place.mkdir(parents=True)
    pictures = {
        "sketch": pair.lines,
        "reference": pair.reference,
        "ground_truth": _on_paper(pair.here),
        "sketch_foreground_mask": _mask(pair.here),
        "reference_foreground_mask": _mask(pair.there),
    }
    for role, pixels in pictures.items():
        Image.fromarray(pixels).save(place / f"{role}.png")
    package = catalogue().packages[family.package]
    return {
        "id": name,
        "kind": "triplet",
        "files": {role: f"{name}/{role}.png" for role in pictures},
        "licence": package.licence,
        "attribution": package.authors,
    }


def _on_paper(laid: Laid) -> np.ndarray[Any, np.dtype[np.uint8]]:
    colours = laid.colours[..., :3] + 1 - laid.colours[..., 3:]
    return np.asarray(colours.clip(0, 1) * 255 + 0.5, np.uint8)


def _mask(laid: Laid) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.where(laid.colours[..., 3] > 0.5, np.uint8(255), np.uint8(0))

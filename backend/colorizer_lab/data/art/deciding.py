"""The validation pairs (split `deciding`) as a corpus for `colorize evaluate`, from families that are never trained on.

Weights, thresholds and changes are chosen by them. Each picture is rasterised at the judge's size, and the truth is the
artist's own picture. The name of an item starts with its family and the kind of pair.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from colorizer.errors import NothingToColour
from colorizer.files import write_atomically
from colorizer.imaging.lines import find_ink
from colorizer.imaging.regions import find_regions
from numpy.typing import NDArray
from PIL import Image

from colorizer_lab.data.art.families import Family, catalogue
from colorizer_lab.data.art.library import Library, over_processes, prepare
from colorizer_lab.data.art.packages import cache_folder
from colorizer_lab.data.art.pairs import Habits, Pair, Placed, coverage, pair_of
from colorizer_lab.data.art.pictures import Source, sources

SIZE = 640
VERSION = 2
_DRAWN = 640
_ITEMS, _CROSS = 32, 20
"""Largest number of pairs of each family: in total, and of two different pictures."""
_SEED = 20_261_129
_HABITS = Habits(relit=0.0, beside=0.25, beside_sketch=0.0, backdrop=0.3, cut=0.1, mirrored=0.15, habit=False)
_COVERED = 0.75
_REGIONS, _LARGEST = 4, 0.8
"""Least number of judged regions, and the largest share of the judged area of any. Where one region is nearly all of
it, a pair is as good as a coin: a few such pairs hid what training gains."""
_SMALLEST = 6e-4
"""Smallest judged region, as a share of the square; as in `evaluation.judge`."""


def deciding_folder() -> Path:
    """The folder of the corpus."""
    return cache_folder() / f"deciding-{VERSION}"


def write_deciding(
    library: Library, progress: Callable[[str, int, int], None] | None = None, workers: int = 1
) -> Path:
    """Writes the corpus and returns its folder. After an interruption, existing items are kept."""
    folder = deciding_folder()
    if (folder / "manifest.json").is_file():
        return folder
    families = [family for family in catalogue().families if family.split == "deciding"]
    items: list[dict[str, Any]] = []
    drawn = over_processes(partial(_family_items, library, folder), families, workers)
    for done, found in enumerate(drawn):
        items += found
        if progress is not None:
            progress("Drawing the deciding pairs", done + 1, len(families))
    write_atomically(folder / "manifest.json", json.dumps({"items": items}, indent=1) + "\n")
    return folder


def _family_items(library: Library, folder: Path, family: Family) -> list[dict[str, Any]]:
    """Draws the pairs of a family and returns their manifest entries."""
    drawn = {source.name: source for source in sources(family)}
    numbers = [one for one in library.of("deciding") if library.entries[one].family == family.name]
    numbers = random.Random(f"{_SEED} {family.name}").sample(numbers, len(numbers))
    paired = [one for one in numbers if library.likely_partners(one)]
    items: list[dict[str, Any]] = []
    for kind, candidates, most in (("cross", paired, _CROSS), ("self", numbers, _ITEMS)):
        for index, number in enumerate(candidates):
            if len(items) == most:
                break
            pair = partial(judged_pair, library, family, drawn, number, kind)
            item = _item(folder, f"{family.name}-{kind}_{index:02d}", family, pair)
            if item is not None:
                items.append(item)
    return items


def judged_pair(
    library: Library, family: Family, drawn: dict[str, Source], number: int, kind: str
) -> Pair | None:
    """One pair at the judge's size; None if the pictures don't form one with enough regions.

    Args:
        library: the library of real art.
        family: the family of the pair.
        drawn: the family's sources by name.
        number: the entry of the sketch's picture.
        kind: "cross" or "self".
    """
    rng = random.Random(f"{_SEED} {kind} {library.entries[number].name}")
    mate = rng.choice(library.likely_partners(number)) if kind == "cross" else None
    other = library.read(rng.choice(library.of(family.split)))
    if mate is not None and coverage(library.read(number), library.read(mate)) < _COVERED:
        return None
    first = prepare(family, drawn[library.entries[number].name], SIZE, _DRAWN)
    second = None if mate is None else prepare(family, drawn[library.entries[mate].name], SIZE, _DRAWN)
    if first is None or (mate is not None and second is None):
        return None
    pair = pair_of(first, second, other, rng, SIZE, _HABITS, painted=family.painted)
    return pair if pair.cross == (kind == "cross") and _has_regions(pair) else None


def _has_regions(pair: Pair) -> bool:
    """Whether the sketch encloses enough regions of the figure for judging."""
    sketch = np.dstack([np.repeat(pair.lines[..., None], 3, 2), np.full((SIZE, SIZE), 255, np.uint8)])
    try:
        regions = find_regions(find_ink(sketch))
    except NothingToColour:
        return False
    areas = regions.areas()
    areas = areas[(areas > _SMALLEST) & (regions.shares(figure_mask(pair.here)) > 0.6)]
    return len(areas) >= _REGIONS and bool(areas.max() <= _LARGEST * areas.sum())


def _item(folder: Path, name: str, family: Family, draw: Callable[[], Pair | None]) -> dict[str, Any] | None:
    """Writes an item atomically unless it exists, and returns its manifest entry; None if there is no pair."""
    place = folder / name
    roles = ("sketch", "reference", "ground_truth", "sketch_foreground_mask", "reference_foreground_mask")
    if not place.is_dir():
        pair = draw()
        if pair is None:
            return None
        pictures = (
            pair.lines,
            pair.reference,
            on_paper(pair.here),
            figure_mask(pair.here),
            figure_mask(pair.there),
        )
        part = folder / f".{name}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for role, pixels in zip(roles, pictures, strict=True):
            Image.fromarray(pixels).save(part / f"{role}.png")
        os.replace(part, place)
    package = catalogue().packages[family.package]
    return {
        "id": name,
        "kind": "triplet",
        "files": {role: f"{name}/{role}.png" for role in roles},
        "licence": package.licence,
        "attribution": package.authors,
    }


def on_paper(laid: Placed) -> NDArray[np.uint8]:
    """(S, S, 3): the picture over white."""
    colours = laid.colours[..., :3] + 1 - laid.colours[..., 3:]
    return np.asarray(colours.clip(0, 1) * 255 + 0.5, np.uint8)


def figure_mask(laid: Placed) -> NDArray[np.uint8]:
    """(S, S), 255 = the picture."""
    return np.where(laid.colours[..., 3] > 0.5, np.uint8(255), np.uint8(0))

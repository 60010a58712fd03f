"""The library of prepared pictures: segmented once and cached, with the pictures that each can be paired with.

A picture is one `.npz` file. `index.json` is written last and lists all usable pictures. After an interruption,
existing pictures are not prepared again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from colorizer.errors import InvalidInput
from colorizer.files import atomic_file, write_atomically
from numpy.typing import NDArray

from colorizer_lab.data.art.families import Family, catalogue
from colorizer_lab.data.art.fills import Fills, find_fills
from colorizer_lab.data.art.packages import cache_folder
from colorizer_lab.data.art.pictures import Source, rasterise, sources

Job = TypeVar("Job")
Done = TypeVar("Done")

SIZE = 256
"""Edge of the prepared pictures, px."""
VERSION = 1
"""Version of the format; a library with another version is prepared again."""

_DRAWN = 512
_COVERED = 0.7
"""Smallest share of a picture's area whose colours must occur in the other picture of a pair."""
_MOST_PARTNERS = 8
_TWIN = 4.0
"""Mean difference (of 255) of two 12 px thumbnails below which the pictures are duplicates."""


@dataclass(frozen=True)
class Entry:
    """One prepared picture."""

    family: str
    name: str
    character: str
    file: str
    """Path relative to the library's folder."""
    partners: tuple[int, ...] = ()
    """Index numbers of pictures with the same character or the same palette."""


@dataclass(frozen=True)
class Library:
    """All prepared pictures."""

    folder: Path
    entries: tuple[Entry, ...]

    def read(self, number: int) -> Fills:
        """Reads a picture by its number."""
        return read_fills(self.folder / self.entries[number].file)

    def family(self, number: int) -> Family:
        """The family of a picture."""
        name = self.entries[number].family
        return next(family for family in catalogue().families if family.name == name)

    def likely_partners(self, number: int) -> list[int]:
        """The partners that show the same kind of thing: the same character, another one in the same style (busts), or
        a picture that shares a word of its name. Others of the same palette show anything."""
        own, family = self.entries[number], self.family(number)
        if family.character or family.kind == "bust":
            return list(own.partners)
        words = _words(own)
        return [mate for mate in own.partners if words & _words(self.entries[mate])]

    def of(self, split: str) -> list[int]:
        """The numbers of all pictures of a split."""
        names = {family.name for family in catalogue().families if family.split == split}
        return [number for number, entry in enumerate(self.entries) if entry.family in names]


def library_folder() -> Path:
    """The folder of the library."""
    return cache_folder() / f"pictures-{VERSION}"


def open_library() -> Library:
    """Opens the library that `build` wrote. Raises `InvalidInput` if there is none."""
    file = library_folder() / "index.json"
    if not file.is_file():
        raise InvalidInput(f"{file} is missing. Build it with python -m colorizer_lab.data.art build.")
    entries = json.loads(file.read_text(encoding="utf-8"))
    return Library(
        file.parent, tuple(Entry(**{**one, "partners": tuple(one["partners"])}) for one in entries)
    )


def build(progress: Callable[[str, int, int], None] | None = None, workers: int = 1) -> Library:
    """Downloads the packages, prepares every picture and finds the pairs."""
    folder = library_folder()
    jobs = [(family, source) for family in catalogue().families for source in sources(family)]
    entries: list[Entry] = []
    thumbnails: list[_Thumbnail] = []
    palettes: list[_Colours] = []
    for done, (entry, thumbnail, palette) in enumerate(over_processes(_prepared, jobs, workers, chunk=8)):
        if progress is not None:
            progress("Preparing pictures", done, len(jobs))
        if thumbnail is not None and not _is_twin(thumbnail, entry, thumbnails, entries):
            entries.append(entry)
            thumbnails.append(thumbnail)
            palettes.append(palette)
    paired = _paired(entries, palettes)
    index = json.dumps([asdict(entry) for entry in paired], indent=0, ensure_ascii=False)
    write_atomically(folder / "index.json", index)
    return Library(folder, tuple(paired))


def over_processes(
    work: Callable[[Job], Done], jobs: Sequence[Job], workers: int, chunk: int = 1
) -> Iterator[Done]:
    """`map` over `workers` processes, `chunk` jobs at a time; with one worker it runs in this process."""
    if workers == 1:
        yield from map(work, jobs)
        return
    # Processes are spawned: a fork of a process with threads may deadlock on a lock that one of them held.
    with ProcessPoolExecutor(workers, get_context("spawn"), cv2.setNumThreads, (1,)) as pool:
        yield from pool.map(work, jobs, chunksize=chunk)


def prepare(family: Family, source: Source, size: int = SIZE, drawn: int = _DRAWN) -> Fills | None:
    """Rasterises a picture at `drawn` px and segments it into grids of `size` px."""
    picture = rasterise(source, family, drawn)
    return None if picture is None else find_fills(picture, soft=family.painted, size=size)


def write_fills(file: Path, fills: Fills) -> None:
    """Writes a picture atomically."""
    with atomic_file(file) as part, part.open("wb") as stream:
        np.savez_compressed(stream, **asdict(fills))


def read_fills(file: Path) -> Fills:
    """Reads a picture that `write_fills` wrote."""
    with np.load(file, allow_pickle=False) as content:
        return Fills(
            **{name: content[name] for name in content.files if name != "outlined"},
            outlined=bool(content["outlined"]),
        )


_Thumbnail = NDArray[np.float32]
_Colours = dict[int, float]
"""Share of the foreground's area by coarsely quantised colour."""


def _prepared(job: tuple[Family, Source]) -> tuple[Entry, _Thumbnail | None, _Colours]:
    family, source = job
    name = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in source.name)
    file = Path(family.name) / (name + ".npz")
    path = library_folder() / file
    entry = Entry(family.name, source.name, source.character, file.as_posix())
    empty = path.with_suffix(".none")
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        fills = None if empty.is_file() else prepare(family, source)
        if fills is None:
            empty.touch()
            return entry, None, {}
        write_fills(path, fills)
    fills = read_fills(path)
    alpha = fills.colours[..., 3:] / np.float32(255)
    shown = (fills.colours[..., :3] * alpha + 255 * (1 - alpha)).astype(np.float32)
    areas = np.bincount(fills.fills.ravel(), minlength=len(fills.palette))[1:].astype(np.float64)
    packed = (fills.palette[1:].astype(int) >> 3) @ (1024, 32, 1)
    palette: _Colours = {}
    for colour, area in zip(packed.tolist(), areas / max(areas.sum(), 1), strict=True):
        palette[colour] = palette.get(colour, 0.0) + area
    return entry, cv2.resize(shown, (12, 12), interpolation=cv2.INTER_AREA).ravel(), palette


def _is_twin(thumbnail: _Thumbnail, entry: Entry, thumbnails: list[_Thumbnail], entries: list[Entry]) -> bool:
    """Whether a picture is a duplicate; frames of the same character may be very similar and are not duplicates."""
    if not thumbnails:
        return False
    apart = np.abs(np.stack(thumbnails) - thumbnail).mean(1)
    near = np.flatnonzero(apart < _TWIN)
    return any(
        apart[one] < 1 or (entries[one].family, entries[one].character) != (entry.family, entry.character)
        for one in near
    )


def _paired(entries: list[Entry], palettes: list[_Colours]) -> list[Entry]:
    paired = list(entries)
    for family in catalogue().families:
        members = [number for number, entry in enumerate(entries) if entry.family == family.name]
        partners = _partners(family, [entries[one] for one in members], [palettes[one] for one in members])
        for number, mates in zip(members, partners, strict=True):
            paired[number] = Entry(
                **{**asdict(entries[number]), "partners": tuple(members[mate] for mate in mates)}
            )
    return paired


def _partners(family: Family, entries: list[Entry], palettes: list[_Colours]) -> list[list[int]]:
    """The partners of each picture of a family: pictures of the same character, or, where characters are not known,
    pictures that share the colours of most of their area."""
    kinds = {
        colour: index for index, colour in enumerate(sorted({c for palette in palettes for c in palette}))
    }
    areas = np.zeros((len(entries), len(kinds)), np.float32)
    for row, palette in zip(areas, palettes, strict=True):
        for colour, area in palette.items():
            row[kinds[colour]] = area
    covered = areas @ (areas > 0.002).T.astype(np.float32)
    shared = (areas > 0.01).astype(np.float32) @ (areas > 0.01).T.astype(np.float32)
    same = (
        np.array([[a.character == b.character for b in entries] for a in entries])
        if family.character
        else None
    )
    fits = same if same is not None else (covered > _COVERED) & (shared >= 3)
    rng = np.random.default_rng(0)
    found = []
    for number, row in enumerate(fits):
        mates = np.flatnonzero(row)
        mates = mates[mates != number]
        found.append(sorted(rng.permutation(mates)[:_MOST_PARTNERS].tolist()))
    return found


def _words(entry: Entry) -> set[str]:
    """The words of a picture's name that may describe its kind."""
    return {word for word in re.split(r"[^a-z]+", entry.name.rpartition("/")[2].lower()) if len(word) > 2} - {
        "png",
        "svg",
    }

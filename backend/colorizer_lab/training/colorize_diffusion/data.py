"""Training data: procedural drawings, the published layout, or the user's folder; each item is seeded by its number.

Masks are 255 = foreground, sketches 0 = line. Augmentation is in `batches`.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from colorizer.engines import base
from colorizer.engines.anime_diffusion.pictures import XDOG_SIGMAS, xdog
from colorizer.engines.colorize_diffusion.region_colours import region_colours
from colorizer.errors import InvalidInput, UnreadablePicture
from colorizer.imaging.drawn import opaque
from colorizer.imaging.pictures import decode_picture, over_white, read_picture
from colorizer.imaging.values import RGB
from numpy.typing import NDArray

from colorizer_lab.silent import Silent
from colorizer_lab.training.colorize_diffusion.config import Stage, TrainingConfig

PARTS = ("color", "sketch", "mask")
KEPT = 4096
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}

Grey = NDArray[np.uint8]
"""(H, W)"""


@dataclass(frozen=True)
class Reference:
    """Another picture of the same character."""

    picture: RGB
    mask: Grey


@dataclass(frozen=True)
class Item:
    """A training item; all its pictures have the same size."""

    truth: RGB
    sketch: Grey
    mask: Grey
    other: Reference | None = None
    region_colours: RGB | None = None
    """The match engine's colours with the other picture as reference, or with the truth if there is no other."""


class Source(Protocol):
    """An endless series of items."""

    def item(self, number: int) -> Item:
        """Item `number`; a number always gives the same item."""


def source(config: TrainingConfig) -> Source:
    """The data of a training's settings. Raises `InvalidInput` if it does not exist."""
    if config.data is None:
        side = max(config.augmentation.load_size, *(max(crop) for crop in config.crops))
        return OwnDrawings(config.first_drawing, config.drawings, side, region_colours=config.region_colours)
    if config.stage is Stage.FINE_TUNE:
        return ArtistPictures(config.data, config.seed, region_colours=config.region_colours)
    return PublishedLayout(config.data, config.seed, config.least_score, config.least_side)


class OwnDrawings:
    """Procedural drawings with exact masks; the truth is flat colours under the sketch's lines."""

    def __init__(self, first: int, count: int, side: int, *, region_colours: bool = False) -> None:
        self._first, self._count, self._side = first, count, side
        self._region_colours = region_colours
        self._drawn = lru_cache(KEPT)(self._draw)

    def item(self, number: int) -> Item:
        """Drawing `number` of the series, which repeats after its last."""
        return self._drawn(self._first + number % self._count)

    def _draw(self, seed: int) -> Item:
        from colorizer_lab.data.drawing import triplet

        drawing = triplet(seed, self._side)
        inked = drawing.flats * (drawing.sketch[..., None] / np.float32(255))
        other = Reference(drawing.reference, drawing.reference_foreground * np.uint8(255))
        item = Item(
            np.asarray(inked * 255 + 0.5, np.uint8),
            drawing.sketch,
            drawing.foreground * np.uint8(255),
            other,
        )
        return with_region_colours(item, seed) if self._region_colours else item


class PublishedLayout:
    """The published layout: `color/`, `sketch/` and `mask/` with equally named zips and equal names inside.

    A list beside them (`image_list*.json`) contains aesthetic_score, resolution and exist_sketch of `ZIP/NAME`.
    Pictures that are in no list are used without a check, as published.

    Raises:
        InvalidInput: a folder or a zip is missing, or no picture is left.
    """

    def __init__(self, folder: Path, seed: int, least_score: float = 0.0, least_side: int = 0) -> None:
        self._folder, self._seed = folder, seed
        listed: dict[str, dict[str, Any]] = {}
        for file in sorted(folder.glob("image_list*.json")):
            listed |= json.loads(file.read_text(encoding="utf-8"))
        shards = sorted(path.name for path in (folder / "color").glob("*.zip"))
        for part in PARTS:
            missing = [name for name in shards if not (folder / part / name).is_file()]
            if missing or not shards:
                raise InvalidInput(
                    f"{folder} must contain `color`, `sketch` and `mask` with zips of equal names; in `{part}`"
                    f" {', '.join(missing[:3]) or 'all of them'} is missing."
                )
        self._zips = {(part, name): _open_zip(folder / part / name) for part in PARTS for name in shards}
        self._names = [
            (shard, name)
            for shard in shards
            for name in sorted(self._zips["color", shard].namelist())
            if _wanted(listed.get(f"{shard}/{name}", {}), least_score, least_side)
        ]
        if not self._names:
            raise InvalidInput(
                f"{folder} contains no picture that the settings allow. Lower `least_score` or `least_side`."
            )

    def item(self, number: int) -> Item:
        """Item `number`; each epoch has its own order."""
        shard, name = self._names[shuffled(number, len(self._names), self._seed)]
        color, sketch, mask = (self._read(part, shard, name) for part in PARTS)
        return Item(color, _as_large(_grey(sketch), color), _as_large(_grey(mask), color))

    def _read(self, part: str, shard: str, name: str) -> RGB:
        try:
            return over_white(decode_picture(self._zips[part, shard].read(name)))
        except (KeyError, zipfile.BadZipFile, UnreadablePicture) as error:
            file = self._folder / part / shard
            raise InvalidInput(f"{file} contains no readable picture {name}. Replace the zip.") from error


class ArtistPictures:
    """A folder of coloured pictures; sketches are extracted, masks are found by the built-in engine.

    Raises:
        InvalidInput: the folder contains no picture.
    """

    def __init__(self, folder: Path, seed: int, *, region_colours: bool = False) -> None:
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        self._files = [file for file in files if file.suffix.lower() in SUFFIXES]
        if not self._files:
            raise InvalidInput(f"{folder} contains no PNG, JPEG or WebP pictures. Choose another folder.")
        self._seed = seed
        self._region_colours = region_colours
        self._made = lru_cache(KEPT)(self._make)

    def item(self, number: int) -> Item:
        """Item `number`; each epoch has its own order."""
        return self._made(shuffled(number, len(self._files), self._seed))

    def _make(self, place: int) -> Item:
        from colorizer.engines import registry

        picture = read_picture(self._files[place])
        truth = over_white(picture)
        sigma = XDOG_SIGMAS[place % len(XDOG_SIGMAS)]
        mask = registry.get("match").foreground_mask(picture, Silent())
        item = Item(truth, xdog(truth, sigma), mask)
        return with_region_colours(item, place) if self._region_colours else item


def with_region_colours(item: Item, number: int) -> Item:
    """Adds the match engine's colours to an item; every second item is coloured with masks, as in some modes."""
    told = bool(number % 2)
    other = item.other or Reference(item.truth, item.mask)
    request = base.ColorizeRequest(
        opaque(np.dstack([item.sketch] * 3)),
        (base.Reference(opaque(other.picture), other.mask if told else None),),
        base.Mode.SPLIT if told else base.Mode.WHOLE,
        sketch_mask=item.mask if told else None,
    )
    return replace(item, region_colours=region_colours(request, Silent()))


def shuffled(number: int, count: int, seed: int) -> int:
    """The index of item `number` in an order that is shuffled for each epoch."""
    epoch, place = divmod(number, count)
    return int(np.random.default_rng((seed, epoch)).permutation(count)[place])


def _wanted(facts: dict[str, Any], least_score: float, least_side: int) -> bool:
    side = facts.get("resolution", least_side)
    return (
        float(facts.get("aesthetic_score", least_score)) >= least_score
        and float(min(side) if isinstance(side, list) else side) >= least_side
        and bool(facts.get("exist_sketch", True))
    )


def _open_zip(file: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (OSError, zipfile.BadZipFile) as error:
        raise InvalidInput(f"{file} isn't a readable zip. Replace it.") from error


def _grey(picture: RGB) -> Grey:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


def _as_large(picture: Grey, like: RGB) -> Grey:
    if picture.shape == like.shape[:2]:
        return picture
    return np.asarray(cv2.resize(picture, like.shape[1::-1], interpolation=cv2.INTER_AREA), np.uint8)

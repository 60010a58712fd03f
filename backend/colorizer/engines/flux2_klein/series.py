"""Consistent colours in a series of pages: one pool of references, one seed, and the previous page as an input picture.

Page n uses page n-1; every eighth page uses page 0 instead, so that errors do not accumulate. The survey of a page
contains the pages that it depends on, so that the result does not depend on the order or the machine. Coloured pages
are cached: in reading order each page is generated once.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import ColorizeRequest, Mask, Picture, Result
from colorizer.engines.record import hash_inputs
from colorizer.files import atomic_file
from colorizer.imaging.layers import preview
from colorizer.imaging.pictures import over_white
from colorizer.imaging.values import RGB

ANEW = 8
"""Every page with a multiple of this number uses page 0 as its previous page."""
SHOWN_SIDE = 1024
KEPT_FILES = 128
_PARTS = ("sketch", "mask", "hints")


@dataclass(frozen=True)
class Page:
    """The parts of a request that differ between pages."""

    sketch: Picture
    mask: Mask | None = None
    hints: Picture | None = None

    @classmethod
    def of(cls, request: ColorizeRequest) -> Page:
        """The page of a request."""
        return cls(request.sketch, request.sketch_mask, request.hints)

    def request(self, like: ColorizeRequest) -> ColorizeRequest:
        """The request for this page, with everything else from another page's request."""
        return replace(like, sketch=self.sketch, sketch_mask=self.mask, hints=self.hints, bindings=())


@dataclass(frozen=True)
class PageSurvey:
    """A page and the pages that it depends on, in order."""

    page: Page
    before: tuple[Page, ...] = ()

    def to_bytes(self) -> bytes:
        """Serialises the survey as an .npz of PNG files."""
        packed = {
            f"{name}{number}": _packed(picture)
            for number, page in enumerate((*self.before, self.page))
            for name in _PARTS
            if (picture := getattr(page, name)) is not None
        }
        stream = io.BytesIO()
        np.savez(stream, **packed)  # type: ignore[arg-type, unused-ignore]
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> PageSurvey:
        """Reads a survey. Raises `ValueError` or `OSError` if it is damaged."""
        with np.load(io.BytesIO(content), allow_pickle=False) as packed:
            names = set(packed.files)
            count = sum(name.startswith("sketch") for name in names)
            pages = [
                Page(*(_unpacked(packed[f"{part}{n}"]) if f"{part}{n}" in names else None for part in _PARTS))  # type: ignore[arg-type]
                for n in range(count)
            ]
        return cls(pages[-1], tuple(pages[:-1]))


def agreed(surveys: Sequence[PageSurvey]) -> list[PageSurvey]:
    """Adds to every page the pages that it depends on."""
    pages = [survey.page for survey in surveys]
    return [PageSurvey(page, tuple(pages[n] for n in _chain(place))) for place, page in enumerate(pages)]


def _chain(place: int) -> list[int]:
    """The numbers of the pages that page `place` depends on, in the order in which they are coloured."""
    if place == 0:
        return []
    start = place // ANEW * ANEW
    return [0, *range(max(start, 1), place)]


class Series:
    """A cache of coloured pages on disk, used only as input pictures for later pages."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def key(self, request: ColorizeRequest, before: str, model: str) -> str:
        """Cache key of a page: the hash of everything that determines its result, including the pages before it."""
        said: dict[str, Any] = {"before": before, "model": model, "inputs": hash_inputs(request)}
        said |= {"mode": request.mode.value, "seed": request.seed, "options": request.options.model_dump()}
        said["bindings"] = [asdict(binding) for binding in request.bindings]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def find(self, key: str) -> RGB | None:
        """The cached page (h, w, 3), or None."""
        try:
            found = np.fromfile(self._folder / f"{key}.png", np.uint8)
        except OSError:
            return None
        decoded = cv2.imdecode(found, cv2.IMREAD_COLOR)
        return None if decoded is None else cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)

    def keep(self, key: str, request: ColorizeRequest, result: Result) -> RGB:
        """Caches a coloured page with its lines, and returns it."""
        page = over_white(preview(result.layers, request.sketch, SHOWN_SIDE))
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(self._folder / f"{key}.png", by_many=True) as part:
            part.write_bytes(cv2.imencode(".png", cv2.cvtColor(page, cv2.COLOR_RGB2BGR))[1].tobytes())
        by_age = sorted(self._folder.glob("*.png"), key=lambda one: one.stat().st_mtime_ns, reverse=True)
        for old in by_age[KEPT_FILES:]:
            old.unlink(missing_ok=True)
        return page


def _packed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.imencode(".png", np.ascontiguousarray(picture))[1], np.uint8).ravel()


def _unpacked(packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    picture = cv2.imdecode(packed, cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise ValueError("a picture of the survey is damaged")
    return np.asarray(picture, np.uint8)

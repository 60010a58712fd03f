"""The pages of a batch, their order and the paths of their results."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from colorizer.batch.work import Page
from colorizer.engines.base import Mode, Options
from colorizer.errors import InvalidInput

SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp", ".webp", ".tga", ".ppm", ".psd"}


@dataclass(frozen=True)
class BatchJob:
    """A folder of pages with the settings for colouring them: the options of `colorize batch`."""

    folder: Path
    references: tuple[Path, ...]
    output: Path
    engine: str = "match"
    model: str = ""
    mode: Mode = Mode.WHOLE
    masks: Path | None = None
    """Folder of the pages' foreground masks, which have the pages' names (with any suffix)."""
    reference_masks: tuple[Path, ...] = ()
    """Empty, or one for each reference."""
    seed: int = 0
    options: Options = Options()
    device: str = "auto"
    consistent: bool = True
    layers: bool = False
    cluster: str | None = None
    workers: int | None = None
    """Number of workers of the cluster `local`; None for one per processor."""


@dataclass(frozen=True)
class PagePlan:
    """The files of one page."""

    path: Path
    mask: Path | None
    output: Path

    def read(self) -> Page:
        """Reads the page and its mask."""
        return Page(self.path.name, self.path.read_bytes(), self.mask.read_bytes() if self.mask else None)


def find_pages(folder: Path) -> list[Path]:
    """The pictures of a folder in natural order: page 2 before page 10.

    Raises:
        InvalidInput: there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise InvalidInput(f"{folder} isn't a folder. Give the folder of the pages.")
    found = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")
    ]
    if not found:
        raise InvalidInput(f"{folder} contains no pictures. Give the folder of the pages.")
    return sorted(found, key=lambda path: (_natural(path.name), path.name))


def plan_pages(job: BatchJob) -> list[PagePlan]:
    """Lists the pages with the paths of their results.

    Raises:
        InvalidInput: results would overwrite input files or each other.
    """
    if job.output.resolve() == job.folder.resolve():
        raise InvalidInput(
            "The results can't be written to the folder of the pages. Choose another folder for them."
        )
    masks = {} if job.masks is None else {path.stem: path for path in find_pages(job.masks)}
    own = {path.resolve() for path in job.references}
    plans: dict[str, PagePlan] = {}
    for path in find_pages(job.folder):
        if path.resolve() in own:
            continue
        output = job.output / (path.stem + (".ora" if job.layers else ".png"))
        if path.stem in plans:
            raise InvalidInput(
                f"{plans[path.stem].path.name} and {path.name} would get the same name for their results. Rename"
                " one of them."
            )
        plans[path.stem] = PagePlan(path, masks.get(path.stem), output)
    if not plans:
        raise InvalidInput(f"{job.folder} contains only the references. Put the pages there.")
    return list(plans.values())


def _natural(name: str) -> list[tuple[int, str]]:
    """The sort key of natural order: numbers by value, text without regard to case."""
    return [(int(part), "") if part.isdigit() else (-1, part.lower()) for part in re.split(r"(\d+)", name)]

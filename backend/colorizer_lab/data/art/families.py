"""The families of real art as `families.json` fixes them: where each comes from, under which licence, on which side."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Split = Literal["train", "deciding"]


@dataclass(frozen=True)
class Package:
    """A package of a registry, pinned."""

    client: Literal["npm", "debian", "shared"]
    """`shared`: a folder beside the clone."""
    name: str
    version: str
    sha256: str
    licence: str
    authors: str


@dataclass(frozen=True)
class Family:
    """Pictures of one hand."""

    name: str
    package: str
    kind: Literal["character", "bust", "animal", "object", "mixed"]
    split: Split
    reader: Literal["iconify", "dicebear", "files"]
    most: int
    """Pictures taken at most, evenly from all."""
    skip: tuple[str, ...] = ()
    """Categories that are left out."""
    root: str = ""
    pattern: str = ""
    """Of files below `root`: glob with alternatives in brackets, matched at the end of a path."""
    character: str = ""
    """A regular expression; files of which it finds the same text show one character. Empty: every file its own."""
    least: int = 0
    """Smaller pictures (longer side, px) are left out."""
    shaded: bool = False
    """Painted softly or with texture."""
    pixels: bool = False
    """Pixel art: enlarged without its stairs."""

    @property
    def painted(self) -> bool:
        """Whether its colours aren't even: fills and lines have to be guessed."""
        return self.shaded or self.pixels


@dataclass(frozen=True)
class Catalogue:
    """All packages by key, and all families."""

    packages: dict[str, Package]
    families: tuple[Family, ...]


@cache
def catalogue() -> Catalogue:
    """Reads `families.json`."""
    content = json.loads(Path(__file__).with_name("families.json").read_text(encoding="utf-8"))
    packages = {key: Package(**entry) for key, entry in content["packages"].items()}
    families = tuple(
        Family(**{**entry, "skip": tuple(entry.get("skip", ()))}) for entry in content["families"]
    )
    return Catalogue(packages, families)

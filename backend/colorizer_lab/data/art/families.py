"""The families of real art, read from `families.json`: source, licence and split of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Split = Literal["train", "deciding"]


@dataclass(frozen=True)
class Package:
    """A pinned package of a registry."""

    client: Literal["npm", "debian", "shared"]
    """`shared`: a folder beside the clone."""
    name: str
    version: str
    sha256: str
    licence: str
    authors: str


@dataclass(frozen=True)
class Family:
    """Pictures by the same artist or project."""

    name: str
    package: str
    kind: Literal["character", "bust", "animal", "object", "mixed"]
    split: Split
    reader: Literal["iconify", "dicebear", "files"]
    most: int
    """Largest number of pictures, chosen evenly from all."""
    skip: tuple[str, ...] = ()
    """Categories that are not used."""
    root: str = ""
    pattern: str = ""
    """Glob for files below `root`, with alternatives in parentheses, matched at the end of a path."""
    character: str = ""
    """Regular expression; files with the same match show the same character. Empty: each file is a character."""
    least: int = 0
    """Pictures with a shorter longer side, px, are not used."""
    shaded: bool = False
    """Whether the pictures are painted softly or with texture."""
    pixels: bool = False
    """Whether it is pixel art, which is enlarged with smoothed steps."""

    @property
    def painted(self) -> bool:
        """Whether the colours are not uniform, so that fills and lines must be estimated."""
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

"""The entries of the catalogue: addresses of a model's files, what it is good for, its licence.

The list is `resources/models.json`. Sizes are those that the publishers' pages show, rounded; a hash is null where
we know of none. An entry is `verified` when somebody of this project has downloaded and used those very files; all
others say so to the artist. Nothing is fetched here (`download`), and what is installed is not known here (`store`).
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from colorizer import paths
from colorizer.errors import UnknownEngine


class Kind(str, Enum):
    """What has to be done with the files of a model to install it."""

    COLORIZE_DIFFUSION = "colorize_diffusion"
    COLORFLOW = "colorflow"
    ANIME_DIFFUSION = "anime_diffusion"
    FLUX2_KLEIN = "flux2_klein"
    FLUX2_KLEIN_PARTS = "flux2_klein_parts"
    """Its text encoder and VAE, for those who have a transformer alone."""
    FLUX2_KLEIN_LORA = "flux2_klein_lora"
    TOWERS = "towers"
    """CLIP's picture and text networks, which every ColorizeDiffusion model needs beside itself."""
    PREVIEWS = "previews"
    """A tiny VAE that shows a picture while it is being drawn."""
    LINES = "lines"
    """A network that finds the lines of pictures."""
    FIGURES = "figures"
    """A network that finds figures."""
    FEATURES = "features"
    """A network that figures are measured with."""


NOT_VERIFIED = " Not verified by us yet: we could not download and try these files ourselves."


@dataclass(frozen=True)
class Licence:
    """A licence in words that can be read before a download."""

    title: str
    words: str
    commercial: bool
    url: str


@dataclass(frozen=True)
class Remote:
    """One published file."""

    url: str
    name: str
    """Where it goes in the folder of downloaded files, with `/` between parts."""
    bytes: int = 0
    """As its page shows it, rounded; 0 for a file of a few kilobytes."""
    sha256: str | None = None
    first_seen: str = ""
    """SHA-256 of what came from there the first time, on this machine; see `store`."""


@dataclass(frozen=True)
class Entry:
    """One model that can be had."""

    name: str
    title: str
    engine: str
    kind: Kind
    good_for: str
    licence: Licence
    files: tuple[Remote, ...]
    memory_mb: int
    verified: bool = False
    """Whether we have downloaded and used these files."""
    needs: tuple[str, ...] = ()
    """Other entries that it doesn't work without."""
    prediction: str = ""
    """ColorizeDiffusion: what the network predicts, as diffusers calls it."""
    variant: str = ""
    """ColorFlow: the published folder. ISNet: `drawings` for weights that find figures in line drawings."""

    @property
    def words(self) -> str:
        """What an artist reads about it."""
        return self.good_for if self.verified else self.good_for + NOT_VERIFIED

    @property
    def bytes(self) -> int:
        """About how much is downloaded."""
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True)
class Catalogue:
    """All entries, and the hosts that files may come from."""

    entries: tuple[Entry, ...]
    hosts: tuple[str, ...] = field(default=())
    """Exact names; one with a leading dot stands for all names that end so."""

    def get(self, name: str) -> Entry:
        """The entry of that name. Raises `UnknownEngine`."""
        for entry in self.entries:
            if entry.name == name:
                return entry
        known = [entry.name for entry in self.entries]
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Choose one of: {', '.join(known)}."
        raise UnknownEngine(f"The catalogue has no model {name!r}. {hint}")


def load(file: Path | None = None) -> Catalogue:
    """Reads the catalogue; the one that ships with the program where no other file is named."""
    data = json.loads((file or paths.resource("models.json")).read_text(encoding="utf-8"))
    licences = {name: Licence(**words) for name, words in data["licences"].items()}
    entries = tuple(_entry(entry, licences) for entry in data["models"])
    return Catalogue(entries, tuple(data["hosts"]))


def _entry(data: dict[str, Any], licences: dict[str, Licence]) -> Entry:
    return Entry(
        **{
            **data,
            "kind": Kind(data["kind"]),
            "licence": licences[data["licence"]],
            "files": tuple(Remote(**file) for file in data["files"]),
            "needs": tuple(data["needs"]),
        }
    )

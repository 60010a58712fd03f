"""The entries of the catalogue: the addresses of each model's files, its use and its licence.

The list is `resources/models.json`. The sizes are the rounded ones of the publishers' pages; an unknown hash is null.
An entry is `verified` if a developer of this project has downloaded and used these files; the others carry a notice for
the artist. `download` fetches the files; `store` knows which models are installed.
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
    """The kind of a model's files, which decides how they are installed."""

    COLORIZE_DIFFUSION = "colorize_diffusion"
    COLORFLOW = "colorflow"
    ANIME_DIFFUSION = "anime_diffusion"
    FLUX2_KLEIN = "flux2_klein"
    FLUX2_KLEIN_PARTS = "flux2_klein_parts"
    """FLUX.2 klein's text encoder and VAE, for users who have only a file of its transformer."""
    FLUX2_KLEIN_LORA = "flux2_klein_lora"
    TOWERS = "towers"
    """CLIP's image and text encoders, which every ColorizeDiffusion model needs."""
    PREVIEWS = "previews"
    """A tiny VAE (TAESD) that decodes previews during sampling."""
    LINES = "lines"
    """A network that extracts line drawings from pictures."""
    FIGURES = "figures"
    """A network that separates figures from the background."""
    FEATURES = "features"
    """A network for evaluation metrics."""


NOT_VERIFIED = " Not verified by us yet: we could not download and try these files ourselves."


@dataclass(frozen=True)
class Licence:
    """A licence, summarised for users, who read it before a download."""

    title: str
    words: str
    commercial: bool
    url: str


@dataclass(frozen=True)
class Remote:
    """One published file."""

    url: str
    name: str
    """Its path in the folder of downloaded files, with `/` as separator."""
    bytes: int = 0
    """The size that its page shows, rounded; 0 for a file of a few kilobytes."""
    sha256: str | None = None
    first_seen: str = ""
    """SHA-256 of the first download of this file on this machine; see `store`."""


@dataclass(frozen=True)
class Entry:
    """One model of the catalogue."""

    name: str
    title: str
    engine: str
    kind: Kind
    good_for: str
    licence: Licence
    files: tuple[Remote, ...]
    memory_mb: int
    verified: bool = False
    """Whether a developer of this project has downloaded and used these files."""
    needs: tuple[str, ...] = ()
    """Other entries that it requires."""
    prediction: str = ""
    """ColorizeDiffusion: what the network predicts, as diffusers calls it."""
    variant: str = ""
    """ColorFlow: the published folder. ISNet: `drawings` for weights that were trained on line drawings."""

    @property
    def words(self) -> str:
        """The description for the artist."""
        return self.good_for if self.verified else self.good_for + NOT_VERIFIED

    @property
    def bytes(self) -> int:
        """The approximate size of the download."""
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True)
class Catalogue:
    """All entries, and the hosts from which files may be downloaded."""

    entries: tuple[Entry, ...]
    hosts: tuple[str, ...] = field(default=())
    """Exact names; a name with a leading dot stands for all names that end with it."""

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
    """Reads a catalogue file, by default the one that comes with the program."""
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

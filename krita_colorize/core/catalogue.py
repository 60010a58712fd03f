"""The list of models and the running task (a download, a conversion, a check), read from `GET /v1/models`
(docs/wire.md)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from krita_colorize.core.translations import tr

SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf")
"""Suffixes of model files that the artist can add."""

SAYS_PREDICTION = "epsilon"
"""A word of the backend's error for a ColorizeDiffusion file whose prediction type it can't detect."""


class ModelState(str, Enum):
    """Whether a model is installed."""

    ABSENT = "absent"
    PARTIAL = "partial"
    INSTALLED = "installed"


@dataclass(frozen=True)
class Licence:
    """A licence, summarised in `words`; `commercial` is None if it isn't known."""

    title: str
    words: str
    commercial: bool | None
    url: str


@dataclass(frozen=True)
class Model:
    """One model, in the catalogue or the artist's own."""

    name: str
    title: str
    engine: str
    state: ModelState
    bytes: int
    downloaded: int
    memory_mb: int
    good_for: str
    needs: tuple[str, ...]
    licence: Licence

    @property
    def facts(self) -> str:
        """Its size and memory as text."""
        size = size_words(self.bytes)
        words = tr("{size} on disk", size=size) if self.state is ModelState.INSTALLED else size
        return (
            tr("{words}, {memory} GB of memory", words=words, memory=math.ceil(self.memory_mb / 1000))
            if (self.memory_mb)
            else words
        )


@dataclass(frozen=True)
class Task:
    """The running task, or the last one. `kind` and `state` are those of docs/wire.md; `done` and `total` count bytes
    or steps."""

    kind: str
    model: str
    state: str
    stage: str
    done: int
    total: int
    problems: tuple[str, ...]
    error: str

    @property
    def running(self) -> bool:
        """Whether it is still running."""
        return self.state == "running"

    @property
    def fraction(self) -> float:
        """The done fraction of the stage, 0..1."""
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0

    @property
    def words(self) -> str:
        """The stage as text, with sizes if it is measured in bytes."""
        if self.total < 1000:
            return self.stage
        return f"{self.stage}: {size_words(self.done)} / {size_words(self.total)}"


def size_words(size: int) -> str:
    """A number of bytes as text, such as "1.2 GB"."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{max(1, round(size / 1e6))} MB"


def read_models(data: Mapping[str, Any]) -> tuple[Model, ...]:
    """Reads the list. Raises `KeyError`, `TypeError`, `ValueError`."""
    return tuple(_model(entry) for entry in data["models"])


def read_task(data: Mapping[str, Any] | None) -> Task | None:
    """Reads a task; None if there is none. Raises like `read_models`."""
    if data is None:
        return None
    result, error = data["result"] or {}, data["error"] or {}
    return Task(
        kind=str(data["kind"]),
        model=str(data["model"]),
        state=str(data["state"]),
        stage=str(data["stage"]),
        done=int(data["done"]),
        total=int(data["total"]),
        problems=tuple(str(problem) for problem in result.get("problems", ())),
        error=str(error.get("message", "")),
    )


def _model(entry: Mapping[str, Any]) -> Model:
    licence = entry["licence"]
    return Model(
        name=str(entry["name"]),
        title=str(entry["title"]),
        engine=str(entry["engine"]),
        state=ModelState(entry["state"]),
        bytes=int(entry["bytes"]),
        downloaded=int(entry["downloaded"]),
        memory_mb=int(entry["memory_mb"]),
        good_for=str(entry["good_for"]),
        needs=tuple(str(name) for name in entry["needs"]),
        licence=Licence(
            title=str(licence["title"]),
            words=str(licence["words"]),
            commercial=licence["commercial"],
            url=str(licence["url"]),
        ),
    )

"""The messages that describe engines, and their list."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from colorizer.protocol.base import Message
from colorizer.protocol.modes import Mode
from colorizer.protocol.options import Choice, Option

USUAL_STEPS = 20

_CONFIG = ConfigDict(extra="forbid", use_attribute_docstrings=True)


@dataclass(frozen=True, config=_CONFIG)
class ModelInfo:
    """One set of weights an engine can load."""

    name: str
    title: str
    licence: str
    bytes: int
    installed: bool
    sha256: str = ""
    """Of the weights file, for the record of a result; empty while it isn't known."""
    steps: int = USUAL_STEPS
    """How many steps suit it, in an engine that takes steps."""


@dataclass(frozen=True, config=_CONFIG)
class EngineInfo:
    """What an engine can do; the docker shows its controls from this."""

    name: str
    title: str
    modes: tuple[Mode, ...]
    max_references: int
    options: tuple[str, ...]
    """Names of the fields of `Options` and `Advanced` that it heeds, and what else it has of `hints`,
    `bindings` and `sequence` (frames coloured alike, see `engines.sequences`)."""
    models: tuple[ModelInfo, ...]
    max_side: int
    """Longest side of a canvas, px."""
    memory_mb: int
    """Typical peak for a 2048 px canvas."""
    missing: str = ""
    """What has to be installed before it can colour, in one sentence; empty where nothing is."""
    choices: dict[str, tuple[Choice, ...]] = field(default_factory=dict)
    """Of options whose values depend on what is installed, by the option's name."""


class EngineList(Message):
    """The answer of `GET /v1/engines`: the engines, and how the options are shown that they name."""

    model_config = ConfigDict(strict=False)

    ok: Literal[True] = True
    engines: list[EngineInfo]
    options: list[Option]

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
    """One model that an engine can load."""

    name: str
    title: str
    licence: str
    bytes: int
    installed: bool
    sha256: str = ""
    """SHA-256 of the weights file, for the record of a result; empty if it isn't known yet."""
    steps: int = USUAL_STEPS
    """The default number of steps, for an engine that has steps."""


@dataclass(frozen=True, config=_CONFIG)
class EngineInfo:
    """The capabilities of an engine, from which the docker chooses the controls to show."""

    name: str
    title: str
    modes: tuple[Mode, ...]
    max_references: int
    options: tuple[str, ...]
    """Names of the fields of `Options` and `Advanced` that it uses, and `hints`, `bindings` and `sequence` (frames
    coloured consistently, see `engines.sequences`) if it supports them."""
    models: tuple[ModelInfo, ...]
    max_side: int
    """Longest side of a canvas, in pixels."""
    memory_mb: int
    """Typical peak use of memory for a canvas of 2048 x 2048 pixels, in MB."""
    missing: str = ""
    """A sentence that says what has to be installed before it can colour; empty if nothing."""
    choices: dict[str, tuple[Choice, ...]] = field(default_factory=dict)
    """The values of options that depend on what is installed, by the option's name."""


class EngineList(Message):
    """The answer of `GET /v1/engines`: the engines, and how to show the options that they name."""

    model_config = ConfigDict(strict=False)

    ok: Literal[True] = True
    engines: list[EngineInfo]
    options: list[Option]

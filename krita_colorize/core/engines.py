"""The engines' descriptions, read from `GET /v1/engines`; the docker's controls are built from them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from krita_colorize.core import option_table
from krita_colorize.core.modes import Mode
from krita_colorize.core.option_table import Option
from krita_colorize.core.settings import Settings

USUAL_STEPS = 20


@dataclass(frozen=True)
class ModelInfo:
    """One set of weights."""

    name: str
    title: str
    installed: bool
    steps: int = USUAL_STEPS
    """The recommended number of denoising steps."""


@dataclass(frozen=True)
class EngineInfo:
    """One engine; `options` are the names of the options that have an effect in it."""

    name: str
    title: str
    modes: frozenset[Mode]
    options: frozenset[str]
    models: tuple[ModelInfo, ...]
    max_references: int
    table: Mapping[str, Option] = field(default_factory=dict)
    """The descriptions of its options that the backend sends, by name, in the backend's order."""
    missing: str = ""
    """A sentence for the artist that says what has to be installed first; "" if it is ready."""

    def steps_of(self, model: str) -> int:
        """The recommended number of steps of a model; "" is the first model. `USUAL_STEPS` for an unknown one."""
        fitting = [known.steps for known in self.models if model in ("", known.name)]
        return fitting[0] if fitting else USUAL_STEPS


def together(known: Sequence[EngineInfo], settings: Settings) -> bool:
    """Whether the frames of an animation get the same colours: the engine must support it, with the palette lock on."""
    chosen = [engine for engine in known if engine.name == settings.engine]
    return bool(chosen) and "sequence" in chosen[0].options and settings.options.palette_lock


def read(data: Mapping[str, Any]) -> tuple[EngineInfo, ...]:
    """Reads the answer of `GET /v1/engines`. Raises `KeyError`, `TypeError`, `ValueError`."""
    table = option_table.read(data["options"])
    return tuple(_engine(entry, table) for entry in data["engines"])


def _engine(entry: Mapping[str, Any], table: Mapping[str, Option]) -> EngineInfo:
    known = {mode.value for mode in Mode}
    return EngineInfo(
        name=str(entry["name"]),
        title=str(entry["title"]),
        modes=frozenset(Mode(mode) for mode in entry["modes"] if mode in known),
        options=frozenset(str(name) for name in entry["options"]),
        models=tuple(
            ModelInfo(
                name=str(model["name"]),
                title=str(model["title"]),
                installed=bool(model["installed"]),
                steps=int(model.get("steps", USUAL_STEPS)),
            )
            for model in entry["models"]
        ),
        max_references=int(entry["max_references"]),
        table=_table(entry, table),
        missing=str(entry.get("missing", "")),
    )


def _table(entry: Mapping[str, Any], table: Mapping[str, Option]) -> dict[str, Option]:
    """The options of an engine; its own `choices` replace those of the table, because they depend on installed
    models."""
    found = {name: option for name, option in table.items() if name in entry["options"]}
    for name, choices in entry.get("choices", {}).items():
        if name in found:
            found[name] = replace(found[name], kind="choice", choices=option_table.read_choices(choices))
    return found


_SHIPPED = json.loads(Path(__file__).with_name("engines.json").read_text("utf-8"))
"""Generated from the backend's protocol (`python -m colorizer_lab.contract`)."""

BUILT_IN = read(_SHIPPED)
"""The built-in engine, offered until the backend's list is known."""

OPTIONS = option_table.read(_SHIPPED["options"])
"""The options with their own controls in the docker for all engines, by name."""

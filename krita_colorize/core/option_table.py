"""The table of engine options that the backend sends: how each option is shown, and its permitted values.

No single option is defined here: `GET /v1/engines` returns the table (docs/wire.md). Titles and tooltips are in English
and translated when they are shown. Unknown values are kept, because they may belong to another backend.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONGEST_TEXT = 4000
MAX_VALUES = 256

Value = bool | int | float | str


@dataclass(frozen=True)
class Choice:
    """One of the values of an option, and its title."""

    value: str
    title: str


@dataclass(frozen=True)
class Option:
    """One option of a `kind` in `KINDS`; `low` and `high` are a number's range, `choices` the values of a choice."""

    name: str
    title: str
    tooltip: str
    kind: str
    default: Value
    low: float = 0.0
    high: float = 0.0
    choices: tuple[Choice, ...] = ()


KINDS = ("switch", "integer", "number", "choice", "text")


def read(data: Any) -> dict[str, Option]:
    """Reads the table from JSON, by name; options of an unknown kind are left out. Raises `KeyError`, `TypeError`,
    `ValueError`."""
    found = [_option(entry) for entry in data if entry["kind"] in KINDS]
    return {option.name: option for option in found}


def read_values(data: object) -> dict[str, Value]:
    """Reads values by name from JSON; invalid ones are left out."""
    if not isinstance(data, Mapping):
        return {}
    fitting = {str(name): value for name, value in data.items() if _is_value(value)}
    return dict(list(fitting.items())[:MAX_VALUES])


def read_choices(data: Any) -> tuple[Choice, ...]:
    """Reads the choices from JSON. Raises `KeyError`, `TypeError`."""
    return tuple(Choice(str(choice["value"]), str(choice["title"])) for choice in data)


def _option(entry: Mapping[str, Any]) -> Option:
    return Option(
        name=str(entry["name"]),
        title=str(entry["title"]),
        tooltip=str(entry["tooltip"]),
        kind=str(entry["kind"]),
        default=entry["default"],
        low=float(entry["low"] or 0),
        high=float(entry["high"] or 0),
        choices=read_choices(entry["choices"]),
    )


def _is_value(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_TEXT
    return isinstance(value, bool) or (isinstance(value, (int, float)) and math.isfinite(value))

"""The names of all engines and their `module:class`. A module is imported when its engine is first used.

A new engine is one line in `ENTRIES`. The interface of an engine is in `base`.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from colorizer.errors import UnknownEngine

if TYPE_CHECKING:  # the HTTP process uses this module and must not import numpy
    from colorizer.engines.base import Engine

ENTRIES = {
    "match": "colorizer.engines.match.engine:MatchEngine",
    "colorize_diffusion": "colorizer.engines.colorize_diffusion.engine:ColorizeDiffusionEngine",
    "colorflow": "colorizer.engines.colorflow.engine:ColorFlowEngine",
    "flux2_klein": "colorizer.engines.flux2_klein.engine:Flux2KleinEngine",
    "anime_diffusion": "colorizer.engines.anime_diffusion.engine:AnimeDiffusionEngine",
}


def names() -> tuple[str, ...]:
    """The names of all engines, the default first."""
    return tuple(ENTRIES)


def get(name: str) -> Engine:
    """Returns the engine of that name: always the same object, so that its weights stay loaded.

    Raises:
        UnknownEngine: there is no engine of that name.
    """
    if name not in ENTRIES:
        raise unknown(name, ENTRIES)
    return _make(ENTRIES[name])


def unknown(name: str, known: Iterable[str]) -> UnknownEngine:
    """The error for an unknown name, with the most similar known name."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Choose one of: {', '.join(known)}."
    return UnknownEngine(f"There is no engine {name!r}. {hint}")


@cache
def _make(entry: str) -> Engine:
    module, _, attribute = entry.partition(":")
    from colorizer.engines.pages import with_pages

    engine: Engine = getattr(importlib.import_module(module), attribute)()
    return with_pages(engine)

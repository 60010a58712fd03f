"""The names of all engines, and the `module:class` of each; the module is imported when its engine is first used.

Adding an engine is one line in `ENTRIES`. What an engine must offer is in `base`.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from colorizer.errors import UnknownEngine

if TYPE_CHECKING:  # the HTTP process asks for names and must not load numpy
    from colorizer.engines.base import Engine

ENTRIES = {
    "match": "colorizer.engines.match.engine:MatchEngine",
    "colorize_diffusion": "colorizer.engines.colorize_diffusion.engine:ColorizeDiffusionEngine",
    "colorflow": "colorizer.engines.colorflow.engine:ColorFlowEngine",
    "flux2_klein": "colorizer.engines.flux2_klein.engine:Flux2KleinEngine",
    "anime_diffusion": "colorizer.engines.anime_diffusion.engine:AnimeDiffusionEngine",
}


def names() -> tuple[str, ...]:
    """The engines' names, the default first."""
    return tuple(ENTRIES)


def get(name: str) -> Engine:
    """Returns the engine of that name, always the same object, so that loaded weights stay loaded.

    Raises `UnknownEngine` when there is none.
    """
    if name not in ENTRIES:
        raise unknown(name, ENTRIES)
    return _make(ENTRIES[name])


def unknown(name: str, known: Iterable[str]) -> UnknownEngine:
    """The error for a name that no engine has, with the nearest known name."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"There is: {', '.join(known)}."
    return UnknownEngine(f"There is no engine {name!r}. {hint}")


@cache
def _make(entry: str) -> Engine:
    module, _, attribute = entry.partition(":")
    from colorizer.engines.pages import with_pages

    engine: Engine = getattr(importlib.import_module(module), attribute)()
    return with_pages(engine)

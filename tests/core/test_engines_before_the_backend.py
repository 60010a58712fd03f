"""What is offered while no backend has been asked is what the built-in engine can do."""

from __future__ import annotations

from dataclasses import replace

from colorizer.engines import registry

from krita_colorize.core.engines import BUILT_IN
from krita_colorize.core.modes import Mode


def test_the_built_in_engine_is_as_the_backend_says() -> None:
    told, (known,) = registry.get("match").info, BUILT_IN
    assert known == replace(
        known,
        name=told.name,
        title=told.title,
        modes=frozenset(Mode(mode.value) for mode in told.modes),
        options=frozenset(told.options),
        max_references=told.max_references,
    )

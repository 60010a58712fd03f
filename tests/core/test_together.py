"""Which animations agree on colours: those of an engine that can, from a locked palette."""

from __future__ import annotations

from dataclasses import replace

import pytest

from krita_colorize.core.engines import BUILT_IN, together
from krita_colorize.core.settings import Options, Settings


def test_the_built_in_engine_does_before_anybody_was_asked() -> None:
    assert together(BUILT_IN, Settings())


@pytest.mark.parametrize(
    "settings",
    [Settings(engine="colorflow"), Settings(options=Options(palette_lock=False))],
)
def test_free_colours_and_unknown_engines_go_alone(settings: Settings) -> None:
    assert not together(BUILT_IN, settings)


def test_engines_without_sequences_go_alone() -> None:
    assert not together((replace(BUILT_IN[0], options=frozenset()),), Settings())

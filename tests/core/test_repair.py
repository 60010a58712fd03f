"""A repair takes the hints, and how they are read, from the sketch's settings of now; all else from the result's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from krita_colorize.core import repair
from krita_colorize.core.edits import Correction
from krita_colorize.core.request import Request
from krita_colorize.core.settings import Options, Settings, Source, SourceKind

SKETCH = Source(SourceKind.LAYER, "{1}", "Ink")


@pytest.mark.parametrize("advanced", [{}, {"clear_hints": True}, {"clear_hints": False, "guidance": 9}])
def test_how_hints_are_read_is_that_of_now(advanced: dict) -> None:
    old = Settings(options=Options(line_gap=0.05, advanced={"clear_hints": False, "guidance": 3}))
    now = Settings(hints="{2}", options=Options(advanced=advanced))
    made = repair.as_now(Request(SKETCH, 9, 9, old), now).settings
    assert (made.hints, made.options.line_gap, made.options.advanced["guidance"]) == ("{2}", 0.05, 3)
    assert made.options.advanced.get("clear_hints") == advanced.get("clear_hints")


def test_corrections_are_the_results_own() -> None:
    old, sketchs = Correction(1, 2, "#010203"), Correction(3, 4, "")
    request = Request(SKETCH, 9, 9, Settings(corrections=(old,)))
    made = repair.as_now(request, replace(Settings(), corrections=(sketchs,)))
    assert made.settings.corrections == (old,)

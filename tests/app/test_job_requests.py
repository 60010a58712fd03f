"""Where the layers go that are painted on: they are seen in their own colour, whatever lies above the sketch."""

from __future__ import annotations

from typing import Any

import pytest
from docker_stage import Page, wait

from krita_colorize.app.document import DocumentModel
from krita_colorize.app.job_requests import HINTS_NAME
from krita_colorize.app.session import Session


def names(page: Page) -> list[str]:
    """Of the layers at the top level, the topmost first."""
    return [layer.name for layer in page.document.layers if layer.depth == 0]


@pytest.fixture
def applied(ready: Session, page: Page, model: DocumentModel, qtbot: Any) -> Session:
    """A session whose sketch has its colours above it."""
    ready.colorize()
    wait(qtbot, lambda: model.results)
    ready.apply()
    wait(qtbot, lambda: page.document.undo)
    assert names(page)[1:] == ["Lines", "Sheet"]
    return ready


def test_a_mask_lies_above_the_colours(applied: Session, page: Page, qtbot: Any) -> None:
    before = names(page)
    applied.create_mask()
    wait(qtbot, lambda: len(names(page)) > len(before))
    assert names(page) == ["Foreground mask", *before]


def test_hints_lie_above_the_colours(applied: Session, page: Page, model: DocumentModel, qtbot: Any) -> None:
    before = names(page)
    applied.job_requests.make_hints(model)
    wait(qtbot, lambda: len(names(page)) > len(before))
    assert names(page) == [HINTS_NAME, *before]


def test_without_colours_hints_lie_above_the_sketch(
    ready: Session, page: Page, model: DocumentModel, qtbot: Any
) -> None:
    ready.job_requests.make_hints(model)
    wait(qtbot, lambda: len(names(page)) > 2)
    assert names(page) == [HINTS_NAME, "Lines", "Sheet"]

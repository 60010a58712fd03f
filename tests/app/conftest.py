"""Fixtures of the docker's tests."""

from __future__ import annotations

from typing import Any

import pytest
from docker_stage import Page, model, page, port, ready, scripted_home, session, shared_backend, wait

from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.session import Session

__all__ = ["applied", "model", "page", "port", "ready", "scripted_home", "session", "shared_backend"]


@pytest.fixture
def applied(ready: Session, page: Page, model: DocumentModel, qtbot: Any) -> Item:  # noqa: F811 - fixtures
    """A result whose group lies in the document."""
    model.change(model="masked")
    ready.colorize()
    wait(qtbot, lambda: model.results)
    ready.apply()
    wait(qtbot, lambda: page.document.undo)
    item = model.results[0]
    wait(qtbot, lambda: item.base is not None)
    return item

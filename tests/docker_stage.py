"""Fixtures for tests of the docker outside Krita: a fake Krita, a real backend with the scripted engine, a session.

The engine (tests/server/scripted_engines.py) does what the request's model says: "" is quick, "slow" takes half a
minute, "crash" ends the worker, "fails" complains about the sketch.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from colorizer.protocol import options as contract
from fake_port import FakeDocument, FakePort

from krita_colorize.app import backend as processes
from krita_colorize.app.backend import Backend, BackendState
from krita_colorize.app.document import DocumentModel, Item
from krita_colorize.app.session import Session
from krita_colorize.core import option_table
from krita_colorize.core.port import LayerInfo
from krita_colorize.qt import QtCore

OPTION_TABLE = option_table.read([option.model_dump() for option in contract.table()])
"""All options that there are, as a backend describes them."""

SERVER = Path(__file__).parent / "server" / "serve_with_scripted_engines.py"
PATIENCE_MS = 60_000


def write_launch_file(home: Path, *command: str) -> None:
    """Tells the docker how to start the backend."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "backend.json").write_text(json.dumps({"command": list(command), "version": "0.1.0"}), "utf-8")


def wait(qtbot: Any, condition: Callable[[], object]) -> None:
    """Lets Qt work until the condition holds."""
    qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE_MS)


def colorize(session: Session, qtbot: Any) -> Item:
    """Presses Colorize and waits until the new result and its base are there; returns it."""
    assert session.document is not None
    before = len(session.document.results)
    session.colorize()
    wait(qtbot, lambda: len(session.document.results) > before or session.error)
    item = session.document.results[0]
    wait(qtbot, lambda: item.base is not None)
    return item


def milestone(session: Session, condition: Callable[[], object], what: str) -> None:
    """Lets Qt work until the condition holds and says so on stdout: for sessions in processes of their own."""
    end = time.monotonic() + 100
    while not condition():
        QtCore.QCoreApplication.processEvents()
        time.sleep(0.01)
        if time.monotonic() > end:
            sys.exit(f"it didn't happen: {what}; {session.status}; {session.error}")
    print(what, flush=True)


@dataclass
class Page:
    """A document in the fake Krita with a reference layer and, selected, a sketch layer."""

    document: FakeDocument
    sheet: LayerInfo
    lines: LayerInfo

    @property
    def key(self) -> str:
        return self.document.info.key

    def find(self, name: str) -> str:
        """The id of the topmost layer or mask of that name."""
        return next(layer.id for layer in self.document.layers if layer.name == name)


def open_page(port: FakePort, name: str = "page.kra", *, width: int = 64, height: int = 48) -> Page:
    """Opens such a document."""
    document = port.open(name, width, height)
    sheet = port.add_layer(document, "Sheet", color=b"\x10\x80\xf0\xff")
    return Page(document, sheet, port.add_layer(document, "Lines"))


@pytest.fixture(scope="session")
def scripted_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose backend has the scripted engine."""
    home = tmp_path_factory.mktemp("scripted")
    write_launch_file(home, sys.executable, str(SERVER), "{}")
    return home


@pytest.fixture(scope="session")
def shared_backend(qapp: object, scripted_home: Path) -> Iterator[Backend]:
    """Keeps one backend process for all tests; starting one takes a second or two."""
    backend = processes.acquire(scripted_home)
    yield backend
    processes.release(backend)


@pytest.fixture
def port() -> FakePort:
    return FakePort()


@pytest.fixture
def session(port: FakePort, shared_backend: Backend, qtbot: Any) -> Iterator[Session]:
    """A session with an empty Krita, whose backend may or may not run yet."""
    session = Session(port, home=shared_backend.home)
    yield session
    session.close()
    session.deleteLater()


@pytest.fixture
def page(port: FakePort, session: Session, qtbot: Any) -> Page:
    """The only open document; its sketch uses the scripted engine and the layer "Sheet" as reference."""
    page = open_page(port)
    qtbot.waitUntil(lambda: session.document is not None and session.document.sketch is not None)
    model = session.document
    model.change(engine="scripted")
    session.references.add_layer(model, page.sheet)
    return page


@pytest.fixture
def model(session: Session, page: Page) -> DocumentModel:
    assert session.document is not None
    return session.document


@pytest.fixture
def ready(session: Session, qtbot: Any) -> Session:
    """The session with its backend running."""
    session.backend.need()
    qtbot.waitUntil(lambda: session.backend.state is BackendState.READY, timeout=PATIENCE_MS)
    return session

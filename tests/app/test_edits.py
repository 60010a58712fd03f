"""Palette edits on their way: they wait for the backend, and end with it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from krita_colorize.app.backend import BackendState
from krita_colorize.app.client import Failure
from krita_colorize.app.edits import STOPPED, Edits
from krita_colorize.qt import QtCore, Signal


class Backend(QtCore.QObject):
    """A backend that is told how it is."""

    changed = Signal()
    message = ""
    remote = False
    needed = 0
    state = BackendState.STOPPED

    def need(self) -> None:
        self.needed += 1

    def become(self, state: BackendState) -> None:
        self.state = state
        self.changed.emit()


class Call(QtCore.QObject):
    """A request that is answered by hand."""

    done = Signal(object)
    failed = Signal(object)
    aborted = False

    def abort(self) -> None:
        self.aborted = True


class Stage:
    """Edits over stand-ins; `told` holds what came of each edit."""

    def __init__(self) -> None:
        self.backend, self.calls, self.told = Backend(), [], []
        client = SimpleNamespace(post_bundle=self._post)
        workers = SimpleNamespace(run=lambda work, then, failed: then(work()))
        self.edits = Edits(
            SimpleNamespace(backend=self.backend, client=client, workers=workers), self.told.append
        )

    def _post(self, path: str, body: Any) -> Call:
        self.calls.append(Call())
        return self.calls[-1]

    def make(self) -> None:
        self.edits.make(QtCore.QByteArray, self.told.append, lambda error: self.told.append(str(error)))


@pytest.fixture
def stage(qapp: object) -> Stage:
    return Stage()


def test_edit_starts_the_backend_and_waits_for_it(stage: Stage) -> None:
    stage.make()
    assert (stage.backend.needed, stage.calls) == (1, [])
    stage.backend.become(BackendState.READY)
    stage.backend.changed.emit()
    (call,) = stage.calls
    call.done.emit([b"answer"])
    assert stage.told == [[b"answer"]]


def test_edit_ends_with_the_backend(stage: Stage) -> None:
    stage.backend.become(BackendState.READY)
    stage.make()
    stage.backend.become(BackendState.STOPPED)
    assert stage.calls[0].aborted
    assert stage.told == [STOPPED]


def test_refusals_are_told(stage: Stage) -> None:
    stage.backend.become(BackendState.READY)
    stage.make()
    stage.calls[0].failed.emit(Failure("queue_full", "Too many at once."))
    assert stage.told == ["Too many at once."]


def test_closing_drops_what_is_on_its_way(stage: Stage) -> None:
    stage.backend.become(BackendState.READY)
    stage.make()
    stage.edits.close()
    assert stage.calls[0].aborted
    assert stage.told == []

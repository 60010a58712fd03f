"""The backend's catalogue of models: the list, and the running download, conversion or check.

It sends no requests until the list is shown (`refresh`), so that the backend isn't started unnecessarily.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from krita_colorize.app import client as http
from krita_colorize.app.backend import BackendState
from krita_colorize.app.client import Call, Client, Events, Failure
from krita_colorize.app.guard import guarded
from krita_colorize.app.servers import Servers
from krita_colorize.app.timers import single_shot
from krita_colorize.core import catalogue
from krita_colorize.core.catalogue import Model, Task
from krita_colorize.core.errors import UserError
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, Signal

ASK_AGAIN_MS = 3000


class Catalogue(QtCore.QObject):
    """The model of the Models page. `changed` follows every change, `models_changed` a change of the installed
    models."""

    changed = Signal()
    models_changed = Signal()

    def __init__(self, backend: Servers, client: Client, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self.models: tuple[Model, ...] = ()
        self.task: Task | None = None
        self.problem = ""
        self.asks_prediction: Path | None = None
        """The artist's model file whose prediction type (epsilon or velocity) the backend couldn't detect."""
        self._backend = backend
        self._client = client
        self._waiting = False
        self._events: Events | None = None
        self._brought: Path | None = None
        self._again = single_shot(self, self._ask_again)
        backend.changed.connect(self._on_backend_changed)

    @property
    def busy(self) -> bool:
        """Whether a change is running."""
        return self.task is not None and self.task.running

    def report(self, sentence: str) -> None:
        """Shows an error on the page."""
        self.problem = sentence
        self.changed.emit()

    # what the artist can do

    @guarded
    def refresh(self) -> None:
        """Requests the list; starts the backend if it isn't running."""
        if self._backend.state is not BackendState.READY:
            self._waiting = True
            self._backend.need()
            self.changed.emit()
            return
        self._follow_call(self._client.get("/v1/models"), self._on_list)

    @guarded
    def download(self, model: Model) -> None:
        """Downloads and installs a model, whose licence the artist has read and accepted."""
        body = {"accept_licence": True}
        call = self._client.post_json(f"/v1/models/{model.name}/download", body)
        self._follow_call(call, self._on_started)

    @guarded
    def verify(self, model: Model) -> None:
        """Compares every file of a model with its hash from the installation."""
        self._follow_call(self._client.post_json(f"/v1/models/{model.name}/verify", {}), self._on_started)

    @guarded
    def remove(self, model: Model) -> None:
        """Removes a model."""
        self._follow_call(self._client.delete(f"/v1/models/{model.name}"), self._on_removed)

    @guarded
    def stop(self) -> None:
        """Stops the running change; a download resumes when it is started again."""
        self._follow_call(self._client.delete("/v1/task"), self._on_started)

    @guarded
    def bring(self, path: Path, prediction: str = "") -> None:
        """Converts the artist's own model file or folder; the backend detects what kind of model it is. `prediction` is
        "epsilon" or "v_prediction" if the artist has chosen it."""
        self.report("")
        self.asks_prediction = None
        if not path.is_dir() and path.suffix.lower() not in catalogue.SUFFIXES:
            endings = ", ".join(catalogue.SUFFIXES)
            raise UserError(
                tr(
                    "{name} isn't a model file. Choose one that ends in {endings}.",
                    name=path.name,
                    endings=endings,
                )
            )
        self._brought = path
        own = {"path": str(path), "prediction": prediction}
        self._follow_call(self._client.post_json("/v1/models", own), self._on_started)

    # answers

    def _follow_call(self, call: Call, then: Callable[[list[bytes]], None]) -> None:
        self.problem = ""
        call.done.connect(then)
        call.failed.connect(self._on_failure)

    @guarded
    def _on_backend_changed(self) -> None:
        if self._backend.state is BackendState.READY and self._waiting:
            self._waiting = False
            self.refresh()
        elif self._backend.state in (BackendState.ERROR, BackendState.STOPPED):
            if self.task is not None and self.task.running:
                self.task = None
            self.problem = self._backend.message
            self.changed.emit()

    @guarded
    def _on_failure(self, failure: Failure) -> None:
        self.report(failure.message)
        if failure.code == "gone" and self.busy and self._backend.state is BackendState.READY:
            self._again.start(ASK_AGAIN_MS)  # the change continues in the backend

    @guarded
    def _on_list(self, pieces: list[bytes]) -> None:
        self._take_list(http.read_json(pieces))

    @guarded
    def _on_removed(self, pieces: list[bytes]) -> None:
        self._take_list(http.read_json(pieces))
        self.models_changed.emit()

    def _take_list(self, data: dict[str, Any]) -> None:
        self.models = catalogue.read_models(data)
        self.task = catalogue.read_task(data["task"])
        if self.task is not None and self.task.running:
            self._listen()
        self.changed.emit()

    @guarded
    def _on_started(self, pieces: list[bytes]) -> None:
        self.task = catalogue.read_task(http.read_json(pieces)["task"])
        if self.task is not None and self.task.running:
            self._listen()
        self.changed.emit()

    def _listen(self) -> None:
        if self._events is None:
            self._events = self._client.events("/v1/task/events")
            self._events.status.connect(self._on_status)
            self._events.ended.connect(self._on_silence)

    @guarded
    def _on_status(self, status: dict[str, Any]) -> None:
        self.task = task = catalogue.read_task(status)
        if task is None or task.running:
            self.changed.emit()
            return
        self.problem = task.error or " ".join(task.problems)
        if task.kind == "convert" and catalogue.SAYS_PREDICTION in task.error:
            self.asks_prediction = self._brought
        self.changed.emit()
        self.models_changed.emit()

    @guarded
    def _on_silence(self, _: Failure | None) -> None:
        problem, self._events = self.problem, None
        self.refresh()
        self.problem = problem

    @guarded
    def _ask_again(self) -> None:
        if self._backend.state is BackendState.READY:
            self.refresh()

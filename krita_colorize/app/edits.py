"""Sends palette edits to the backend, which runs them at once, beside jobs (docs/wire.md, "Edit").

An edit only waits until the backend is ready. `palettes` builds the request and uses the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from krita_colorize.app import memory
from krita_colorize.app.backend import BackendState
from krita_colorize.app.client import Call, Failure
from krita_colorize.app.guard import guarded
from krita_colorize.app.job import Services
from krita_colorize.app.memory import Body
from krita_colorize.core.errors import UserError
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore

STOPPED = "The colour engine was stopped before the colours were changed. Try again."


@dataclass(eq=False)
class _Edit:
    body: Body
    then: Callable[[list[bytes]], None]
    failed: Callable[[Exception], None]
    call: Call | None = None


class Edits(QtCore.QObject):
    """Sends edits and passes their answers on."""

    def __init__(
        self, services: Services, report: Callable[[str], None], parent: QtCore.QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.report = report
        self._services = services
        self._edits: list[_Edit] = []
        services.backend.changed.connect(self._on_backend_changed)

    def make(
        self,
        pack: Callable[[], Body],
        then: Callable[[list[bytes]], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Runs `pack` on a worker thread and sends its bundle, then calls `then` with the body of the answer in
        pieces, or `failed` with the error."""
        self._services.workers.run(pack, lambda body: self._add(_Edit(body, then, failed)), failed)

    def close(self) -> None:
        """Aborts all edits."""
        self._services.backend.changed.disconnect(self._on_backend_changed)
        for edit in self._edits:
            if edit.call is not None:
                edit.call.abort()
            memory.close(edit.body)
        self._edits.clear()

    def _add(self, edit: _Edit) -> None:
        self._edits.append(edit)
        self._services.backend.need()
        self._hand_over()

    @guarded
    def _on_backend_changed(self) -> None:
        backend = self._services.backend
        if backend.state in (BackendState.ERROR, BackendState.STOPPED):
            for edit in list(self._edits):
                if edit.call is not None:
                    edit.call.abort()
                self._end(edit)
                edit.failed(UserError(backend.message or tr(STOPPED)))
        self._hand_over()

    def _hand_over(self) -> None:
        if self._services.backend.state is not BackendState.READY:
            return
        for edit in self._edits:
            if edit.call is None:
                edit.call = self._services.client.post_bundle("/v1/edits", edit.body)
                edit.call.done.connect(partial(self._on_done, edit))
                edit.call.failed.connect(partial(self._on_failed, edit))

    @guarded
    def _on_done(self, edit: _Edit, pieces: list[bytes]) -> None:
        self._end(edit)
        edit.then(pieces)

    @guarded
    def _on_failed(self, edit: _Edit, failure: Failure) -> None:
        self._end(edit)
        if failure.code == "gone" and self._services.backend.remote:
            self._services.backend.lost()
        edit.failed(UserError(failure.message))

    def _end(self, edit: _Edit) -> None:
        memory.close(edit.body)
        self._edits.remove(edit)

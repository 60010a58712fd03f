"""A progress bar for the command line; prints nothing if stderr isn't a terminal."""

from __future__ import annotations

import sys
from types import TracebackType

import rich.console
import rich.progress


class ProgressBar:
    """Shows named stages with their progress on stderr. Engines, trainers and reports call `stage`."""

    def __init__(self) -> None:
        console = rich.console.Console(stderr=True)
        self._bar = rich.progress.Progress(console=console, transient=True, disable=not sys.stderr.isatty())
        self._task: rich.progress.TaskID | None = None

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def stage(self, name: str, done: float = 0, total: float = 1) -> None:
        """Shows the stage `name` with `done` of `total`; another name starts a new stage."""
        if self._task is None:
            self._task = self._bar.add_task(name)
        self._bar.update(self._task, description=name, completed=done, total=total)

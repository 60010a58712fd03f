"""A progress bar on a terminal for long work on the command line; silent where nobody watches."""

from __future__ import annotations

import sys
from types import TracebackType

import rich.console
import rich.progress


class ProgressBar:
    """Shows named stages with done/total on stderr. `stage` is what engines, trainers and reports call."""

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
        """Moves the bar; a new name replaces the old one."""
        if self._task is None:
            self._task = self._bar.add_task(name)
        self._bar.update(self._task, description=name, completed=done, total=total)

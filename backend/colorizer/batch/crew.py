"""Runs a batch's tasks in this process, one after another. `cluster` runs them on many machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from colorizer.batch.work import Desk, Failure, Setup, Tell, attempt

Task = Callable[[], tuple[Any, ...]]
"""Returns the arguments of a step. Called just before they are needed, so that few pages are in memory at once."""


class Crew(Protocol):
    """Runs the tasks of one step."""

    def run(self, step: str, tasks: Sequence[Task]) -> Iterator[tuple[int, Any]]:
        """Runs tasks and yields the index of each with its result or `Failure`, in the order in which they finish.

        Args:
            step: the name of a method of `work.Desk`.
            tasks: functions that return the step's arguments.
        """


class LocalCrew:
    """Runs all tasks in this process."""

    def __init__(self, setup: Setup, tell: Tell) -> None:
        self._setup = setup
        self._tell = tell

    @cached_property
    def _desk(self) -> Desk:
        """The desk, made at the first task, because a finished batch needs no weights."""
        return Desk(self._setup, self._tell)

    def run(self, step: str, tasks: Sequence[Task]) -> Iterator[tuple[int, Any]]:
        """See `Crew.run`; yields the results in the order of the tasks."""
        for index, task in enumerate(tasks):
            arguments = prepared(task)
            yield index, arguments if isinstance(arguments, Failure) else attempt(self._desk, step, arguments)


def prepared(task: Task) -> tuple[Any, ...] | Failure:
    """A task's arguments, or a `Failure` if its files can't be read."""
    try:
        return task()
    except OSError as error:
        name = Path(error.filename).name if error.filename else "A file"
        return Failure(f"{name} can't be opened: {error.strerror or error}. Check the path.")

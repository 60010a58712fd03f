"""Runs a batch's tasks in this process, one after the other. `cluster` runs them on many machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from colorizer.batch.work import Desk, Failure, Setup, Tell, attempt

Task = Callable[[], tuple[Any, ...]]
"""Gives the arguments of a step when they are needed, so that not all pages are in memory at once."""


class Crew(Protocol):
    """Does many tasks of one step."""

    def run(self, step: str, tasks: Sequence[Task]) -> Iterator[tuple[int, Any]]:
        """The place of each task and its result or `Failure`, as they are finished, in any order.

        Args:
            step: a method of `work.Desk`.
            tasks: the arguments.
        """


class LocalCrew:
    """This process."""

    def __init__(self, setup: Setup, tell: Tell) -> None:
        self._setup = setup
        self._tell = tell

    @cached_property
    def _desk(self) -> Desk:
        """Made when there is work: a finished batch needs no weights."""
        return Desk(self._setup, self._tell)

    def run(self, step: str, tasks: Sequence[Task]) -> Iterator[tuple[int, Any]]:
        """See `Crew`; in order."""
        for index, task in enumerate(tasks):
            arguments = prepared(task)
            yield index, arguments if isinstance(arguments, Failure) else attempt(self._desk, step, arguments)


def prepared(task: Task) -> tuple[Any, ...] | Failure:
    """A task's arguments, or why its files can't be read."""
    try:
        return task()
    except OSError as error:
        name = Path(error.filename).name if error.filename else "A file"
        return Failure(f"{name} can't be opened: {error.strerror or error}. Check the path.")

"""The tests' reports: what an engine or a job tells where it is (`colorizer.engines.base.Report`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from colorizer.errors import Cancelled


class Silent:
    """A report that nobody reads."""

    def stage(self, name: str, done: int = 0, total: int = 1) -> None:
        assert 0 <= done <= total, (name, done, total)

    def preview(self, picture: Callable[[], Any]) -> None:
        """Nobody wants to see it, so it isn't made."""

    def finish(self, preview: bytes, bundle: list[Any], record: dict[str, Any]) -> None:
        """The end of a job (`colorizer.server.run_job`)."""


class Listener(Silent):
    """Remembers everything; may cancel.

    Args:
        stop_at: the stage at which it cancels.
        done: how much of that stage has to be done.
        calls: how often it has to have been told so.
    """

    def __init__(self, stop_at: str = "", *, done: int = 0, calls: int = 1) -> None:
        self.stages: list[tuple[str, int, int]] = []
        self.previews: list[Any] = []
        self.record: dict[str, Any] | None = None
        self._stop = (stop_at, done)
        self._left = calls

    @property
    def names(self) -> list[str]:
        """Of the stages."""
        return [name for name, _, _ in self.stages]

    def stage(self, name: str, done: int = 0, total: int = 1) -> None:
        super().stage(name, done, total)
        self.stages.append((name, done, total))
        if name == self._stop[0] and done >= self._stop[1]:
            self._left -= 1
            if self._left <= 0:
                raise Cancelled("cancelled")

    def preview(self, picture: Callable[[], Any]) -> None:
        self.previews.append(picture())

    def finish(self, preview: bytes, bundle: list[Any], record: dict[str, Any]) -> None:
        self.record = record

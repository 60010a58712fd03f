"""A progress report that shows nothing."""

from __future__ import annotations

from collections.abc import Callable

from colorizer.engines.base import Picture


class Silent:
    """An engine's `Report` that discards everything."""

    def stage(self, name: str, done: int = 0, total: int = 1) -> None:
        """Does nothing."""

    def preview(self, picture: Callable[[], Picture]) -> None:
        """Does nothing."""

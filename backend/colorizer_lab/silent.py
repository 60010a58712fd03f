"""A report for work that nobody watches."""

from __future__ import annotations

from collections.abc import Callable

from colorizer.engines.base import Picture


class Silent:
    """An engine's `Report` that nobody listens to."""

    def stage(self, name: str, done: int = 0, total: int = 1) -> None:
        """Goes on."""

    def preview(self, picture: Callable[[], Picture]) -> None:
        """Nobody looks."""

"""One object for each home folder, shared by all windows of this Krita; it is closed with the last window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar


class _Closing(Protocol):
    home: Path

    def close(self) -> None: ...

    def deleteLater(self) -> None: ...  # noqa: N802 - Qt's name


T = TypeVar("T", bound=_Closing)


class Shared(Generic[T]):
    """Those of one kind, and how many windows use each."""

    def __init__(self, make: Callable[[Path], T]) -> None:
        self._make = make
        self._used: dict[Path, tuple[T, int]] = {}

    def acquire(self, home: Path) -> T:
        """The one for that home. Give it back with `release`."""
        found, users = self._used.get(home) or (self._make(home), 0)
        self._used[home] = (found, users + 1)
        return found

    def release(self, found: T) -> None:
        """Gives back what `acquire` gave; the last one to do so closes it."""
        _, users = self._used[found.home]
        if users > 1:
            self._used[found.home] = (found, users - 1)
            return
        del self._used[found.home]
        found.close()
        found.deleteLater()
